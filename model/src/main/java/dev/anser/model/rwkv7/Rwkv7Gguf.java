package dev.anser.model.rwkv7;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.CheckpointView;
import dev.anser.checkpoint.GgufMetadata;
import dev.anser.model.Form;
import dev.anser.model.GgufLayout;
import dev.anser.model.LayoutTable;
import dev.anser.model.ModelConfig;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// RWKV-7 in GGUF files (llama.cpp, architecture `rwkv7`): low-rank pairs transposed, the six
/// token-shift coefficients of a time mix in one tensor.
final class Rwkv7Gguf extends GgufLayout {
    private static final List<String> PARTS = List.of("0", "1", "2");
    private static final String STORED = "blk.#.time_mix_";

    Rwkv7Gguf() {
        super("rwkv7");
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
                        .norm("blocks.#.att.ln_x", STORED + "ln")
                        .stacked(Rwkv7Layouts.MIXES, STORED + "lerp_fused.weight", 1, 1)
                        .channels("blocks.#.ffn.x_k", "blk.#.channel_mix_lerp_k.weight")
                        .same("blocks.#.ffn.key.weight", "blk.#.channel_mix_key.weight")
                        .same("blocks.#.ffn.value.weight", "blk.#.channel_mix_value.weight");
        for (String name : List.of("receptance", "key", "value", "output")) {
            table.same("blocks.#.att." + name + ".weight", STORED + name + ".weight");
        }
        for (String name : List.of("w0", "a0", "v0", "k_k", "k_a")) {
            table.channels("blocks.#.att." + name, STORED + name + ".weight");
        }
        for (String pair : Rwkv7Layouts.LOW_RANK) {
            for (String i : List.of("1", "2")) {
                table.transposed("blocks.#.att." + pair + i, STORED + pair + i + ".weight");
            }
        }
        Form heads = Form.shaped(0, headSize(checkpoint));
        return table.line("blocks.#.att.r_k", STORED + "r_k.weight", heads, Form.VECTOR);
    }

    private int headSize(Checkpoint checkpoint) {
        if (checkpoint.names().contains("blocks.0.att.r_k")) {
            return Rwkv7Layouts.headSize(checkpoint);
        }
        return count(checkpoint, "wkv.head_size");
    }

    /// Layer 0 has no value residual. llama.cpp wants tensors all the same, and its converter
    /// copies those of the learning rate: those are no weights of the model.
    @Override
    protected Set<String> skipped(Checkpoint file) {
        Set<String> copies = new HashSet<>();
        for (String part : PARTS) {
            String name = "blk.0.time_mix_v" + part + ".weight";
            String origin = "blk.0.time_mix_a" + part + ".weight";
            if (!file.names().contains(name) || !file.names().contains(origin)) {
                return copies;
            }
            Checkpoint.Entry copy = file.entry(name);
            Checkpoint.Entry original = file.entry(origin);
            if (copy.dtype() != original.dtype()
                    || !copy.shape().equals(original.shape())
                    || file.tensor(name).segment().mismatch(file.tensor(origin).segment()) != -1) {
                return Set.of();
            }
            copies.add(name);
        }
        return copies;
    }

    @Override
    public Checkpoint stored(Checkpoint official) {
        if (official.names().contains("blocks.0.att.v0")) {
            return super.stored(official);
        }
        CheckpointView.Builder filled = CheckpointView.of(official);
        official.names().forEach(filled::keep);
        for (String part : PARTS) {
            String origin = "blocks.0.att.a" + part;
            Checkpoint.Entry entry = official.entry(origin);
            filled.add(
                    new Checkpoint.Entry("blocks.0.att.v" + part, entry.dtype(), entry.shape()),
                    (from, _) -> from.tensor(origin));
        }
        return super.stored(filled.build());
    }

    @Override
    public GgufMetadata metadata(Checkpoint official) {
        ModelConfig config = Rwkv7Weights.describe(official);
        return recurrent(config)
                .u32("rwkv7.attention.decay_lora_rank", Rwkv7Layouts.rank(official, "w"))
                .u32("rwkv7.attention.iclr_lora_rank", Rwkv7Layouts.rank(official, "a"))
                .u32(
                        "rwkv7.attention.value_residual_mix_lora_rank",
                        Rwkv7Layouts.rank(official, "v"))
                .u32("rwkv7.attention.gate_lora_rank", Rwkv7Layouts.rank(official, "g"));
    }

    @Override
    protected boolean isSensitive(Checkpoint.Entry entry) {
        return Rwkv7Layouts.LOW_RANK.stream()
                .anyMatch(pair ->
                        entry.name().contains(".time_mix_" + pair + "1.")
                                || entry.name().contains(".time_mix_" + pair + "2."));
    }
}
