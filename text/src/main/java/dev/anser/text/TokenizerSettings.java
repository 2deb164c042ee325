package dev.anser.text;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonEncoding;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/// What stands beside a vocabulary about how models use it.
///
/// @param begin the token in front of texts, when it is known
/// @param beginId its id where that alone is known, else -1
/// @param begins whether there shall be one, when that is said
/// @param end the token that ends a document, when it is known
/// @param unknown the token for what no other covers, when it is known
/// @param padding the token that fills batches, when it is known
/// @param ends the ids that generation stops at, besides that of `end`
/// @param chatTemplates by their names; the usual one is `default`
record TokenizerSettings(
        @Nullable String begin,
        int beginId,
        @Nullable Boolean begins,
        @Nullable String end,
        @Nullable String unknown,
        @Nullable String padding,
        List<Integer> ends,
        SequencedMap<String, String> chatTemplates) {

    /// Nothing is known.
    static final TokenizerSettings NONE =
            new TokenizerSettings(
                    null, -1, null, null, null, null, List.of(), new LinkedHashMap<>());

    private static final JsonFactory JSON = new JsonFactory();

    /// The name of the chat template that is taken unless another is asked for.
    static final String USUAL = "default";

    /// Reads `tokenizer_config.json`, the chat template beside it, and which ids end texts from
    /// `generation_config.json` or `config.json`, as far as they stand in the folder of
    /// `vocabulary`.
    ///
    /// @throws TokenizerException when one of them is damaged
    static TokenizerSettings beside(Path vocabulary) {
        JsonTree config = tree(vocabulary.resolveSibling("tokenizer_config.json"));
        JsonTree model = tree(vocabulary.resolveSibling("config.json"));
        List<Integer> ends = ends(tree(vocabulary.resolveSibling("generation_config.json")));
        return new TokenizerSettings(
                config.token("bos_token"),
                (int) model.number("bos_token_id", -1),
                config.flag("add_bos_token"),
                config.token("eos_token"),
                config.token("unk_token"),
                config.token("pad_token"),
                ends.isEmpty() ? ends(model) : ends,
                templates(config, vocabulary.resolveSibling("chat_template.jinja")));
    }

    /// The files that say the same beside a `tokenizer.json`, by their names.
    SequencedMap<String, byte[]> files() {
        SequencedMap<String, byte[]> files = new LinkedHashMap<>();
        ByteArrayOutputStream config = new ByteArrayOutputStream();
        try (JsonGenerator json =
                JSON.createGenerator(ObjectWriteContext.empty(), config, JsonEncoding.UTF8)) {
            json.writeStartObject();
            json.writeStringProperty("tokenizer_class", "PreTrainedTokenizerFast");
            json.writeBooleanProperty("clean_up_tokenization_spaces", false);
            if (begins != null) {
                json.writeBooleanProperty("add_bos_token", begins);
            }
            write(json, "bos_token", begin);
            write(json, "eos_token", end);
            write(json, "unk_token", unknown);
            write(json, "pad_token", padding);
            writeTemplates(json);
            json.writeEndObject();
        }
        files.put("tokenizer_config.json", config.toByteArray());
        if (!ends.isEmpty()) {
            files.put(
                    "generation_config.json",
                    ("{\"eos_token_id\": " + ends + "}").getBytes(StandardCharsets.UTF_8));
        }
        return files;
    }

    private static void write(JsonGenerator json, String name, @Nullable String token) {
        if (token != null) {
            json.writeStringProperty(name, token);
        }
    }

    private void writeTemplates(JsonGenerator json) {
        if (chatTemplates.size() == 1 && chatTemplates.containsKey(USUAL)) {
            json.writeStringProperty("chat_template", chatTemplates.get(USUAL));
        } else if (!chatTemplates.isEmpty()) {
            json.writeArrayPropertyStart("chat_template");
            chatTemplates.forEach((name, template) -> {
                json.writeStartObject();
                json.writeStringProperty("name", name);
                json.writeStringProperty("template", template);
                json.writeEndObject();
            });
            json.writeEndArray();
        }
    }

    private static JsonTree tree(Path file) {
        return Files.isRegularFile(file)
                ? JsonTree.read(file.toString(), HuggingFaceTokenizer.content(file))
                : JsonTree.empty();
    }

    private static List<Integer> ends(JsonTree config) {
        List<Integer> ends = new ArrayList<>();
        double one = config.number("eos_token_id", -1);
        if (one >= 0) {
            ends.add((int) one);
        }
        for (Object id : config.array("eos_token_id")) {
            if (id instanceof Double number && number >= 0) {
                ends.add(number.intValue());
            }
        }
        return ends;
    }

    private static SequencedMap<String, String> templates(JsonTree config, Path file) {
        SequencedMap<String, String> templates = new LinkedHashMap<>();
        String one = config.string("chat_template");
        if (one != null) {
            templates.put(USUAL, one);
        } else if (Files.isRegularFile(file)) {
            templates.put(
                    USUAL, new String(HuggingFaceTokenizer.content(file), StandardCharsets.UTF_8));
        }
        for (Object item : config.array("chat_template")) {
            if (item instanceof Map<?, ?> entry
                    && entry.get("name") instanceof String name
                    && entry.get("template") instanceof String template) {
                templates.put(name, template);
            }
        }
        return templates;
    }
}
