package dev.anser.text;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JsonGenerator;

/// The tokens of a GGUF file: what each id is written as, and of what kind it is.
final class GgufVocabulary {
    /// `tokenizer.ggml.token_type` of a usual token.
    static final int NORMAL = 1;

    /// That of what stands for what no token covers.
    static final int UNKNOWN = 2;

    /// That of tokens that mark something, such as the end of a document.
    static final int CONTROL = 3;

    /// That of whole texts that are one token wherever they stand.
    static final int USER_DEFINED = 4;

    /// That of an id without a token.
    static final int UNUSED = 5;

    /// That of a token for one byte.
    static final int BYTE = 6;

    /// No known token has more characters than 512; longer ones would cost time alone.
    private static final int MAX_TOKEN_CHARACTERS = 1024;

    private final List<String> tokens;
    private final int[] types;
    private final Map<String, Integer> ids = new HashMap<>();

    private GgufVocabulary(List<String> tokens, int[] types) {
        this.tokens = tokens;
        this.types = types;
    }

    /// Reads them.
    ///
    /// @throws TokenizerException when there are none, types are missing or unknown, or a token is
    ///   empty, too long or there twice
    static GgufVocabulary of(GgufValues values) {
        List<String> tokens = values.texts("tokens");
        List<Long> types = values.integers("token_type");
        if (tokens.isEmpty()) {
            throw values.error("tokens is empty");
        }
        if (values.has("token_type") && types.size() != tokens.size()) {
            throw values.error(
                    "token_type has " + types.size() + " items for " + tokens.size() + " tokens");
        }
        int[] narrow = new int[tokens.size()];
        GgufVocabulary vocabulary = new GgufVocabulary(tokens, narrow);
        for (int id = 0; id < narrow.length; id++) {
            long type = types.isEmpty() ? NORMAL : types.get(id);
            if (type < 0 || type > BYTE) {
                throw values.error("token_type[" + id + "] is " + type + ", expected 0 to " + BYTE);
            }
            narrow[id] = type == 0 ? NORMAL : (int) type;
            if (narrow[id] != UNUSED) {
                vocabulary.add(values, id);
            }
        }
        return vocabulary;
    }

    private void add(GgufValues values, int id) {
        String token = tokens.get(id);
        if (token.isEmpty() || token.length() > MAX_TOKEN_CHARACTERS) {
            throw values.error(
                    "tokens["
                            + id
                            + "] has "
                            + token.length()
                            + " characters, expected 1 to "
                            + MAX_TOKEN_CHARACTERS);
        }
        Integer before = ids.put(token, id);
        if (before != null) {
            throw values.error(
                    "tokens["
                            + id
                            + "] is \""
                            + JsonTree.shown(token)
                            + "\", which tokens["
                            + before
                            + "] is too");
        }
    }

    /// How many ids there are.
    int size() {
        return types.length;
    }

    /// How the file writes a token.
    String token(int id) {
        return tokens.get(id);
    }

    int type(int id) {
        return types[id];
    }

    /// Whether `token` is one that words are put together from.
    boolean isPart(String token) {
        Integer id = ids.get(token);
        return id != null && types[id] == NORMAL;
    }

    /// The id of a token in use, or -1.
    int id(String token) {
        return ids.getOrDefault(token, -1);
    }

    /// Writes the tokens that stand for themselves as a `tokenizer.json` has them.
    void writeAdded(JsonGenerator json) {
        json.writeArrayPropertyStart("added_tokens");
        for (int id = 0; id < types.length; id++) {
            int type = types[id];
            if (type == CONTROL || type == USER_DEFINED || type == UNKNOWN) {
                json.writeStartObject();
                json.writeNumberProperty("id", id);
                json.writeStringProperty("content", tokens.get(id));
                json.writeBooleanProperty("single_word", false);
                json.writeBooleanProperty("lstrip", false);
                json.writeBooleanProperty("rstrip", false);
                json.writeBooleanProperty("normalized", false);
                json.writeBooleanProperty("special", type != USER_DEFINED);
                json.writeEndObject();
            }
        }
        json.writeEndArray();
    }

    /// Writes all tokens as the model of a `tokenizer.json` has them.
    void writeTokens(JsonGenerator json) {
        json.writeObjectPropertyStart("vocab");
        for (int id = 0; id < types.length; id++) {
            if (types[id] != UNUSED) {
                json.writeNumberProperty(tokens.get(id), id);
            }
        }
        json.writeEndObject();
    }
}
