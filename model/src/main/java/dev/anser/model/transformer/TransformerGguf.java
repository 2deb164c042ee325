package dev.anser.model.transformer;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.GgufMetadata;
import dev.anser.checkpoint.ModelFormatException;
import dev.anser.model.ConfigurationFields;
import dev.anser.model.GgufLayout;
import dev.anser.model.ModelConfig;
import java.util.LinkedHashMap;
import java.util.Map;

/// What GGUF files say of any Transformer, in the words of a `config.json` and back.
abstract class TransformerGguf extends GgufLayout {
    static final String HEADS = "attention.head_count";
    private static final String KEY_LENGTH = "attention.key_length";

    TransformerGguf(String architecture) {
        super(architecture);
    }

    /// The fields that all families have.
    ///
    /// @param type Hugging Face's name of the family
    final Map<String, Object> fields(Checkpoint file, String type) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("model_type", type);
        fields.put("hidden_size", (long) count(file, "embedding_length"));
        fields.put("intermediate_size", (long) count(file, "feed_forward_length"));
        fields.put("num_hidden_layers", (long) count(file, "block_count"));
        fields.put("num_attention_heads", (long) count(file, HEADS));
        fields.put("max_position_embeddings", (long) count(file, "context_length"));
        fields.put("tie_word_embeddings", !file.names().contains("output.weight"));
        Object scaling = file.values().get(architecture() + ".rope.scaling.type");
        if (scaling != null && !scaling.equals("none")) {
            fields.put("rope_scaling", Map.of("type", scaling));
        }
        return fields;
    }

    /// Takes the value `name` of `file` over, if there is one.
    final void copy(Checkpoint file, String name, Map<String, Object> fields, String field) {
        Object value = file.values().get(architecture() + "." + name);
        if (value != null) {
            fields.put(field, value);
        }
    }

    /// The metadata that all families have, without their rotary embedding.
    final GgufMetadata metadata(ModelConfig config, ConfigurationFields fields) {
        String prefix = architecture() + ".";
        return new GgufMetadata()
                .text("general.architecture", architecture())
                .u32(prefix + "context_length", fields.count("max_position_embeddings", 2048))
                .u32(prefix + "embedding_length", config.width())
                .u32(prefix + "block_count", config.layers())
                .u32(prefix + "feed_forward_length", config.feedForward())
                .u32(prefix + HEADS, config.heads())
                .u32(prefix + "vocab_size", config.vocabulary());
    }

    /// The channels of a head of `file`: what it says, or an equal share of the width.
    final int headSize(Checkpoint file) {
        if (file.values().containsKey(architecture() + "." + KEY_LENGTH)) {
            return even(file, count(file, KEY_LENGTH));
        }
        int width = count(file, "embedding_length");
        int heads = count(file, HEADS);
        if (width % heads != 0) {
            throw new ModelFormatException(
                    file.source()
                            + ": its "
                            + heads
                            + " heads share "
                            + width
                            + " channels; expected a divisor of them");
        }
        return even(file, width / heads);
    }

    private static int even(Checkpoint file, int size) {
        if (size % 2 != 0) {
            throw new ModelFormatException(
                    file.source()
                            + ": its heads have "
                            + size
                            + " channels; expected an even number");
        }
        return size;
    }

    /// Whether the embedding of `official` is the head as well.
    static boolean tied(Checkpoint official) {
        return new ConfigurationFields(official).fact("tie_word_embeddings", false);
    }
}
