package dev.anser.train;

import dev.anser.tensor.Operation;
import dev.anser.tensor.Ops;
import dev.anser.tensor.Segments;
import dev.anser.tensor.Tensor;
import java.util.Map;

/// Runs every operation by another [Ops], and adds its low-rank pair to each matrix that has one:
/// `y = x Wᵀ + alpha / r · (x Aᵀ) Bᵀ` (LoRA, arXiv 2106.09685, equation 3).
///
/// The pair is made of operations of the other ops, so one that records learns it without knowing.
///
/// @param ops what computes
/// @param pairs the pair of each weight, by identity
record LowRankOps(Ops ops, Map<Tensor, Pair> pairs) implements Ops {
    /// A low-rank pair.
    ///
    /// @param a (r, in)
    /// @param b (out, r)
    /// @param scale (r, r): alpha / r times the identity, a constant; so the scaling is one small
    ///   product and its gradient needs no operation of its own
    record Pair(Tensor a, Tensor b, Tensor scale) {}

    @Override
    public Tensor linear(Tensor x, Tensor weight) {
        Tensor y = ops.linear(x, weight);
        Pair pair = pairs.get(weight);
        if (pair == null) {
            return y;
        }
        Tensor inner = ops.project(ops.linear(x, pair.a()), pair.scale()); // (R, r)
        return ops.add(y, ops.linear(inner, pair.b()));
    }

    @Override
    public void begin() {
        ops.begin();
    }

    @Override
    public Tensor block(
            Block block, Tensor x, Tensor shared, Segments batch, int firstSlot, int slots) {
        Block adapted =
                (inner, input, other, segments) ->
                        block.run(new LowRankOps(inner, pairs), input, other, segments);
        return ops.block(adapted, x, shared, batch, firstSlot, slots);
    }

    @Override
    public Tensor run(Operation operation) {
        return ops.run(operation);
    }

    @Override
    public Tensor embedding(Tensor table, int[] ids, int count) {
        return ops.embedding(table, ids, count);
    }

    @Override
    public Tensor rows(Tensor x, int[] rows, int count) {
        return ops.rows(x, rows, count);
    }

    @Override
    public int firstNonFiniteRow(Tensor x) {
        return ops.firstNonFiniteRow(x);
    }

    @Override
    public Tensor project(Tensor x, Tensor weight) {
        return ops.project(x, weight);
    }

    @Override
    public Tensor add(Tensor a, Tensor b) {
        return ops.add(a, b);
    }

    @Override
    public Tensor tanh(Tensor x) {
        return ops.tanh(x);
    }

    @Override
    public Tensor sigmoid(Tensor x) {
        return ops.sigmoid(x);
    }

    @Override
    public Tensor reluSquared(Tensor x) {
        return ops.reluSquared(x);
    }

    @Override
    public Tensor sigmoidWithBias(Tensor x, Tensor bias) {
        return ops.sigmoidWithBias(x, bias);
    }

    @Override
    public Tensor lerp(Tensor from, Tensor to, Tensor weight) {
        return ops.lerp(from, to, weight);
    }

    @Override
    public Tensor layerNorm(Tensor x, Tensor weight, Tensor bias, float epsilon) {
        return ops.layerNorm(x, weight, bias, epsilon);
    }

    @Override
    public Tensor shiftLerp(Tensor x, Tensor[] mixes, Segments segments, int slot) {
        return ops.shiftLerp(x, mixes, segments, slot);
    }

    @Override
    public Tensor decay7(Tensor x, Tensor bias) {
        return ops.decay7(x, bias);
    }

    @Override
    public Tensor keys7(Tensor k, Tensor a, Tensor keyScale, Tensor keyRate, int headSize) {
        return ops.keys7(k, a, keyScale, keyRate, headSize);
    }

    @Override
    public Tensor wkv7(
            Tensor r,
            Tensor w,
            Tensor k,
            Tensor v,
            Tensor a,
            Tensor b,
            int headSize,
            Segments segments,
            int slot) {
        return ops.wkv7(r, w, k, v, a, b, headSize, segments, slot);
    }

    @Override
    public Tensor gatedGroupNorm7(
            Tensor y,
            Tensor weight,
            Tensor bias,
            float epsilon,
            Tensor r,
            Tensor k,
            Tensor v,
            Tensor bonus,
            Tensor g,
            int headSize) {
        return ops.gatedGroupNorm7(y, weight, bias, epsilon, r, k, v, bonus, g, headSize);
    }
}
