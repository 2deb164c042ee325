package dev.anser.tensor;

import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;

/// Element by element with the Vector API. What does not fill a vector goes one by one, through the
/// same operations, so that an element's result depends on its operands alone and not on its place.
final class VectorElementwise {
    private VectorElementwise() {}

    static boolean allFinite(long x, int count) {
        // 0 · x is 0 for every finite x and NaN for the others.
        int whole = FLOATS.loopBound(count);
        FloatVector zeros = FloatVector.zero(FLOATS);
        for (int i = 0; i < whole; i += COUNT) {
            zeros = Lanes.load(x + 4L * i).mul(0f).add(zeros);
        }
        float zero = VectorMath.sum(zeros);
        for (int i = whole; i < count; i++) {
            zero += Memory.get(x, i) * 0f;
        }
        return zero == 0;
    }

    static void add(long a, long b, long y, int count) {
        int whole = FLOATS.loopBound(count);
        for (int i = 0; i < whole; i += COUNT) {
            Lanes.store(Lanes.load(a + 4L * i).add(Lanes.load(b + 4L * i)), y + 4L * i);
        }
        for (int i = whole; i < count; i++) {
            Memory.set(y, i, Memory.get(a, i) + Memory.get(b, i));
        }
    }

    static void reluSquared(long x, long y, int count) {
        int whole = FLOATS.loopBound(count);
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector positive = Lanes.load(x + 4L * i).max(0f);
            Lanes.store(positive.mul(positive), y + 4L * i);
        }
        for (int i = whole; i < count; i++) {
            float positive = Math.max(Memory.get(x, i), 0f);
            Memory.set(y, i, positive * positive);
        }
    }

    static void lerp(long from, long to, long weight, long y, int count) {
        int whole = FLOATS.loopBound(count);
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector start = Lanes.load(from + 4L * i);
            FloatVector difference = Lanes.load(to + 4L * i).sub(start);
            Lanes.store(difference.fma(Lanes.load(weight + 4L * i), start), y + 4L * i);
        }
        for (int i = whole; i < count; i++) {
            float start = Memory.get(from, i);
            float difference = Memory.get(to, i) - start;
            Memory.set(y, i, Math.fma(difference, Memory.get(weight, i), start));
        }
    }

    static void sigmoidWithBias(long x, long bias, long y, int count) {
        add(bias, x, y, count);
        VectorMath.sigmoid(y, y, count);
    }

    static void decay7(long x, long bias, long y, int count) {
        sigmoidWithBias(x, bias, y, count);
        scale(y, -ReferenceKernels.DECAY_RATE, y, count);
        VectorMath.exp(y, y, count);
    }

    static void scale(long x, float factor, long y, int count) {
        int whole = FLOATS.loopBound(count);
        for (int i = 0; i < whole; i += COUNT) {
            Lanes.store(Lanes.load(x + 4L * i).mul(factor), y + 4L * i);
        }
        for (int i = whole; i < count; i++) {
            Memory.set(y, i, Memory.get(x, i) * factor);
        }
    }
}
