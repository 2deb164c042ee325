package dev.anser.tensor;

import static dev.anser.tensor.Lanes.FLOATS;
import static dev.anser.tensor.Lanes.load;
import static dev.anser.tensor.VectorGradients.addTo;
import static dev.anser.tensor.VectorGradients.put;

import dev.anser.tensor.GradientKernels.GatedGroupNorm7;
import dev.anser.tensor.GradientKernels.GatedGroupNorm7Targets;
import jdk.incubator.vector.FloatVector;

/// The backward steps of the normalisations with the Vector API, one row or head of whole vectors
/// at a time. Two sweeps, the first for the sums and the second for what needs them; the row is in
/// the first-level cache by then, so that values are computed again rather than stored.
final class VectorNormGradients {
    private VectorNormGradients() {}

    static void layerNorm(
            long x,
            long weight,
            float epsilon,
            long dy,
            long dx,
            boolean add,
            long dWeight,
            long dBias,
            int count) {
        float mean = VectorNorm.sum(x, count) / count;
        float scale =
                (float) (1 / Math.sqrt(VectorNorm.squares(x, mean, count) / count + epsilon));
        FloatVector sums = FloatVector.zero(FLOATS);
        FloatVector projections = FloatVector.zero(FLOATS);
        for (int at = 0; at < 4 * count; at += Lanes.BYTES) {
            FloatVector unit = load(x + at).sub(mean).mul(scale);
            FloatVector gradient = load(dy + at);
            FloatVector dUnit = gradient.mul(load(weight + at));
            sums = sums.add(dUnit);
            projections = dUnit.fma(unit, projections);
            addTo(dWeight + at, gradient.mul(unit));
            addTo(dBias + at, gradient);
        }
        float shift = VectorMath.sum(sums) / count;
        float projection = VectorMath.sum(projections) / count;
        for (int at = 0; at < 4 * count; at += Lanes.BYTES) {
            FloatVector unit = load(x + at).sub(mean).mul(scale);
            FloatVector dUnit = load(dy + at).mul(load(weight + at));
            put(dUnit.sub(shift).sub(unit.mul(projection)).mul(scale), dx + at, add);
        }
    }

    static void keys7(
            long k,
            long a,
            long keyScale,
            long keyRate,
            long dy,
            long part,
            long dk,
            boolean addK,
            long da,
            boolean addA,
            long dScale,
            long dRate,
            int size) {
        long dRemoval = dy + part;
        long dInContext = dRemoval + part;
        FloatVector squares = FloatVector.zero(FLOATS);
        FloatVector projections = FloatVector.zero(FLOATS);
        for (int at = 0; at < 4 * size; at += Lanes.BYTES) {
            FloatVector scaled = load(k + at).mul(load(keyScale + at));
            FloatVector dUnit = load(dInContext + at).mul(load(a + at)).sub(load(dRemoval + at));
            squares = scaled.fma(scaled, squares);
            projections = dUnit.fma(scaled, projections);
        }
        float length = (float) Math.sqrt(VectorMath.sum(squares));
        boolean normal = length > ReferenceKernels.KEY_EPSILON;
        float inverse = 1 / Math.max(length, ReferenceKernels.KEY_EPSILON);
        float projection = normal ? VectorMath.sum(projections) * inverse : 0;
        FloatVector one = FloatVector.broadcast(FLOATS, 1f);
        for (int at = 0; at < 4 * size; at += Lanes.BYTES) {
            FloatVector raw = load(k + at);
            FloatVector scale = load(keyScale + at);
            FloatVector rate = load(keyRate + at);
            FloatVector learning = load(a + at);
            FloatVector dKey = load(dy + at);
            FloatVector inContext = load(dInContext + at);
            FloatVector unit = raw.mul(scale).mul(inverse);
            FloatVector dUnit = inContext.mul(learning).sub(load(dRemoval + at));
            FloatVector dScaled = dUnit.sub(unit.mul(projection)).mul(inverse);
            FloatVector less = learning.sub(one);
            put(dScaled.fma(scale, dKey.mul(less.fma(rate, one))), dk + at, addK);
            FloatVector dRaw = dKey.mul(raw);
            put(inContext.fma(unit, dRaw.mul(rate)), da + at, addA);
            addTo(dScale + at, dScaled.mul(raw));
            addTo(dRate + at, dRaw.mul(less));
        }
    }

    /// The head at `offset` bytes of the activations and `channel` bytes of the vectors.
    static void gatedGroupNorm7(
            GatedGroupNorm7 of,
            long gradient,
            GatedGroupNorm7Targets into,
            long dWeight,
            long dBias,
            long dBonus,
            long offset,
            long channel) {
        int size = of.headSize();
        long y = of.y().address() + offset;
        long r = of.r().address() + offset;
        long k = of.k().address() + offset;
        long v = of.v().address() + offset;
        long g = of.g().address() + offset;
        long dz = gradient + offset;
        long weight = of.weight().address() + channel;
        long bias = of.bias().address() + channel;
        long bonus = of.bonus().address() + channel;
        float mean = VectorNorm.sum(y, size) / size;
        float scale =
                (float) (1 / Math.sqrt(VectorNorm.squares(y, mean, size) / size + of.epsilon()));
        FloatVector products = FloatVector.zero(FLOATS);
        for (int at = 0; at < 4 * size; at += Lanes.BYTES) {
            products = load(r + at).mul(load(k + at)).fma(load(bonus + at), products);
        }
        float sum = VectorMath.sum(products);

        long dg = into.dg().address() + offset;
        long dv = into.dv().address() + offset;
        boolean addG = into.dg().add();
        boolean addV = into.dv().add();
        FloatVector ofSum = FloatVector.zero(FLOATS);
        FloatVector sums = FloatVector.zero(FLOATS);
        FloatVector projections = FloatVector.zero(FLOATS);
        for (int at = 0; at < 4 * size; at += Lanes.BYTES) {
            FloatVector unit = load(y + at).sub(mean).mul(scale);
            FloatVector slope = load(weight + at);
            FloatVector value = load(v + at);
            FloatVector whole = load(dz + at);
            FloatVector normed = unit.fma(slope, load(bias + at));
            FloatVector dOut = whole.mul(load(g + at));
            FloatVector dUnit = dOut.mul(slope);
            put(whole.mul(value.mul(sum).add(normed)), dg + at, addG);
            put(dOut.mul(sum), dv + at, addV);
            ofSum = dOut.fma(value, ofSum);
            sums = sums.add(dUnit);
            projections = dUnit.fma(unit, projections);
            addTo(dWeight + channel + at, dOut.mul(unit));
            addTo(dBias + channel + at, dOut);
        }
        float dSum = VectorMath.sum(ofSum);
        float shift = VectorMath.sum(sums) / size;
        float projection = VectorMath.sum(projections) / size;

        long dy = into.dy().address() + offset;
        long dr = into.dr().address() + offset;
        long dk = into.dk().address() + offset;
        boolean addY = into.dy().add();
        boolean addR = into.dr().add();
        boolean addK = into.dk().add();
        for (int at = 0; at < 4 * size; at += Lanes.BYTES) {
            FloatVector unit = load(y + at).sub(mean).mul(scale);
            FloatVector dUnit = load(dz + at).mul(load(g + at)).mul(load(weight + at));
            FloatVector receptance = load(r + at);
            FloatVector key = load(k + at);
            FloatVector share = load(bonus + at).mul(dSum);
            put(dUnit.sub(shift).sub(unit.mul(projection)).mul(scale), dy + at, addY);
            put(share.mul(key), dr + at, addR);
            put(share.mul(receptance), dk + at, addK);
            addTo(dBonus + channel + at, receptance.mul(key).mul(dSum));
        }
    }
}
