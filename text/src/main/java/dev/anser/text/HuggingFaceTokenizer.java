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
import java.util.Set;

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
    private final Set<Integer> ends;
    private final int beginOfText;

    private HuggingFaceTokenizer(String source, byte[] content, TokenizerSettings settings) {
        this.source = source;
        this.vocabulary = TokenizerJson.parse(source, content);
        this.library = new NativeTokenizer(source, new String(content, StandardCharsets.UTF_8));
        String end = settings.end();
        this.endOfText =
                end != null
                        ? named(end, "end documents")
                        : settings.ends().stream()
                                .filter(vocabulary::contains)
                                .findFirst()
                                .orElseGet(() -> vocabulary.firstOf(ENDS));
        this.ends = Set.copyOf(settings.ends());
        this.beginOfText = begin(settings);
        requireSameIds();
    }

    private int named(String token, String use) {
        int id = vocabulary.id(token);
        if (id < 0) {
            throw new TokenizerException(
                    source
                            + ": has no token \""
                            + JsonTree.shown(token)
                            + "\", which is said to "
                            + use);
        }
        return id;
    }

    private int begin(TokenizerSettings settings) {
        if (Boolean.FALSE.equals(settings.begins())) {
            return -1;
        }
        String begin = settings.begin();
        return begin != null && Boolean.TRUE.equals(settings.begins())
                ? named(begin, "begin texts")
                : addedInFront();
    }

    /// What the library puts in front of a text; of several marks, the first.
    private int addedInFront() {
        int[] plain = library.encode("a", false);
        int[] marked = library.encode("a", true);
        if (marked.length == plain.length || Arrays.mismatch(plain, marked) != 0) {
            return -1;
        }
        // Where no token covers the text, a mark behind it stands first too.
        return plain.length == 0 && marked[0] == endOfText ? -1 : marked[0];
    }

    /// Reads `file`, and what is said beside it: which token ends documents and whether one begins
    /// texts in `tokenizer_config.json`, at which ids generation stops in `generation_config.json`.
    ///
    /// @throws TokenizerException when it cannot be read or used; the message says why
    public static HuggingFaceTokenizer load(Path file) {
        return load(file.toString(), content(file), TokenizerSettings.beside(file));
    }

    /// Reads a tokenizer from the bytes of such a file; `source` names it in messages.
    ///
    /// @throws TokenizerException when it cannot be used; the message says why
    public static HuggingFaceTokenizer load(String source, byte[] content) {
        return load(source, content, TokenizerSettings.NONE);
    }

    static HuggingFaceTokenizer load(String source, byte[] content, TokenizerSettings settings) {
        return new HuggingFaceTokenizer(source, content, settings);
    }

    /// The bytes of a file, of too long a one only as many as show that.
    static byte[] content(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            return in.readNBytes(TokenizerJson.MAX_FILE_BYTES + 1);
        } catch (IOException e) {
            String reason = e.getClass().getSimpleName();
            throw new TokenizerException(
                    file + ": the vocabulary cannot be read (" + reason + "); check the path", e);
        }
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
    public boolean ends(int id) {
        return ends.contains(id) || Tokenizer.super.ends(id);
    }

    @Override
    public int beginOfText() {
        return beginOfText;
    }
}
