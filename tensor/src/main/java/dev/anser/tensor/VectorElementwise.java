package dev.anser.tensor;

import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/// Element by element with the Vector API. The last, partial vector is masked, so that an element's
/// result depends on its operands alone and not on its place.
final class VectorElementwise {
    private VectorElementwise() {}

    static boolean allFinite(long x, int count) {
        // 0 · x is 0 for every finite x and NaN for the others.
        int whole = FLOATS.loopBound(count);
        FloatVector zeros = FloatVector.zero(FLOATS);
        for (int i = 0; i < whole; i += COUNT) {
            zeros = Lanes.load(x + 4L * i).mul(0f).add(zeros);
        }
        zeros = Lanes.load(x + 4L * whole, Lanes.first(count - whole)).mul(0f).add(zeros);
        return VectorMath.sum(zeros) == 0;
    }

    static void add(long a, long b, long y, int count) {
        int whole = FLOATS.loopBound(count);
        for (int i = 0; i < whole; i += COUNT) {
            Lanes.store(Lanes.load(a + 4L * i).add(Lanes.load(b + 4L * i)), y + 4L * i);
        }
        VectorMask<Float> rest = Lanes.first(count - whole);
        FloatVector sum = Lanes.load(a + 4L * whole, rest).add(Lanes.load(b + 4L * whole, rest));
        Lanes.store(sum, y + 4L * whole, rest);
    }

    static void reluSquared(long x, long y, int count) {
        int whole = FLOATS.loopBound(count);
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector positive = Lanes.load(x + 4L * i).max(0f);
            Lanes.store(positive.mul(positive), y + 4L * i);
        }
        VectorMask<Float> rest = Lanes.first(count - whole);
        FloatVector positive = Lanes.load(x + 4L * whole, rest).max(0f);
        Lanes.store(positive.mul(positive), y + 4L * whole, rest);
    }

    static void lerp(long from, long to, long weight, long y, int count) {
        int whole = FLOATS.loopBound(count);
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector start = Lanes.load(from + 4L * i);
            FloatVector difference = Lanes.load(to + 4L * i).sub(start);
            Lanes.store(difference.fma(Lanes.load(weight + 4L * i), start), y + 4L * i);
        }
        VectorMask<Float> rest = Lanes.first(count - whole);
        FloatVector start = Lanes.load(from + 4L * whole, rest);
        FloatVector difference = Lanes.load(to + 4L * whole, rest).sub(start);
        Lanes.store(
                difference.fma(Lanes.load(weight + 4L * whole, rest), start), y + 4L * whole, rest);
    }

    static void tanh(long x, long y, int count) {
        int whole = FLOATS.loopBound(count);
        for (int i = 0; i < whole; i += COUNT) {
            Lanes.store(VectorMath.tanh(Lanes.load(x + 4L * i)), y + 4L * i);
        }
        VectorMask<Float> rest = Lanes.first(count - whole);
        Lanes.store(VectorMath.tanh(Lanes.load(x + 4L * whole, rest)), y + 4L * whole, rest);
    }

    static void sigmoid(long x, long y, int count) {
        int whole = FLOATS.loopBound(count);
        for (int i = 0; i < whole; i += COUNT) {
            Lanes.store(VectorMath.sigmoid(Lanes.load(x + 4L * i)), y + 4L * i);
        }
        VectorMask<Float> rest = Lanes.first(count - whole);
        Lanes.store(VectorMath.sigmoid(Lanes.load(x + 4L * whole, rest)), y + 4L * whole, rest);
    }

    static void sigmoidWithBias(long x, long bias, long y, int count) {
        int whole = FLOATS.loopBound(count);
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector sum = Lanes.load(bias + 4L * i).add(Lanes.load(x + 4L * i));
            Lanes.store(VectorMath.sigmoid(sum), y + 4L * i);
        }
        VectorMask<Float> rest = Lanes.first(count - whole);
        FloatVector sum = Lanes.load(bias + 4L * whole, rest).add(Lanes.load(x + 4L * whole, rest));
        Lanes.store(VectorMath.sigmoid(sum), y + 4L * whole, rest);
    }

    static void decay7(long x, long bias, long y, int count) {
        int whole = FLOATS.loopBound(count);
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector sum = Lanes.load(bias + 4L * i).add(Lanes.load(x + 4L * i));
            Lanes.store(decay(sum), y + 4L * i);
        }
        VectorMask<Float> rest = Lanes.first(count - whole);
        FloatVector sum = Lanes.load(bias + 4L * whole, rest).add(Lanes.load(x + 4L * whole, rest));
        Lanes.store(decay(sum), y + 4L * whole, rest);
    }

    private static FloatVector decay(FloatVector x) {
        return VectorMath.exp(VectorMath.sigmoid(x).mul(-ReferenceKernels.DECAY_RATE));
    }
}
