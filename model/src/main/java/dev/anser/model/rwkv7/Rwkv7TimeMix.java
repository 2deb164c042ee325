package dev.anser.model.rwkv7;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.ModelFormatException;
import dev.anser.model.CheckpointModel;
import dev.anser.model.ModelConfig;
import dev.anser.model.StateLayout;
import dev.anser.model.WeightReader;
import dev.anser.tensor.Bonus7;
import dev.anser.tensor.GroupNorm;
import dev.anser.tensor.Ops;
import dev.anser.tensor.Segments;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The time mix of RWKV-7 (arXiv 2503.14456, section 4.1): its weights, and what is computed with
/// them. ARWKV-7 has it too, with or without its gate and the normalisation of its heads.
///
/// R rows (tokens), C channels, H heads of N channels. A state has two slots for it, one behind the
/// other: the last input (C), and the WKV state (H, N keys, N values).
///
/// @param headSize N
/// @param mixes token-shift coefficients (C) in the order r, w, k, v, a, and g where there is a
///   gate
/// @param valueResidual null in layer 0, which has none
/// @param gate null where there is none
/// @param norm null where heads are not normalised
record Rwkv7TimeMix(
        int headSize,
        Tensor[] mixes,
        Tensor receptance,
        Tensor key,
        Tensor value,
        Tensor output,
        LowRank decay,
        Tensor decayBias,
        LowRank learningRate,
        Tensor learningRateBias,
        @Nullable LowRank valueResidual,
        @Nullable Tensor valueResidualBias,
        @Nullable LowRank gate,
        Tensor keyScale,
        Tensor keyRate,
        Tensor bonus,
        @Nullable HeadNorm norm) {
    /// 1e-5 times the square of the official code's head size divisor, 8.
    static final float EPSILON = 64e-5f;

    /// `x ↦ activation(x · down) · up`, with `down` (C, rank) and `up` (rank, C).
    record LowRank(Tensor down, Tensor up) {
        Tensor down(Ops ops, Tensor x) {
            return ops.project(x, down);
        }

        Tensor up(Ops ops, Tensor x) {
            return ops.project(x, up);
        }
    }

    /// The normalisation of every head as a group, with a weight and a bias (C).
    record HeadNorm(Tensor weight, Tensor bias, float epsilon) {}

    /// The slots of layer `layer` that [#shifted] and [#run] move on.
    static List<StateLayout.Slot> slots(ModelConfig config, int layer) {
        String prefix = "blocks." + layer + ".";
        Shape kv = Shape.of(config.heads(), config.headSize(), config.headSize());
        return List.of(
                new StateLayout.Slot(prefix + "att_x_prev", Shape.of(config.width()), false),
                // Official files have (head, value, key); the kernel wants values contiguous.
                new StateLayout.Slot(prefix + "att_kv", kv, true));
    }

    /// The heads and their size, from the bonus `name` (H, N) of a model as wide as `embedding`.
    static Shape heads(Checkpoint checkpoint, String name, String embedding) {
        Shape bonus = CheckpointModel.matrixShape(checkpoint, name);
        long width = CheckpointModel.matrixShape(checkpoint, embedding).size(1);
        if (bonus.size(0) * bonus.size(1) != width) {
            throw new ModelFormatException(
                    checkpoint.source()
                            + ": tensor "
                            + name
                            + " is "
                            + bonus
                            + "; expected heads × head size = "
                            + width
                            + ", the width of "
                            + embedding);
        }
        return bonus;
    }

    /// The inputs of all projections for the normalised input `x` (R, C): one for each of the
    /// mixes.
    Tensor shifted(Ops ops, Tensor x, Segments batch, int slot) {
        return ops.shiftLerp(x, mixes, batch, slot);
    }

    /// The values of layer 0, which all others need.
    Tensor value(Ops ops, Tensor shifted) {
        return ops.linear(shifted.part(3), value);
    }

    /// The values, drawn towards those of layer 0 in all other layers.
    Tensor value(Ops ops, Tensor shifted, Tensor first) {
        Tensor own = value(ops, shifted);
        if (valueResidual == null || valueResidualBias == null) {
            return own;
        }
        Tensor low = valueResidual.up(ops, valueResidual.down(ops, shifted.part(3)));
        return ops.lerp(own, first, ops.sigmoidWithBias(low, valueResidualBias));
    }

    /// The result (R, C), from what [#shifted] and [#value] gave.
    ///
    /// @param slot that of the WKV state
    Tensor run(Ops ops, Tensor shifted, Tensor value, Segments batch, int slot) {
        Tensor r = ops.linear(shifted.part(0), receptance);
        Tensor k = ops.linear(shifted.part(2), key);

        Tensor decayLow = decay.up(ops, ops.tanh(decay.down(ops, shifted.part(1))));
        Tensor w = ops.decay7(decayLow, decayBias);
        Tensor rateLow = learningRate.up(ops, learningRate.down(ops, shifted.part(4)));
        Tensor rate = ops.sigmoidWithBias(rateLow, learningRateBias);
        Tensor g = gate == null ? null : gate.up(ops, ops.sigmoid(gate.down(ops, shifted.part(5))));

        Tensor keys = ops.keys7(k, rate, keyScale, keyRate, headSize); // (3, R, C)
        Tensor replacement = keys.part(0);
        Tensor out =
                ops.wkv7(
                        r,
                        w,
                        replacement,
                        value,
                        keys.part(1),
                        keys.part(2),
                        headSize,
                        batch,
                        slot);
        return ops.linear(finish(ops, out, r, replacement, value, g), output);
    }

    private Tensor finish(
            Ops ops, Tensor out, Tensor r, Tensor k, Tensor value, @Nullable Tensor g) {
        if (norm != null && g != null) {
            return ops.gatedGroupNorm7(
                    out,
                    norm.weight(),
                    norm.bias(),
                    norm.epsilon(),
                    r,
                    k,
                    value,
                    bonus,
                    g,
                    headSize);
        }
        Tensor normed =
                norm == null
                        ? out
                        : ops.run(
                                new GroupNorm(
                                        out, norm.weight(), norm.bias(), norm.epsilon(), headSize));
        return ops.run(new Bonus7(normed, r, k, value, bonus, g, headSize));
    }

    /// Reads the time mixes of a checkpoint.
    ///
    /// @param gated whether they have a gate
    /// @param normed whether heads are normalised
    /// @param epsilon of that normalisation
    record Reader(
            WeightReader weights,
            ModelConfig config,
            boolean gated,
            boolean normed,
            float epsilon) {
        private static final List<String> MIXES = List.of("x_r", "x_w", "x_k", "x_v", "x_a", "x_g");

        /// That of layer `layer`, whose names begin with `prefix`.
        Rwkv7TimeMix read(String prefix, int layer) {
            boolean residual = layer > 0;
            return new Rwkv7TimeMix(
                    config.headSize(),
                    mixes(prefix),
                    square(prefix + "receptance.weight"),
                    square(prefix + "key.weight"),
                    square(prefix + "value.weight"),
                    square(prefix + "output.weight"),
                    lowRank(prefix + "w1", prefix + "w2"),
                    vector(prefix + "w0"),
                    lowRank(prefix + "a1", prefix + "a2"),
                    vector(prefix + "a0"),
                    residual ? lowRank(prefix + "v1", prefix + "v2") : null,
                    residual ? vector(prefix + "v0") : null,
                    gated ? lowRank(prefix + "g1", prefix + "g2") : null,
                    vector(prefix + "k_k"),
                    vector(prefix + "k_a"),
                    vector(prefix + "r_k"),
                    normed ? norm(prefix + "ln_x") : null);
        }

        private Tensor[] mixes(String prefix) {
            return MIXES.stream()
                    .limit(gated ? 6 : 5)
                    .map(name -> vector(prefix + name))
                    .toArray(Tensor[]::new);
        }

        private Tensor vector(String name) {
            return weights.vector(name, config.width());
        }

        private Tensor square(String name) {
            return weights.matrix(name, config.width(), config.width());
        }

        private LowRank lowRank(String down, String up) {
            int width = config.width();
            Tensor first = weights.matrixWithAxis(down, 0, width);
            return new LowRank(first, weights.matrix(up, first.shape().size(1), width));
        }

        private HeadNorm norm(String name) {
            return new HeadNorm(vector(name + ".weight"), vector(name + ".bias"), epsilon);
        }
    }
}
