package dev.anser.text;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What Anser reads itself from a `tokenizer.json`: which bytes each id stands for.
final class TokenizerJson {
    /// The largest known file has 35 MB and 262144 tokens.
    static final int MAX_FILE_BYTES = 1 << 27;

    private static final int MAX_ID = (1 << 21) - 1;

    private final String source;
    private final Map<String, Integer> ids = new HashMap<>();
    private @Nullable String[] tokens = new String[1024];
    private byte[] @Nullable [] bytes = new byte[0][];
    private int size;
    private int[] added = {};
    private int unknown = -1;
    private boolean dropsCharacters;
    private final TokenSpelling spelling;
    private final int[] bytesToIds = new int[256];

    private TokenizerJson(String source, JsonTree tree) {
        this.source = source;
        JsonTree model = tree.object("model");
        if (model == null) {
            throw new TokenizerException(
                    source
                            + ": has no \"model\"; expected a tokenizer.json of Hugging Face's"
                            + " tokenizers");
        }
        this.spelling = TokenSpelling.of(tree);
        readVocabulary(model);
        readAdded(tree.objects("added_tokens"));
        if (size == 0) {
            throw new TokenizerException(source + ": has no tokens");
        }
        readUnknown(model);
        spell();
        this.dropsCharacters =
                unknown < 0
                        && tree.object("normalizer") == null
                        && Arrays.stream(bytesToIds).anyMatch(id -> id < 0);
    }

    /// @throws TokenizerException when something that is needed is missing or wrong
    static TokenizerJson parse(String source, byte[] content) {
        if (content.length > MAX_FILE_BYTES) {
            throw new TokenizerException(
                    source
                            + ": is larger than "
                            + (MAX_FILE_BYTES >> 20)
                            + " MiB; expected a tokenizer.json");
        }
        return new TokenizerJson(source, JsonTree.read(source, content));
    }

    private void readVocabulary(JsonTree model) {
        JsonTree vocabulary = model.object("vocab");
        if (vocabulary != null) {
            vocabulary.fields().forEach((token, id) -> add((String) token, id, false));
            return;
        }
        List<?> pieces = model.array("vocab");
        if (pieces.isEmpty()) {
            throw new TokenizerException(source + ": model has no \"vocab\"");
        }
        for (int id = 0; id < pieces.size(); id++) {
            if (!(pieces.get(id) instanceof List<?> pair)
                    || pair.size() != 2
                    || !(pair.getFirst() instanceof String token)) {
                throw new TokenizerException(
                        source + ": vocab[" + id + "] is not a token and its score");
            }
            add(token, (double) id, false);
        }
    }

    private void readAdded(List<JsonTree> list) {
        added = new int[list.size()];
        for (int i = 0; i < added.length; i++) {
            JsonTree token = list.get(i);
            String content = token.string("content");
            if (content == null) {
                throw new TokenizerException(token.where() + " has no \"content\"");
            }
            added[i] = add(content, token.number("id", -1), true);
        }
    }

    private int add(String token, @Nullable Object value, boolean again) {
        if (!(value instanceof Double number)
                || number < 0
                || number > MAX_ID
                || number != Math.rint(number)) {
            throw new TokenizerException(
                    source
                            + ": token \""
                            + JsonTree.shown(token)
                            + "\" has id "
                            + JsonTree.shown(String.valueOf(value))
                            + ", expected 0 to "
                            + MAX_ID);
        }
        int id = number.intValue();
        if (id >= tokens.length) {
            tokens = Arrays.copyOf(tokens, Math.max(id + 1, tokens.length * 2));
        }
        String other = tokens[id];
        Integer before = ids.put(token, id);
        boolean same = again && token.equals(other) && before != null && before == id;
        if (!same && (other != null || before != null)) {
            throw new TokenizerException(
                    source
                            + ": token \""
                            + JsonTree.shown(token)
                            + "\" has id "
                            + id
                            + (other != null
                                    ? ", which token \"" + JsonTree.shown(other) + "\" has too"
                                    : ", and " + before + " before"));
        }
        tokens[id] = token;
        size = Math.max(size, id + 1);
        return id;
    }

    private void readUnknown(JsonTree model) {
        String token = model.string("unk_token");
        if (token != null) {
            unknown = id(token);
        } else {
            unknown = (int) model.number("unk_id", -1);
        }
    }

    private void spell() {
        boolean[] literal = new boolean[size];
        for (int id : added) {
            literal[id] = true;
        }
        bytes = new byte[size][];
        for (int id = 0; id < size; id++) {
            String token = tokens[id];
            if (token != null) {
                bytes[id] =
                        literal[id]
                                ? token.getBytes(java.nio.charset.StandardCharsets.UTF_8)
                                : spelling.bytes(token);
            }
        }
        for (int value = 0; value < bytesToIds.length; value++) {
            String token = spelling.byteToken(value);
            bytesToIds[value] = token == null ? -1 : id(token);
        }
    }

    /// What it was read from, for messages.
    String source() {
        return source;
    }

    /// How its tokens spell bytes.
    TokenSpelling spelling() {
        return spelling;
    }

    /// Whether a token stands for one byte of a character that no token covers.
    boolean isByte(int id) {
        byte[] spelled = bytes(id);
        return !spelling.byteLevel() && spelled.length == 1 && bytesToIds[spelled[0] & 0xff] == id;
    }

    /// One more than the largest id.
    int size() {
        return size;
    }

    boolean contains(int id) {
        return id >= 0 && id < size && tokens[id] != null;
    }

    /// The bytes of a token, borrowed.
    byte[] bytes(int id) {
        byte @Nullable [] found = contains(id) ? bytes[id] : null;
        if (found == null) {
            throw new TokenizerException(
                    "token id "
                            + id
                            + " is not in "
                            + source
                            + ", whose largest id is "
                            + (size - 1));
        }
        return found;
    }

    /// How the file writes a token.
    String token(int id) {
        String token = tokens[id];
        if (token == null) {
            throw new IllegalArgumentException("no token " + id);
        }
        return token;
    }

    /// The id of a token as the file writes it, or -1.
    int id(String token) {
        return ids.getOrDefault(token, -1);
    }

    /// The id of the first of `names` that is a token, or -1.
    int firstOf(List<String> names) {
        return names.stream().mapToInt(this::id).filter(id -> id >= 0).findFirst().orElse(-1);
    }

    /// The id of a token for one byte.
    ///
    /// @param offset where the byte stands, for the message
    /// @throws TokenizerException when there is none
    int idOfByte(byte value, int offset) {
        int id = bytesToIds[value & 0xff];
        if (id < 0) {
            throw new TokenizerException(
                    String.format(
                            "no token of %s covers byte 0x%02x, which is not UTF-8, at offset %d of"
                                    + " the text",
                            source, value, offset));
        }
        return id;
    }

    /// The ids of tokens that were added to the vocabulary, which stand for themselves.
    int[] added() {
        return added;
    }

    /// The id for what no token covers, or -1.
    int unknown() {
        return unknown;
    }

    /// Whether the library may leave out characters that no token covers, without a word.
    boolean dropsCharacters() {
        return dropsCharacters;
    }

    /// Whether the space in front of a text is not of the text.
    boolean dropsFirstSpace() {
        return spelling.dropsFirstSpace();
    }
}
