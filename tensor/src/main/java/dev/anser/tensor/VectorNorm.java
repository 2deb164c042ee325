package dev.anser.tensor;

import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;

/// Normalisations of one row or one head with the Vector API. What does not fill a vector goes one
/// by one.
final class VectorNorm {
    private VectorNorm() {}

    /// `y = (x - mean) / sqrt(variance + epsilon) · weight + bias`.
    static void normalise(long x, long weight, long bias, float epsilon, long y, int count) {
        int whole = FLOATS.loopBound(count);
        float mean = sum(x, count) / count;
        float scale = (float) (1 / Math.sqrt(squares(x, mean, count) / count + epsilon));
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector unit = Lanes.load(x + 4L * i).sub(mean).mul(scale);
            FloatVector scaled = unit.fma(Lanes.load(weight + 4L * i), Lanes.load(bias + 4L * i));
            Lanes.store(scaled, y + 4L * i);
        }
        for (int i = whole; i < count; i++) {
            float unit = (Memory.get(x, i) - mean) * scale;
            Memory.set(y, i, Math.fma(unit, Memory.get(weight, i), Memory.get(bias, i)));
        }
    }

    static float sum(long x, int count) {
        int whole = FLOATS.loopBound(count);
        FloatVector sums = FloatVector.zero(FLOATS);
        for (int i = 0; i < whole; i += COUNT) {
            sums = sums.add(Lanes.load(x + 4L * i));
        }
        float sum = VectorMath.sum(sums);
        for (int i = whole; i < count; i++) {
            sum += Memory.get(x, i);
        }
        return sum;
    }

    static float squares(long x, float mean, int count) {
        int whole = FLOATS.loopBound(count);
        FloatVector squares = FloatVector.zero(FLOATS);
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector difference = Lanes.load(x + 4L * i).sub(mean);
            squares = difference.fma(difference, squares);
        }
        float sum = VectorMath.sum(squares);
        for (int i = whole; i < count; i++) {
            float difference = Memory.get(x, i) - mean;
            sum = Math.fma(difference, difference, sum);
        }
        return sum;
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
        int whole = FLOATS.loopBound(size);
        FloatVector squares = FloatVector.zero(FLOATS);
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector scaled = Lanes.load(k + 4L * i).mul(Lanes.load(keyScale + 4L * i));
            squares = scaled.fma(scaled, squares);
        }
        float sum = VectorMath.sum(squares);
        for (int i = whole; i < size; i++) {
            float scaled = Memory.get(k, i) * Memory.get(keyScale, i);
            sum = Math.fma(scaled, scaled, sum);
        }
        float inverse = 1 / Math.max((float) Math.sqrt(sum), ReferenceKernels.KEY_EPSILON);
        FloatVector one = FloatVector.broadcast(FLOATS, 1f);
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector raw = Lanes.load(k + 4L * i);
            FloatVector rate = Lanes.load(a + 4L * i);
            FloatVector unit = raw.mul(Lanes.load(keyScale + 4L * i)).mul(inverse);
            FloatVector factor = rate.sub(one).fma(Lanes.load(keyRate + 4L * i), one);
            Lanes.store(raw.mul(factor), key + 4L * i);
            Lanes.store(unit.neg(), removal + 4L * i);
            Lanes.store(unit.mul(rate), inContext + 4L * i);
        }
        for (int i = whole; i < size; i++) {
            float raw = Memory.get(k, i);
            float rate = Memory.get(a, i);
            float unit = raw * Memory.get(keyScale, i) * inverse;
            Memory.set(key, i, raw * Math.fma(rate - 1f, Memory.get(keyRate, i), 1f));
            Memory.set(removal, i, -unit);
            Memory.set(inContext, i, unit * rate);
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
        int whole = FLOATS.loopBound(size);
        FloatVector sums = FloatVector.zero(FLOATS);
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector product = Lanes.load(r + 4L * i).mul(Lanes.load(k + 4L * i));
            sums = product.fma(Lanes.load(bonus + 4L * i), sums);
        }
        float sum = VectorMath.sum(sums);
        for (int i = whole; i < size; i++) {
            sum = Math.fma(Memory.get(r, i) * Memory.get(k, i), Memory.get(bonus, i), sum);
        }
        FloatVector bonusSum = FloatVector.broadcast(FLOATS, sum);
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector value = bonusSum.fma(Lanes.load(v + 4L * i), Lanes.load(y + 4L * i));
            Lanes.store(value.mul(Lanes.load(g + 4L * i)), y + 4L * i);
        }
        for (int i = whole; i < size; i++) {
            float value = Math.fma(sum, Memory.get(v, i), Memory.get(y, i));
            Memory.set(y, i, value * Memory.get(g, i));
        }
    }
}
