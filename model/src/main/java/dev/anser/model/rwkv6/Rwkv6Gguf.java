package dev.anser.model.rwkv6;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.GgufMetadata;
import dev.anser.checkpoint.ModelFormatException;
import dev.anser.model.CheckpointModel;
import dev.anser.model.Form;
import dev.anser.model.GgufLayout;
import dev.anser.model.LayoutTable;
import dev.anser.model.ModelConfig;
import dev.anser.tensor.DType;
import java.util.List;
import java.util.regex.Pattern;

/// RWKV-6 in GGUF files (llama.cpp, architecture `rwkv6`): low-rank pairs transposed, the five
/// token-shift coefficients of a time mix in one tensor.
///
/// llama.cpp's converter may have halved the residual stream every few layers, for F16's sake: what
/// each layer adds to it is divided by as much. That is undone on reading, and not done on writing.
final class Rwkv6Gguf extends GgufLayout {
    private static final String TIME = "blocks.#.att.";
    private static final String STORED = "blk.#.time_mix_";
    private static final String CHANNEL = "blk.#.channel_mix_";
    private static final String RESCALED = "rwkv6.rescale_every_n_layers";

    /// What llama.cpp computes with in F32.
    private static final Pattern SMALL =
            Pattern.compile(".*\\.time_mix_(first|w1|w2|decay_w1|decay_w2)\\.weight");

    Rwkv6Gguf() {
        super(Rwkv6Weights.ARCHITECTURE);
    }

    @Override
    protected LayoutTable table(Checkpoint checkpoint) {
        LayoutTable table =
                new LayoutTable()
                        .same("emb.weight", "token_embd.weight")
                        .norm("blocks.0.ln0", "token_embd_norm")
                        .norm("ln_out", "output_norm")
                        .same("head.weight", "output.weight")
                        .norm("blocks.#.ln1", "blk.#.attn_norm")
                        .norm("blocks.#.ln2", "blk.#.attn_norm_2")
                        .norm(TIME + "ln_x", STORED + "ln")
                        .channels(TIME + "time_maa_x", STORED + "lerp_x.weight")
                        .transposed(TIME + "time_maa_w1", STORED + "w1.weight")
                        .transposed(TIME + "time_maa_w2", STORED + "w2.weight")
                        .channels(TIME + "time_decay", STORED + "decay.weight")
                        .transposed(TIME + "time_decay_w1", STORED + "decay_w1.weight")
                        .transposed(TIME + "time_decay_w2", STORED + "decay_w2.weight")
                        .same(TIME + "time_faaaa", STORED + "first.weight");
        for (String name : List.of("receptance", "key", "value", "gate", "output")) {
            table.same(TIME + name + ".weight", STORED + name + ".weight");
        }
        for (String name : List.of("k", "r")) {
            table.channels("blocks.#.ffn.time_maa_" + name, CHANNEL + "lerp_" + name + ".weight");
        }
        for (String name : List.of("key", "value", "receptance")) {
            table.same("blocks.#.ffn." + name + ".weight", CHANNEL + name + ".weight");
        }
        mixes(table, checkpoint);
        undoRescaling(table, checkpoint);
        return table;
    }

    /// The first files had the five coefficients apart.
    private static void mixes(LayoutTable table, Checkpoint checkpoint) {
        if (checkpoint.names().contains("blk.0.time_mix_lerp_w.weight")) {
            for (String mix : Rwkv6Weights.MIXES) {
                table.channels(TIME + "time_maa_" + mix, STORED + "lerp_" + mix + ".weight");
            }
        } else {
            List<String> official =
                    Rwkv6Weights.MIXES.stream().map(mix -> TIME + "time_maa_" + mix).toList();
            table.stacked(official, STORED + "lerp_fused.weight", 1, 1);
        }
    }

    private static void undoRescaling(LayoutTable table, Checkpoint file) {
        Object value = file.values().getOrDefault(RESCALED, 0L);
        if (!(value instanceof Long every) || every < 0) {
            throw new ModelFormatException(
                    file.source()
                            + ": "
                            + RESCALED
                            + " is "
                            + value
                            + "; expected a number of layers, or 0 for never");
        }
        int layers = CheckpointModel.layers(file, "blk.", ".attn_norm.weight");
        for (int layer = 0; every != 0 && layer < layers; layer++) {
            int halved = (int) (layer / every);
            Form doubled = halved == 0 ? Form.SAME : Form.doubled(halved);
            String official = "blocks." + layer;
            String stored = "blk." + layer;
            table.line(
                            official + ".att.output.weight",
                            stored + ".time_mix_output.weight",
                            doubled,
                            Form.SAME)
                    .line(
                            official + ".ffn.value.weight",
                            stored + ".channel_mix_value.weight",
                            doubled,
                            Form.SAME);
        }
    }

    @Override
    public GgufMetadata metadata(Checkpoint official) {
        ModelConfig config = Rwkv6Weights.describe(official);
        return recurrent(config)
                .f32("rwkv6.attention.layer_norm_epsilon", 1e-5)
                .u32(RESCALED, 0)
                .u32(
                        "rwkv6.time_mix_extra_dim",
                        columns(official, "time_maa_w1") / Rwkv6Weights.INPUTS)
                .u32("rwkv6.time_decay_extra_dim", columns(official, "time_decay_w1"));
    }

    private static long columns(Checkpoint official, String name) {
        return CheckpointModel.matrixShape(official, "blocks.0.att." + name).size(1);
    }

    @Override
    public DType type(Checkpoint.Entry entry, DType wanted) {
        return SMALL.matcher(entry.name()).matches() ? DType.F32 : super.type(entry, wanted);
    }
}
