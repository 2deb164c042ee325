package dev.anser.model.rwkv7;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.GgufMetadata;
import dev.anser.model.CheckpointModel;
import dev.anser.model.ConfigurationFields;
import dev.anser.model.LayoutTable;
import dev.anser.tensor.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// ARWKV-7 in GGUF files (llama.cpp, architecture `arwkv7`). Without a gate there are five
/// token-shift coefficients; the first files had a sixth all the same.
final class Arwkv7Gguf extends Rwkv7TimeMixGguf {
    private static final String LAYER = "model.layers.#.";
    private static final String FUSED = "blk.0.time_mix_lerp_fused.weight";

    Arwkv7Gguf() {
        super("arwkv7", LAYER + "self_attn.time_mixer.");
    }

    @Override
    protected LayoutTable table(Checkpoint checkpoint) {
        LayoutTable table =
                new LayoutTable()
                        .same(Arwkv7Weights.EMBEDDING, "token_embd.weight")
                        .same("model.norm.weight", "output_norm.weight")
                        .same(Arwkv7Weights.HEAD, "output.weight")
                        .same(LAYER + "input_layernorm.weight", "blk.#.attn_norm.weight")
                        .same(LAYER + "post_attention_layernorm.weight", "blk.#.ffn_norm.weight");
        for (String part : List.of("gate", "up", "down")) {
            table.same(LAYER + "mlp." + part + "_proj.weight", "blk.#.ffn_" + part + ".weight");
        }
        return addTimeMix(table, checkpoint, mixes(checkpoint));
    }

    private static int mixes(Checkpoint checkpoint) {
        int all = Rwkv7Layouts.MIXES.size();
        if (checkpoint.names().contains(FUSED)) {
            Shape shape = checkpoint.entry(FUSED).shape();
            return shape.rank() > 0 && shape.size(0) == all ? all : all - 1;
        }
        return checkpoint.names().contains(Arwkv7Weights.FIRST + "g1") ? all : all - 1;
    }

    /// llama.cpp wants a head, even one that is the embedding.
    @Override
    public Checkpoint stored(Checkpoint official) {
        boolean tied = new ConfigurationFields(official).fact("tie_word_embeddings", false);
        return super.stored(
                tied ? withHead(official, Arwkv7Weights.EMBEDDING, Arwkv7Weights.HEAD) : official);
    }

    @Override
    public List<String> lost(Checkpoint official) {
        List<String> lost = new ArrayList<>(super.lost(official));
        double divisor =
                new ConfigurationFields(official)
                        .number("head_size_divisor", Arwkv7Weights.DIVISOR);
        if (divisor != Arwkv7Weights.DIVISOR
                && official.names().contains(Arwkv7Weights.FIRST + "ln_x.weight")) {
            lost.add(
                    "the epsilon of the group normalisation (1e-5 times the square of "
                            + divisor
                            + ", in llama.cpp of "
                            + Arwkv7Weights.DIVISOR
                            + ")");
        }
        return lost;
    }

    @Override
    protected Optional<Map<String, Object>> configuration(Checkpoint file) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("architectures", List.of("RwkvHybridForCausalLM"));
        fields.put("model_type", Arwkv7Weights.MODEL_TYPE);
        fields.put("vocab_size", CheckpointModel.matrixShape(file, "token_embd.weight").size(0));
        fields.put("hidden_size", (long) count(file, "embedding_length"));
        fields.put("intermediate_size", (long) count(file, "feed_forward_length"));
        fields.put("num_hidden_layers", (long) count(file, "block_count"));
        fields.put("head_size", (long) count(file, "wkv.head_size"));
        fields.put("hidden_act", Arwkv7Weights.ACTIVATION);
        Object epsilon = file.values().get("arwkv7.attention.layer_norm_rms_epsilon");
        if (epsilon != null) {
            fields.put("rms_norm_eps", epsilon);
        }
        fields.put("tie_word_embeddings", !file.names().contains("output.weight"));
        fields.put("wkv_version", (long) Arwkv7Weights.VERSION);
        fields.put("wkv_layers", Arwkv7Weights.EVERY_LAYER);
        fields.put("wkv_has_gate", file.names().contains("blk.0.time_mix_g1.weight"));
        fields.put("wkv_has_group_norm", file.names().contains("blk.0.time_mix_ln.weight"));
        return Optional.of(fields);
    }

    @Override
    public GgufMetadata metadata(Checkpoint official) {
        double epsilon = new ConfigurationFields(official).number("rms_norm_eps", 1e-6);
        GgufMetadata metadata =
                recurrent(Arwkv7Weights.describe(official))
                        .f32("arwkv7.attention.layer_norm_rms_epsilon", epsilon)
                        // There is none in the feed forward.
                        .u32("arwkv7.token_shift_count", 1);
        return addRanks(metadata, official);
    }
}
