package dev.anser.model.transformer;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.GgufMetadata;
import dev.anser.checkpoint.ModelFormatException;
import dev.anser.model.ConfigurationFields;
import dev.anser.model.Form;
import dev.anser.model.GgufLayout;
import dev.anser.model.LayoutTable;
import dev.anser.model.ModelConfig;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// LLaMA in GGUF files. llama.cpp rotates neighbouring channels of a query or key, Hugging Face the
/// two halves of a head: the rows of their projections stand in another order.
final class LlamaGguf extends GgufLayout {
    private static final String ATTENTION = "model.layers.#.self_attn.";
    private static final String HEADS = "attention.head_count";
    private static final String KEY_HEADS = "attention.head_count_kv";

    LlamaGguf() {
        super("llama");
    }

    @Override
    protected LayoutTable table(Checkpoint checkpoint) {
        int headSize =
                recognises(checkpoint)
                        ? count(checkpoint, "embedding_length") / count(checkpoint, HEADS)
                        : LlamaWeights.describe(checkpoint).headSize();
        if (headSize < 2 || headSize % 2 != 0) {
            throw new ModelFormatException(
                    checkpoint.source()
                            + ": its heads have "
                            + headSize
                            + " channels; expected an even number");
        }
        LayoutTable table =
                new LayoutTable()
                        .same("model.embed_tokens.weight", "token_embd.weight")
                        .same("model.norm.weight", "output_norm.weight")
                        .same("lm_head.weight", "output.weight")
                        .same("model.layers.#.input_layernorm.weight", "blk.#.attn_norm.weight")
                        .same(
                                "model.layers.#.post_attention_layernorm.weight",
                                "blk.#.ffn_norm.weight");
        for (String part : List.of("gate", "up", "down")) {
            table.same(
                    "model.layers.#.mlp." + part + "_proj.weight", "blk.#.ffn_" + part + ".weight");
        }
        for (String part : List.of("weight", "bias")) {
            table.same(ATTENTION + "v_proj." + part, "blk.#.attn_v." + part)
                    .same(ATTENTION + "o_proj." + part, "blk.#.attn_output." + part)
                    .line(
                            ATTENTION + "q_proj." + part,
                            "blk.#.attn_q." + part,
                            halves(headSize),
                            neighbours(headSize))
                    .line(
                            ATTENTION + "k_proj." + part,
                            "blk.#.attn_k." + part,
                            halves(headSize),
                            neighbours(headSize));
        }
        return table;
    }

    private int keyHeads(Checkpoint file, int heads) {
        return file.values().containsKey(architecture() + "." + KEY_HEADS)
                ? count(file, KEY_HEADS)
                : heads;
    }

    /// From neighbours to halves: row (half, i) of a head was row (i, half).
    private static Form halves(int size) {
        return Form.rows(row -> {
            int within = row % size;
            int half = size / 2;
            return row - within + within % half * 2 + within / half;
        });
    }

    /// From halves to neighbours.
    private static Form neighbours(int size) {
        return Form.rows(row -> {
            int within = row % size;
            return row - within + within % 2 * (size / 2) + within / 2;
        });
    }

    @Override
    protected Optional<Map<String, Object>> configuration(Checkpoint file) {
        int heads = count(file, HEADS);
        Map<String, Object> fields = new HashMap<>();
        fields.put("model_type", "llama");
        fields.put("hidden_size", (long) count(file, "embedding_length"));
        fields.put("intermediate_size", (long) count(file, "feed_forward_length"));
        fields.put("num_hidden_layers", (long) count(file, "block_count"));
        fields.put("num_attention_heads", (long) heads);
        fields.put("num_key_value_heads", (long) keyHeads(file, heads));
        fields.put("max_position_embeddings", (long) count(file, "context_length"));
        fields.put("tie_word_embeddings", !file.names().contains("output.weight"));
        copy(file, "attention.layer_norm_rms_epsilon", fields, "rms_norm_eps");
        copy(file, "rope.freq_base", fields, "rope_theta");
        Object scaling = file.values().get("llama.rope.scaling.type");
        if (scaling != null && !scaling.equals("none")) {
            fields.put("rope_scaling", Map.of("type", scaling));
        }
        return Optional.of(fields);
    }

    private void copy(Checkpoint file, String name, Map<String, Object> fields, String field) {
        Object value = file.values().get(architecture() + "." + name);
        if (value != null) {
            fields.put(field, value);
        }
    }

    @Override
    public GgufMetadata metadata(Checkpoint official) {
        ModelConfig config = LlamaWeights.describe(official);
        ConfigurationFields fields = new ConfigurationFields(official);
        return new GgufMetadata()
                .text("general.architecture", "llama")
                .u32("llama.context_length", fields.count("max_position_embeddings", 2048))
                .u32("llama.embedding_length", config.width())
                .u32("llama.block_count", config.layers())
                .u32("llama.feed_forward_length", config.feedForward())
                .u32("llama.attention.head_count", config.heads())
                .u32("llama.attention.head_count_kv", config.keyHeads())
                .f32("llama.attention.layer_norm_rms_epsilon", fields.number("rms_norm_eps", 1e-6))
                .f32(
                        "llama.rope.freq_base",
                        fields.object("rope_parameters")
                                .number("rope_theta", fields.number("rope_theta", 10_000)))
                .u32("llama.rope.dimension_count", config.headSize())
                .u32("llama.vocab_size", config.vocabulary());
    }
}
