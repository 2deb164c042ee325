package dev.anser.text;

import java.io.ByteArrayOutputStream;
import java.util.List;
import tools.jackson.core.JsonEncoding;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/// Tokenizers of GGUF files that merge pairs, as the text of a `tokenizer.json` that encodes the
/// same: the kind `gpt2` merges bytes inside words, in the order of a list; the kind `llama` merges
/// characters of the whole text, the token with the highest score first.
final class GgufBytePairs {
    private static final JsonFactory JSON = new JsonFactory();
    private static final String BYTE_LEVEL =
            "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,"
                    + "\"use_regex\":false}";
    private static final String SPACES_MARKED =
            "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"▁\"}";
    private static final String MARK_PREPENDED = "{\"type\":\"Prepend\",\"prepend\":\"▁\"}";
    private static final String MARKS_REPLACED =
            "{\"type\":\"Replace\",\"pattern\":{\"String\":\"▁\"},\"content\":\" \"}";

    private GgufBytePairs() {}

    /// That of the kind `gpt2`.
    ///
    /// @param begin the id in front of texts, or -1
    /// @throws TokenizerException when a merge is no pair of tokens or makes none
    static byte[] bytes(GgufValues values, GgufVocabulary vocabulary, PreTokenizer cut, int begin) {
        List<String> merges = values.texts("merges");
        for (int i = 0; i < merges.size(); i++) {
            requirePair(values, vocabulary, merges.get(i), i);
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (JsonGenerator json = start(bytes, vocabulary, begin)) {
            raw(json, "normalizer", cut.composes() ? "{\"type\":\"NFC\"}" : "null");
            json.writeObjectPropertyStart("pre_tokenizer");
            json.writeStringProperty("type", "Sequence");
            json.writeArrayPropertyStart("pretokenizers");
            for (String expression : cut.expressions()) {
                json.writeStartObject();
                json.writeStringProperty("type", "Split");
                json.writeObjectPropertyStart("pattern");
                json.writeStringProperty("Regex", expression);
                json.writeEndObject();
                json.writeStringProperty("behavior", "Isolated");
                json.writeBooleanProperty("invert", false);
                json.writeEndObject();
            }
            json.writeRawValue(BYTE_LEVEL);
            json.writeEndArray();
            json.writeEndObject();
            raw(json, "decoder", BYTE_LEVEL);
            startModel(json, vocabulary, merges);
            json.writeBooleanProperty("ignore_merges", cut.wholeWords());
            end(json);
        }
        return bytes.toByteArray();
    }

    private static void requirePair(
            GgufValues values, GgufVocabulary vocabulary, String merge, int at) {
        int space = merge.indexOf(' ', 1);
        String left = space < 0 ? merge : merge.substring(0, space);
        String right = space < 0 ? "" : merge.substring(space + 1);
        for (String token : List.of(left, right, left + right)) {
            if (vocabulary.id(token) < 0) {
                throw values.error(
                        "merges["
                                + at
                                + "] is \""
                                + JsonTree.shown(merge)
                                + "\", but \""
                                + JsonTree.shown(token)
                                + "\" is no token");
            }
        }
    }

    /// That of the kind `llama`.
    ///
    /// @param prefix whether a space goes in front of texts
    /// @param unknown the id for what no token covers, or -1
    /// @param begin the id in front of texts, or -1
    /// @throws TokenizerException when the scores are not as many as the tokens
    static byte[] pieces(
            GgufValues values, GgufVocabulary vocabulary, boolean prefix, int unknown, int begin) {
        List<Double> scores = values.numbers("scores");
        if (scores.size() != vocabulary.size()) {
            throw values.error(
                    "scores has " + scores.size() + " items for " + vocabulary.size() + " tokens");
        }
        boolean fallback = vocabulary.id("<0x00>") >= 0;
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (JsonGenerator json = start(bytes, vocabulary, begin)) {
            raw(
                    json,
                    "normalizer",
                    prefix
                            ? "{\"type\":\"Sequence\",\"normalizers\":["
                                    + MARK_PREPENDED
                                    + ","
                                    + SPACES_MARKED
                                    + "]}"
                            : SPACES_MARKED);
            raw(json, "pre_tokenizer", "null");
            raw(
                    json,
                    "decoder",
                    "{\"type\":\"Sequence\",\"decoders\":["
                            + MARKS_REPLACED
                            + ",{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}"
                            + (prefix
                                    ? ",{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}"
                                    : "")
                            + "]}");
            startModel(json, vocabulary, ScoredMerges.of(vocabulary, scores));
            if (unknown >= 0) {
                json.writeStringProperty("unk_token", vocabulary.token(unknown));
            }
            json.writeBooleanProperty("fuse_unk", true);
            json.writeBooleanProperty("byte_fallback", fallback);
            end(json);
        }
        return bytes.toByteArray();
    }

    private static JsonGenerator start(
            ByteArrayOutputStream bytes, GgufVocabulary vocabulary, int begin) {
        JsonGenerator json =
                JSON.createGenerator(ObjectWriteContext.empty(), bytes, JsonEncoding.UTF8);
        json.writeStartObject();
        json.writeStringProperty("version", "1.0");
        vocabulary.writeAdded(json);
        if (begin >= 0) {
            writeMark(json, vocabulary.token(begin), begin);
        }
        return json;
    }

    /// What puts `token` in front of texts.
    private static void writeMark(JsonGenerator json, String token, int id) {
        json.writeObjectPropertyStart("post_processor");
        json.writeStringProperty("type", "TemplateProcessing");
        for (String name : List.of("single", "pair")) {
            json.writeArrayPropertyStart(name);
            writePart(json, "SpecialToken", token, 0);
            writePart(json, "Sequence", "A", 0);
            if (name.equals("pair")) {
                writePart(json, "Sequence", "B", 1);
            }
            json.writeEndArray();
        }
        json.writeObjectPropertyStart("special_tokens");
        json.writeObjectPropertyStart(token);
        json.writeStringProperty("id", token);
        json.writeArrayPropertyStart("ids");
        json.writeNumber(id);
        json.writeEndArray();
        json.writeArrayPropertyStart("tokens");
        json.writeString(token);
        json.writeEndArray();
        json.writeEndObject();
        json.writeEndObject();
        json.writeEndObject();
    }

    private static void writePart(JsonGenerator json, String kind, String id, int type) {
        json.writeStartObject();
        json.writeObjectPropertyStart(kind);
        json.writeStringProperty("id", id);
        json.writeNumberProperty("type_id", type);
        json.writeEndObject();
        json.writeEndObject();
    }

    private static void startModel(
            JsonGenerator json, GgufVocabulary vocabulary, List<String> merges) {
        json.writeObjectPropertyStart("model");
        json.writeStringProperty("type", "BPE");
        vocabulary.writeTokens(json);
        json.writeArrayPropertyStart("merges");
        merges.forEach(json::writeString);
        json.writeEndArray();
    }

    private static void end(JsonGenerator json) {
        json.writeEndObject();
        json.writeEndObject();
    }

    private static void raw(JsonGenerator json, String name, String value) {
        json.writeName(name);
        json.writeRawValue(value);
    }
}
