package dev.anser.text;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A tokenizer that a `tokenizer.json` of Hugging Face describes, of any kind: byte-level and
/// SentencePiece BPE, unigrams, word pieces.
///
/// Their own library encodes, so ids are theirs. It knows texts only: bytes that are not UTF-8
/// become the tokens of single bytes, where the vocabulary has them. The bytes of a token come from
/// the vocabulary, not from the library's decoder, which cannot tell a part of a character.
///
/// Special tokens are recognised in texts. What the vocabulary changes before it encodes, such as
/// Unicode normalisation, decoding does not undo.
public final class HuggingFaceTokenizer implements Tokenizer {
    /// Names of tokens that end a document, when no `tokenizer_config.json` says which one does.
    private static final List<String> ENDS =
            List.of(
                    "<|endoftext|>",
                    "<|end_of_text|>",
                    "</s>",
                    "<eos>",
                    "<｜end▁of▁sentence｜>",
                    "<|im_end|>",
                    "[SEP]");

    private final String source;
    private final TokenizerJson vocabulary;
    private final NativeTokenizer library;
    private final int endOfText;
    private final int beginOfText;

    private HuggingFaceTokenizer(String source, byte[] content, @Nullable String end) {
        this.source = source;
        this.vocabulary = TokenizerJson.parse(source, content);
        this.library = new NativeTokenizer(source, new String(content, StandardCharsets.UTF_8));
        this.endOfText = end == null ? vocabulary.firstOf(ENDS) : vocabulary.id(end);
        if (end != null && endOfText < 0) {
            throw new TokenizerException(
                    source
                            + ": has no token \""
                            + JsonTree.shown(end)
                            + "\", which is said to end documents");
        }
        int[] added = library.encode("", true);
        // What stands in front of a text; of a pair of marks, the first.
        this.beginOfText = added.length > 0 && added[0] != endOfText ? added[0] : -1;
        requireSameIds();
    }

    /// Reads `file`, and which token ends documents from a `tokenizer_config.json` beside it.
    ///
    /// @throws TokenizerException when it cannot be read or used; the message says why
    public static HuggingFaceTokenizer load(Path file) {
        Path config = file.resolveSibling("tokenizer_config.json");
        String end = Files.isRegularFile(config) ? end(config) : null;
        return new HuggingFaceTokenizer(file.toString(), content(file), end);
    }

    /// Reads a tokenizer from the bytes of such a file; `source` names it in messages.
    ///
    /// @throws TokenizerException when it cannot be used; the message says why
    public static HuggingFaceTokenizer load(String source, byte[] content) {
        return new HuggingFaceTokenizer(source, content, null);
    }

    private static byte[] content(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            return in.readNBytes(TokenizerJson.MAX_FILE_BYTES + 1);
        } catch (IOException e) {
            String reason = e.getClass().getSimpleName();
            throw new TokenizerException(
                    file + ": the vocabulary cannot be read (" + reason + "); check the path", e);
        }
    }

    private static @Nullable String end(Path config) {
        JsonTree tree = JsonTree.read(config.toString(), content(config));
        JsonTree token = tree.object("eos_token");
        return token == null ? tree.string("eos_token") : token.string("content");
    }

    /// The library numbers added tokens by their place, whatever the file says.
    private void requireSameIds() {
        for (int id : vocabulary.added()) {
            String token = vocabulary.token(id);
            int[] ids = library.encode(token, false);
            if (ids.length == 1 && ids[0] != id) {
                throw new TokenizerException(
                        source
                                + ": says that token \""
                                + JsonTree.shown(token)
                                + "\" has id "
                                + id
                                + ", but its place among the added tokens gives it "
                                + ids[0]);
            }
        }
    }

    @Override
    public int[] encode(byte[] bytes) {
        CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
        ByteBuffer in = ByteBuffer.wrap(bytes);
        CharBuffer out = CharBuffer.allocate(bytes.length);
        int[] ids = {};
        while (true) {
            CoderResult result = decoder.decode(in, out.clear(), true);
            if (out.flip().hasRemaining()) {
                ids = joined(ids, known(out.toString()));
            }
            if (!result.isError()) {
                return ids;
            }
            int[] single = new int[result.length()];
            for (int i = 0; i < single.length; i++) {
                single[i] = vocabulary.idOfByte(in.get(), in.position() - 1);
            }
            ids = joined(ids, single);
            decoder.reset();
        }
    }

    private int[] known(String text) {
        int[] ids = library.encode(text, false);
        for (int id : ids) {
            if (id == vocabulary.unknown() || !vocabulary.contains(id)) {
                throw new TokenizerException(
                        "no token of "
                                + source
                                + " covers a character of the text; it has id "
                                + id
                                + " for whatever it does not know");
            }
        }
        if (vocabulary.dropsCharacters() && !text.equals(text(ids))) {
            throw new TokenizerException(
                    "no token of "
                            + source
                            + " covers a character of the text; its tokens give \""
                            + JsonTree.shown(text(ids))
                            + "\"");
        }
        return ids;
    }

    private String text(int[] ids) {
        return new String(decode(ids), StandardCharsets.UTF_8);
    }

    private static int[] joined(int[] first, int[] second) {
        if (first.length == 0) {
            return second;
        }
        int[] all = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, all, first.length, second.length);
        return all;
    }

    @Override
    public boolean contains(int id) {
        return vocabulary.contains(id);
    }

    @Override
    public byte[] bytes(int id) {
        return id == endOfText ? new byte[0] : vocabulary.bytes(id).clone();
    }

    /// The bytes of `ids`, one after the other, without the space that the vocabulary puts in front
    /// of every text.
    @Override
    public byte[] decode(int... ids) {
        int total = 0;
        for (int id : ids) {
            total = Math.addExact(total, id == endOfText ? 0 : vocabulary.bytes(id).length);
        }
        byte[] bytes = new byte[total];
        int at = 0;
        for (int id : ids) {
            if (id != endOfText) {
                byte[] token = vocabulary.bytes(id);
                System.arraycopy(token, 0, bytes, at, token.length);
                at += token.length;
            }
        }
        return vocabulary.dropsFirstSpace() && total > 0 && bytes[0] == ' '
                ? Arrays.copyOfRange(bytes, 1, total)
                : bytes;
    }

    @Override
    public int vocabularySize() {
        return vocabulary.size();
    }

    @Override
    public int endOfText() {
        return endOfText;
    }

    @Override
    public int beginOfText() {
        return beginOfText;
    }
}
