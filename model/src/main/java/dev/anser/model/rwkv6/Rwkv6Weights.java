package dev.anser.model.rwkv6;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.ModelFormatException;
import dev.anser.model.CheckpointModel;
import dev.anser.model.ModelConfig;
import dev.anser.model.WeightReader;
import dev.anser.model.rwkv.BlockModel;
import dev.anser.model.rwkv.ChannelMix;
import dev.anser.model.rwkv.Ends;
import dev.anser.model.rwkv.Norm;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.lang.foreign.Arena;

/// The tensors of an RWKV-6 checkpoint, by the names of the official code, checked.
record Rwkv6Weights(CheckpointModel.Read read, Ends ends, Block[] blocks) {
    static final String ARCHITECTURE = "rwkv6";

    /// How many inputs of a time mix token shift makes: w, k, v, r, g.
    static final int INPUTS = 5;

    private static final String BONUS = "blocks.0.att.time_faaaa";

    /// One block: two normalisations and the two mixes.
    record Block(
            Norm attentionNorm, TimeMix timeMix, Norm feedForwardNorm, ChannelMix channelMix) {}

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
        Shape bonus = CheckpointModel.matrixShape(checkpoint, BONUS);
        return BlockModel.describe(checkpoint, ARCHITECTURE, "6.0", BONUS, bonus.size(0));
    }

    /// All tensors of `checkpoint`, checked.
    static Rwkv6Weights read(Checkpoint checkpoint) {
        ModelConfig config = describe(checkpoint);
        Arena arena = Arena.ofShared();
        try {
            WeightReader weights = new WeightReader(checkpoint, arena);
            Ends ends = Ends.read(weights, config);
            Block[] blocks = new Block[config.layers()];
            for (int layer = 0; layer < blocks.length; layer++) {
                String prefix = "blocks." + layer + ".";
                blocks[layer] =
                        new Block(
                                Norm.read(weights, prefix + "ln1", config.width()),
                                timeMix(checkpoint, weights, prefix + "att.", config),
                                Norm.read(weights, prefix + "ln2", config.width()),
                                ChannelMix.read(weights, prefix, "time_maa_", config));
            }
            return new Rwkv6Weights(
                    new CheckpointModel.Read(
                            checkpoint.source(),
                            config,
                            arena,
                            ends.embedding(),
                            false,
                            weights.weights(),
                            weights.parameters()),
                    ends,
                    blocks);
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    private static TimeMix timeMix(
            Checkpoint checkpoint, WeightReader weights, String prefix, ModelConfig config) {
        int width = config.width();
        String[] names = {"w", "k", "v", "r", "g"};
        Tensor[] mixes = new Tensor[INPUTS];
        for (int i = 0; i < INPUTS; i++) {
            mixes[i] = weights.vector(prefix + "time_maa_" + names[i], width);
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
                weights.vector(prefix + "time_maa_x", width),
                mixes,
                mixDown,
                weights.matrices(prefix + "time_maa_w2", INPUTS, mixDown.columns() / INPUTS, width),
                weights.matrix(prefix + "receptance.weight", width, width),
                weights.matrix(prefix + "key.weight", width, width),
                weights.matrix(prefix + "value.weight", width, width),
                weights.matrix(prefix + "gate.weight", width, width),
                weights.matrix(prefix + "output.weight", width, width),
                weights.vector(prefix + "time_decay", width),
                decayDown,
                weights.matrix(prefix + "time_decay_w2", decayDown.columns(), width),
                weights.vector(prefix + "time_faaaa", width),
                Norm.read(weights, prefix + "ln_x", width));
    }
}
