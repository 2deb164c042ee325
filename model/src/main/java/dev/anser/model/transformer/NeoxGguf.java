package dev.anser.model.transformer;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.GgufMetadata;
import dev.anser.model.ConfigurationFields;
import dev.anser.model.Form;
import dev.anser.model.LayoutTable;
import dev.anser.model.ModelConfig;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// GPT-NeoX in GGUF files. Hugging Face has the query, key and value of one head behind each other,
/// head for head; llama.cpp all queries, then all keys, then all values.
final class NeoxGguf extends TransformerGguf {
    private static final String LAYER = "gpt_neox.layers.#.";
    private static final String FUSED = "attention.query_key_value.";

    NeoxGguf() {
        super(NeoxWeights.ARCHITECTURE);
    }

    @Override
    protected LayoutTable table(Checkpoint checkpoint) {
        boolean stored = checkpoint.names().contains("token_embd.weight");
        int size = stored ? headSize(checkpoint) : NeoxWeights.describe(checkpoint).headSize();
        int heads = stored ? count(checkpoint, HEADS) : NeoxWeights.describe(checkpoint).heads();
        LayoutTable table =
                new LayoutTable()
                        .same(NeoxWeights.EMBEDDING, "token_embd.weight")
                        .norm("gpt_neox.final_layer_norm", "output_norm")
                        .same(NeoxWeights.HEAD, "output.weight")
                        .norm(LAYER + "input_layernorm", "blk.#.attn_norm")
                        .norm(LAYER + "post_attention_layernorm", "blk.#.ffn_norm")
                        // What Hugging Face's code once kept beside its weights.
                        .without(LAYER + "attention.bias")
                        .without(LAYER + "attention.masked_bias")
                        .without(LAYER + "attention.rotary_emb.inv_freq");
        for (String part : List.of("weight", "bias")) {
            table.line(
                            LAYER + FUSED + part,
                            "blk.#.attn_qkv." + part,
                            Form.rows(row -> byParts(row, heads, size)),
                            Form.rows(row -> byHeads(row, heads, size)))
                    .same(LAYER + "attention.dense." + part, "blk.#.attn_output." + part)
                    .same(LAYER + "mlp.dense_h_to_4h." + part, "blk.#.ffn_up." + part)
                    .same(LAYER + "mlp.dense_4h_to_h." + part, "blk.#.ffn_down." + part);
        }
        return table;
    }

    /// Where row (head, part, i) stands as (part, head, i).
    private static int byParts(int row, int heads, int size) {
        int head = row / (3 * size);
        int part = row / size % 3;
        return (part * heads + head) * size + row % size;
    }

    /// Where row (part, head, i) stands as (head, part, i).
    private static int byHeads(int row, int heads, int size) {
        int part = row / (heads * size);
        int head = row / size % heads;
        return (head * 3 + part) * size + row % size;
    }

    /// llama.cpp wants a head, even one that is the embedding.
    @Override
    public Checkpoint stored(Checkpoint official) {
        return super.stored(
                tied(official)
                        ? withHead(official, NeoxWeights.EMBEDDING, NeoxWeights.HEAD)
                        : official);
    }

    @Override
    protected Optional<Map<String, Object>> configuration(Checkpoint file) {
        Map<String, Object> fields = fields(file, "gpt_neox");
        copy(file, "attention.layer_norm_epsilon", fields, "layer_norm_eps");
        copy(file, "use_parallel_residual", fields, "use_parallel_residual");
        copy(file, "rope.freq_base", fields, "rotary_emb_base");
        int size = headSize(file);
        int channels = count(file, "rope.dimension_count");
        double part = (double) channels / size;
        // Whoever reads this multiplies by the size and cuts what is behind the point.
        fields.put("rotary_pct", (int) (size * part) == channels ? part : Math.nextUp(part));
        return Optional.of(fields);
    }

    @Override
    public GgufMetadata metadata(Checkpoint official) {
        ModelConfig config = NeoxWeights.describe(official);
        ConfigurationFields fields = new ConfigurationFields(official);
        NeoxWeights.Rotary rotary = NeoxWeights.rotary(fields, config.headSize());
        return metadata(config, fields)
                .f32("gptneox.attention.layer_norm_epsilon", fields.number("layer_norm_eps", 1e-5))
                .bool("gptneox.use_parallel_residual", fields.fact("use_parallel_residual", true))
                .f32("gptneox.rope.freq_base", rotary.base())
                .u32("gptneox.rope.dimension_count", rotary.channels());
    }
}
