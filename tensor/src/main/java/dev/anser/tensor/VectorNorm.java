package dev.anser.tensor;

import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/// Normalisations of one row or one head with the Vector API.
final class VectorNorm {
    private VectorNorm() {}

    /// `y = (x - mean) / sqrt(variance + epsilon) · weight + bias`.
    static void normalise(long x, long weight, long bias, float epsilon, long y, int count) {
        int whole = FLOATS.loopBound(count);
        VectorMask<Float> rest = Lanes.first(count - whole);
        FloatVector sums = FloatVector.zero(FLOATS);
        for (int i = 0; i < whole; i += COUNT) {
            sums = sums.add(Lanes.load(x + 4L * i));
        }
        sums = sums.add(Lanes.load(x + 4L * whole, rest));
        FloatVector mean = FloatVector.broadcast(FLOATS, VectorMath.sum(sums) / count);
        FloatVector squares = FloatVector.zero(FLOATS);
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector difference = Lanes.load(x + 4L * i).sub(mean);
            squares = difference.fma(difference, squares);
        }
        FloatVector last =
                FloatVector.zero(FLOATS).blend(Lanes.load(x + 4L * whole, rest).sub(mean), rest);
        float variance = VectorMath.sum(last.fma(last, squares)) / count;
        FloatVector scale =
                FloatVector.broadcast(FLOATS, (float) (1 / Math.sqrt(variance + epsilon)));
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector unit = Lanes.load(x + 4L * i).sub(mean).mul(scale);
            FloatVector scaled = unit.fma(Lanes.load(weight + 4L * i), Lanes.load(bias + 4L * i));
            Lanes.store(scaled, y + 4L * i);
        }
        FloatVector scaled =
                last.mul(scale)
                        .fma(
                                Lanes.load(weight + 4L * whole, rest),
                                Lanes.load(bias + 4L * whole, rest));
        Lanes.store(scaled, y + 4L * whole, rest);
    }

    static void keys7(
            long k,
            long a,
            long keyScale,
            long keyRate,
            long key,
            long removal,
            long inContext,
            int size) {
        FloatVector squares = FloatVector.zero(FLOATS);
        for (int i = 0; i < size; i += COUNT) {
            VectorMask<Float> mask = Lanes.first(Math.min(COUNT, size - i));
            FloatVector scaled =
                    Lanes.load(k + 4L * i, mask).mul(Lanes.load(keyScale + 4L * i, mask));
            squares = scaled.fma(scaled, squares);
        }
        float length = (float) Math.sqrt(VectorMath.sum(squares));
        FloatVector inverse =
                FloatVector.broadcast(FLOATS, 1 / Math.max(length, ReferenceKernels.KEY_EPSILON));
        FloatVector one = FloatVector.broadcast(FLOATS, 1f);
        for (int i = 0; i < size; i += COUNT) {
            VectorMask<Float> mask = Lanes.first(Math.min(COUNT, size - i));
            FloatVector raw = Lanes.load(k + 4L * i, mask);
            FloatVector rate = Lanes.load(a + 4L * i, mask);
            FloatVector unit = raw.mul(Lanes.load(keyScale + 4L * i, mask)).mul(inverse);
            FloatVector factor = rate.sub(one).fma(Lanes.load(keyRate + 4L * i, mask), one);
            Lanes.store(raw.mul(factor), key + 4L * i, mask);
            Lanes.store(unit.neg(), removal + 4L * i, mask);
            Lanes.store(unit.mul(rate), inContext + 4L * i, mask);
        }
    }

    static void gatedGroupNorm7(
            long x,
            long weight,
            long bias,
            float epsilon,
            long r,
            long k,
            long v,
            long bonus,
            long g,
            long y,
            int size) {
        normalise(x, weight, bias, epsilon, y, size);
        FloatVector sums = FloatVector.zero(FLOATS);
        for (int i = 0; i < size; i += COUNT) {
            VectorMask<Float> mask = Lanes.first(Math.min(COUNT, size - i));
            FloatVector product = Lanes.load(r + 4L * i, mask).mul(Lanes.load(k + 4L * i, mask));
            sums = product.fma(Lanes.load(bonus + 4L * i, mask), sums);
        }
        FloatVector sum = FloatVector.broadcast(FLOATS, VectorMath.sum(sums));
        for (int i = 0; i < size; i += COUNT) {
            VectorMask<Float> mask = Lanes.first(Math.min(COUNT, size - i));
            FloatVector value = sum.fma(Lanes.load(v + 4L * i, mask), Lanes.load(y + 4L * i, mask));
            Lanes.store(value.mul(Lanes.load(g + 4L * i, mask)), y + 4L * i, mask);
        }
    }
}
