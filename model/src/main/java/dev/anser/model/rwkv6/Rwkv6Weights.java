package dev.anser.model.rwkv6;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.ModelFormatException;
import dev.anser.model.CheckpointModel;
import dev.anser.model.ModelConfig;
import dev.anser.model.RwkvModel;
import dev.anser.model.RwkvModel.Norm;
import dev.anser.model.WeightReader;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;

/// The tensors of an RWKV-6 checkpoint, by the names of the official code, checked.
record Rwkv6Weights(RwkvModel.Trunk trunk, TimeMix[] timeMixes) {
    static final String ARCHITECTURE = "rwkv6";

    /// The inputs of a time mix that token shift makes, in the order of their low-rank pairs.
    static final List<String> MIXES = List.of("w", "k", "v", "r", "g");

    /// How many they are.
    static final int INPUTS = MIXES.size();

    static final String BONUS = "blocks.0.att.time_faaaa";

    /// The weights of a time mix.
    ///
    /// @param mix the token-shift coefficients (C) of what makes the others depend on the data
    /// @param mixes those of the inputs, in the order w, k, v, r, g
    /// @param mixDown (C, 5 D)
    /// @param mixUp for each input (D, C)
    /// @param decayDown (C, rank)
    /// @param decayUp (rank, C)
    record TimeMix(
            Tensor mix,
            Tensor[] mixes,
            Tensor mixDown,
            Tensor[] mixUp,
            Tensor receptance,
            Tensor key,
            Tensor value,
            Tensor gate,
            Tensor output,
            Tensor decayBias,
            Tensor decayDown,
            Tensor decayUp,
            Tensor bonus,
            Norm norm) {}

    /// The sizes, from names and shapes alone.
    static ModelConfig describe(Checkpoint checkpoint) {
        Shape embedding = CheckpointModel.matrixShape(checkpoint, "emb.weight");
        Shape bonus = CheckpointModel.matrixShape(checkpoint, BONUS);
        Shape key = CheckpointModel.matrixShape(checkpoint, "blocks.0.ffn.key.weight");
        int width = (int) embedding.size(1);
        if (bonus.elements() != width) {
            throw new ModelFormatException(
                    checkpoint.source()
                            + ": tensor "
                            + BONUS
                            + " is "
                            + bonus
                            + "; expected heads × head size = "
                            + width
                            + ", the width of emb.weight");
        }
        return new ModelConfig(
                ARCHITECTURE,
                "6.0",
                CheckpointModel.layers(checkpoint, "blocks.", ".ln1.weight"),
                width,
                (int) bonus.size(0),
                (int) bonus.size(1),
                (int) key.size(0),
                (int) embedding.size(0));
    }

    /// All tensors of `checkpoint`, checked.
    static Rwkv6Weights read(Checkpoint checkpoint) {
        ModelConfig config = describe(checkpoint);
        Arena arena = Arena.ofShared();
        try {
            WeightReader weights = new WeightReader(checkpoint, arena);
            RwkvModel.Reader reader = new RwkvModel.Reader(weights, config, "time_maa_");
            TimeMix[] timeMixes = new TimeMix[config.layers()];
            for (int layer = 0; layer < timeMixes.length; layer++) {
                timeMixes[layer] = timeMix(checkpoint, reader, "blocks." + layer + ".att.");
            }
            return new Rwkv6Weights(reader.trunk(checkpoint.source(), arena), timeMixes);
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    private static TimeMix timeMix(Checkpoint checkpoint, RwkvModel.Reader reader, String prefix) {
        WeightReader weights = reader.weights();
        int width = reader.config().width();
        Tensor[] mixes = new Tensor[INPUTS];
        for (int i = 0; i < INPUTS; i++) {
            mixes[i] = reader.coefficient(prefix, MIXES.get(i));
        }
        Tensor mixDown = weights.matrixWithAxis(prefix + "time_maa_w1", 0, width);
        if (mixDown.columns() % INPUTS != 0) {
            throw new ModelFormatException(
                    checkpoint.source()
                            + ": tensor "
                            + prefix
                            + "time_maa_w1 is "
                            + mixDown
                            + "; expected columns for "
                            + INPUTS
                            + " inputs");
        }
        Tensor decayDown = weights.matrixWithAxis(prefix + "time_decay_w1", 0, width);
        return new TimeMix(
                reader.coefficient(prefix, "x"),
                mixes,
                mixDown,
                weights.matrices(prefix + "time_maa_w2", INPUTS, mixDown.columns() / INPUTS, width),
                reader.square(prefix + "receptance.weight"),
                reader.square(prefix + "key.weight"),
                reader.square(prefix + "value.weight"),
                reader.square(prefix + "gate.weight"),
                reader.square(prefix + "output.weight"),
                weights.vector(prefix + "time_decay", width),
                decayDown,
                weights.matrix(prefix + "time_decay_w2", decayDown.columns(), width),
                weights.vector(prefix + "time_faaaa", width),
                reader.norm(prefix + "ln_x"));
    }
}
