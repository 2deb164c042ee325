package dev.anser.model.rwkv5;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.ModelFormatException;
import dev.anser.model.CheckpointModel;
import dev.anser.model.ModelConfig;
import dev.anser.model.RwkvModel;
import dev.anser.model.RwkvModel.Norm;
import dev.anser.model.WeightReader;
import dev.anser.tensor.PerChannel.Function;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.lang.foreign.Arena;
import org.jspecify.annotations.Nullable;

/// The tensors of an RWKV-5 checkpoint, by the names of the official code, checked.
///
/// Version 5.0 has no gate; it and 5.1 have one decay and one bonus for each head, 5.2 for each
/// channel.
record Rwkv5Weights(RwkvModel.Trunk trunk, TimeMix[] timeMixes, float groupNormEpsilon) {
    static final String ARCHITECTURE = "rwkv5";

    /// The weights of a time mix.
    ///
    /// @param decay (C) or (H)
    /// @param bonus (C) or (H)
    /// @param bonusFunction what the bonus is of it: old files have its logarithm, as `time_first`
    /// @param mixGate null where there is no gate
    /// @param gate null where there is none
    record TimeMix(
            Tensor mixKey,
            Tensor mixValue,
            Tensor mixReceptance,
            @Nullable Tensor mixGate,
            Tensor decay,
            Tensor bonus,
            Function bonusFunction,
            Tensor receptance,
            Tensor key,
            Tensor value,
            @Nullable Tensor gate,
            Tensor output,
            Norm norm) {}

    /// The sizes, from names and shapes alone.
    static ModelConfig describe(Checkpoint checkpoint) {
        Shape embedding = CheckpointModel.matrixShape(checkpoint, "emb.weight");
        Shape decay = checkpoint.entry("blocks.0.att.time_decay").shape();
        Shape key = CheckpointModel.matrixShape(checkpoint, "blocks.0.ffn.key.weight");
        int width = (int) embedding.size(1);
        long heads = decay.rank() == 0 ? 0 : decay.size(0);
        boolean perChannel = decay.elements() == width;
        if (heads < 1 || width % heads != 0 || !(perChannel || decay.elements() == heads)) {
            throw new ModelFormatException(
                    checkpoint.source()
                            + ": tensor blocks.0.att.time_decay is "
                            + decay
                            + "; expected a number for each head, or heads × head size = "
                            + width
                            + ", the width of emb.weight");
        }
        boolean gated = checkpoint.names().contains("blocks.0.att.gate.weight");
        return new ModelConfig(
                ARCHITECTURE,
                gated ? (perChannel ? "5.2" : "5.1") : "5.0",
                CheckpointModel.layers(checkpoint, "blocks.", ".ln1.weight"),
                width,
                (int) heads,
                (int) (width / heads),
                (int) key.size(0),
                (int) embedding.size(0));
    }

    /// All tensors of `checkpoint`, checked.
    static Rwkv5Weights read(Checkpoint checkpoint) {
        ModelConfig config = describe(checkpoint);
        Arena arena = Arena.ofShared();
        try {
            WeightReader weights = new WeightReader(checkpoint, arena);
            RwkvModel.Reader reader = new RwkvModel.Reader(weights, config, "time_mix_");
            TimeMix[] timeMixes = new TimeMix[config.layers()];
            long decays = checkpoint.entry("blocks.0.att.time_decay").shape().elements();
            for (int layer = 0; layer < timeMixes.length; layer++) {
                timeMixes[layer] = timeMix(reader, "blocks." + layer + ".att.", decays);
            }
            // 1e-5 times the square of the official code's head size divisor, 8. The program
            // rwkv.cpp computes, and its models were trained, without the divisor.
            float epsilon = checkpoint.format().equals("rwkv.cpp") ? 1e-5f : 64e-5f;
            return new Rwkv5Weights(reader.trunk(checkpoint.source(), arena), timeMixes, epsilon);
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    /// @param decays the numbers of `time_decay` and of the bonus
    private static TimeMix timeMix(RwkvModel.Reader reader, String prefix, long decays) {
        WeightReader weights = reader.weights();
        boolean gated = !reader.config().version().equals("5.0");
        boolean logarithm = !weights.has(prefix + "time_faaaa");
        return new TimeMix(
                reader.coefficient(prefix, "k"),
                reader.coefficient(prefix, "v"),
                reader.coefficient(prefix, "r"),
                gated ? reader.coefficient(prefix, "g") : null,
                weights.vector(prefix + "time_decay", decays),
                weights.vector(prefix + (logarithm ? "time_first" : "time_faaaa"), decays),
                logarithm ? Function.EXP : Function.IDENTITY,
                reader.square(prefix + "receptance.weight"),
                reader.square(prefix + "key.weight"),
                reader.square(prefix + "value.weight"),
                gated ? reader.square(prefix + "gate.weight") : null,
                reader.square(prefix + "output.weight"),
                reader.norm(prefix + "ln_x"));
    }
}
