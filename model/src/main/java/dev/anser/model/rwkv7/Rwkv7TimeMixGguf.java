package dev.anser.model.rwkv7;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.CheckpointView;
import dev.anser.checkpoint.GgufMetadata;
import dev.anser.model.CheckpointModel;
import dev.anser.model.Form;
import dev.anser.model.GgufLayout;
import dev.anser.model.LayoutTable;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// What GGUF files of all models with the time mix of RWKV-7 have in common: low-rank pairs
/// transposed, the token-shift coefficients of a time mix in one tensor.
abstract class Rwkv7TimeMixGguf extends GgufLayout {
    private static final List<String> PARTS = List.of("0", "1", "2");
    private static final String STORED = "blk.#.time_mix_";

    private final String official;

    /// @param official what the official names of a time mix begin with
    Rwkv7TimeMixGguf(String architecture, String official) {
        super(architecture);
        this.official = official;
    }

    /// Adds the time mixes to `table`, with the first `mixes` of the token-shift coefficients.
    final LayoutTable addTimeMix(LayoutTable table, Checkpoint checkpoint, int mixes) {
        for (String name : List.of("receptance", "key", "value", "output")) {
            table.same(official + name + ".weight", STORED + name + ".weight");
        }
        for (String name : List.of("w0", "a0", "v0", "k_k", "k_a")) {
            table.channels(official + name, STORED + name + ".weight");
        }
        for (String pair : Rwkv7Layouts.LOW_RANK) {
            for (String i : List.of("1", "2")) {
                table.transposed(official + pair + i, STORED + pair + i + ".weight");
            }
        }
        List<String> coefficients =
                Rwkv7Layouts.MIXES.stream()
                        .map(name -> name.replace(Rwkv7Layouts.OFFICIAL, official))
                        .toList();
        coefficients.stream().skip(mixes).forEach(table::without);
        Form heads = Form.shaped(0, headSize(checkpoint));
        return table.stacked(coefficients.subList(0, mixes), STORED + "lerp_fused.weight", 1, 1)
                .line(official + "r_k", STORED + "r_k.weight", heads, Form.VECTOR)
                .norm(official + "ln_x", STORED + "ln");
    }

    private String first(String name) {
        return official.replace("#", "0") + name;
    }

    private long headSize(Checkpoint checkpoint) {
        String bonus = first("r_k");
        return checkpoint.names().contains(bonus)
                ? CheckpointModel.matrixShape(checkpoint, bonus).size(1)
                : count(checkpoint, "wkv.head_size");
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
        List<String> copies = PARTS.stream().map(part -> first("v" + part)).toList();
        CheckpointView.Builder filled = CheckpointView.of(official);
        official.names().stream().filter(name -> !copies.contains(name)).forEach(filled::keep);
        for (String part : PARTS) {
            String origin = first("a" + part);
            Checkpoint.Entry entry = official.entry(origin);
            filled.add(
                    new Checkpoint.Entry(first("v" + part), entry.dtype(), entry.shape()),
                    (from, _) -> from.tensor(origin));
        }
        return super.stored(filled.build());
    }

    /// Adds the ranks of the low-rank pairs; 0 for a gate that is not there.
    final GgufMetadata addRanks(GgufMetadata metadata, Checkpoint official) {
        String prefix = architecture() + ".attention.";
        return metadata.u32(prefix + "decay_lora_rank", rank(official, "w"))
                .u32(prefix + "iclr_lora_rank", rank(official, "a"))
                .u32(prefix + "value_residual_mix_lora_rank", rank(official, "v"))
                .u32(
                        prefix + "gate_lora_rank",
                        official.names().contains(first("g1")) ? rank(official, "g") : 0);
    }

    private long rank(Checkpoint official, String pair) {
        return Rwkv7Layouts.rank(official, this.official, pair);
    }

    @Override
    protected boolean isSensitive(Checkpoint.Entry entry) {
        return Rwkv7Layouts.LOW_RANK.stream()
                .anyMatch(pair ->
                        entry.name().contains(".time_mix_" + pair + "1.")
                                || entry.name().contains(".time_mix_" + pair + "2."));
    }
}
