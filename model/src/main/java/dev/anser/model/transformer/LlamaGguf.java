package dev.anser.model.transformer;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.CheckpointView;
import dev.anser.checkpoint.GgufMetadata;
import dev.anser.model.ConfigurationFields;
import dev.anser.model.Form;
import dev.anser.model.LayoutTable;
import dev.anser.model.ModelConfig;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// LLaMA in GGUF files. llama.cpp rotates neighbouring channels of a query or key, Hugging Face the
/// two halves of a head: the rows of their projections stand in another order.
final class LlamaGguf extends TransformerGguf {
    private static final String ATTENTION = "model.layers.#.self_attn.";
    private static final String KEY_HEADS = "attention.head_count_kv";

    LlamaGguf() {
        super("llama");
    }

    @Override
    protected LayoutTable table(Checkpoint checkpoint) {
        int headSize =
                recognises(checkpoint)
                        ? headSize(checkpoint)
                        : LlamaWeights.describe(checkpoint).headSize();
        LayoutTable table =
                new LayoutTable()
                        .same("model.embed_tokens.weight", "token_embd.weight")
                        .same("model.norm.weight", "output_norm.weight")
                        .same("lm_head.weight", "output.weight")
                        .same("model.layers.#.input_layernorm.weight", "blk.#.attn_norm.weight")
                        .same(
                                "model.layers.#.post_attention_layernorm.weight",
                                "blk.#.ffn_norm.weight")
                        // What Hugging Face's code once kept beside its weights.
                        .without(ATTENTION + "rotary_emb.inv_freq");
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

    /// A head that is the embedding as well stays out of the file.
    @Override
    public Checkpoint stored(Checkpoint official) {
        if (!tied(official) || !official.names().contains(LlamaWeights.HEAD)) {
            return super.stored(official);
        }
        CheckpointView.Builder without = CheckpointView.of(official);
        official.names().stream()
                .filter(name -> !name.equals(LlamaWeights.HEAD))
                .forEach(without::keep);
        return super.stored(without.build());
    }

    @Override
    protected Optional<Map<String, Object>> configuration(Checkpoint file) {
        Map<String, Object> fields = fields(file, "llama");
        copy(file, KEY_HEADS, fields, "num_key_value_heads");
        copy(file, "attention.layer_norm_rms_epsilon", fields, "rms_norm_eps");
        copy(file, "rope.freq_base", fields, "rope_theta");
        return Optional.of(fields);
    }

    @Override
    public GgufMetadata metadata(Checkpoint official) {
        ModelConfig config = LlamaWeights.describe(official);
        ConfigurationFields fields = new ConfigurationFields(official);
        return metadata(config, fields)
                .u32("llama.attention.head_count_kv", config.keyHeads())
                .u32("llama.attention.key_length", config.headSize())
                .u32("llama.attention.value_length", config.headSize())
                .f32("llama.attention.layer_norm_rms_epsilon", fields.number("rms_norm_eps", 1e-6))
                .f32(
                        "llama.rope.freq_base",
                        fields.object("rope_parameters")
                                .number("rope_theta", fields.number("rope_theta", 10_000)))
                .u32("llama.rope.dimension_count", config.headSize());
    }
}
