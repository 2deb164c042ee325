package dev.anser.tensor;

import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;

/// Functions of vectors that give the same bits in every state of the just-in-time compiler and on
/// every machine of the same vector width.
///
/// The Vector API's own `EXP`, `TANH` and `reduceLanes` do not: compiled code calls a library or
/// adds in a tree, while interpreted code calls `Math` or adds from left to right. The results
/// differ in the last bit, so that the same model would answer differently in its first second than
/// later. These use only operations that IEEE 754 defines exactly, in a fixed order.
final class VectorMath {
    private static final float LOG2_E = 1.44269504f;

    /// ln 2 in two parts: the first has so few bits that its product with an exponent is exact.
    private static final float LN_2_HIGH = 0.693359375f;

    private static final float LN_2_LOW = -2.12194440e-4f;

    /// Adding and subtracting 1.5 · 2^23 rounds to the nearest integer.
    private static final float ROUND = 0x1.8p23f;

    private static final float LOWEST = -87f;
    private static final float HIGHEST = 88f;

    /// Of `(e^r - 1 - r) / r²`.
    private static final float E0 = 5.0000001201e-1f;

    private static final float E1 = 1.6666665459e-1f;
    private static final float E2 = 4.1665795894e-2f;
    private static final float E3 = 8.3334519073e-3f;
    private static final float E4 = 1.3981999507e-3f;
    private static final float E5 = 1.9875691500e-4f;

    /// Below this |x|, of `(tanh x - x) / x³`.
    private static final float NEAR_ZERO = 0.625f;

    private static final float H0 = -3.33332819422e-1f;
    private static final float H1 = 1.33314422036e-1f;
    private static final float H2 = -5.37397155531e-2f;
    private static final float H3 = 2.06390887954e-2f;
    private static final float H4 = -5.70498872745e-3f;

    private static final FloatVector ONE = constant(1f);
    private static final FloatVector TWO = constant(2f);
    private static final FloatVector MINUS_LN_2_HIGH = constant(-LN_2_HIGH);
    private static final FloatVector MINUS_LN_2_LOW = constant(-LN_2_LOW);
    private static final FloatVector P0 = constant(E0);
    private static final FloatVector P1 = constant(E1);
    private static final FloatVector P2 = constant(E2);
    private static final FloatVector P3 = constant(E3);
    private static final FloatVector P4 = constant(E4);
    private static final FloatVector P5 = constant(E5);
    private static final FloatVector T0 = constant(H0);
    private static final FloatVector T1 = constant(H1);
    private static final FloatVector T2 = constant(H2);
    private static final FloatVector T3 = constant(H3);
    private static final FloatVector T4 = constant(H4);

    private static final VectorShuffle<Float> SWAP_1 = swap(1);
    private static final VectorShuffle<Float> SWAP_2 = swap(2);
    private static final VectorShuffle<Float> SWAP_4 = swap(4);
    private static final VectorShuffle<Float> SWAP_8 = swap(8);

    private VectorMath() {}

    /// Lane i gets lane i XOR distance; the identity where there are not so many lanes.
    private static VectorShuffle<Float> swap(int distance) {
        return VectorShuffle.fromOp(FLOATS, lane -> distance < COUNT ? lane ^ distance : lane);
    }

    /// The sum of all lanes, by halves.
    static float sum(FloatVector v) {
        if (COUNT >= 16) {
            v = v.add(v.rearrange(SWAP_8));
        }
        if (COUNT >= 8) {
            v = v.add(v.rearrange(SWAP_4));
        }
        v = v.add(v.rearrange(SWAP_2));
        return v.add(v.rearrange(SWAP_1)).lane(0);
    }

    /// `y = e^x` for `count` elements within 2 units in the last place; from -87 to 88, and their
    /// results beyond. `x` and `y` may be the same.
    ///
    /// Range reduction to `2^n · e^r` with |r| ≤ ln 2 / 2, then the polynomial of the Cephes
    /// library (`expf`). It works on memory and not on a vector, because the compiler does not
    /// inline a method of this size: a vector that it returned would be an object on the heap.
    static void exp(long x, long y, int count) {
        int whole = FLOATS.loopBound(count);
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector clamped = Lanes.load(x + 4L * i).max(LOWEST).min(HIGHEST);
            FloatVector n = clamped.mul(LOG2_E).add(ROUND).sub(ROUND);
            FloatVector r = n.fma(MINUS_LN_2_LOW, n.fma(MINUS_LN_2_HIGH, clamped));
            FloatVector p = P5.fma(r, P4).fma(r, P3).fma(r, P2).fma(r, P1).fma(r, P0);
            FloatVector fraction = p.fma(r.mul(r), r).add(ONE);
            IntVector exponent =
                    ((IntVector) n.convertShape(VectorOperators.F2I, Lanes.INTS, 0))
                            .lanewise(VectorOperators.LSHL, 23);
            fraction.reinterpretAsInts()
                    .add(exponent)
                    .reinterpretAsFloats()
                    .intoMemorySegment(Memory.ALL, y + 4L * i, LITTLE_ENDIAN);
        }
        for (int i = whole; i < count; i++) {
            Memory.set(y, i, exp(Memory.get(x, i)));
        }
    }

    /// One element of [#exp(long, long, int)], by the same operations.
    static float exp(float x) {
        float clamped = Math.min(Math.max(x, LOWEST), HIGHEST);
        float n = clamped * LOG2_E + ROUND - ROUND;
        float r = Math.fma(n, -LN_2_LOW, Math.fma(n, -LN_2_HIGH, clamped));
        float p = E5;
        p = Math.fma(p, r, E4);
        p = Math.fma(p, r, E3);
        p = Math.fma(p, r, E2);
        p = Math.fma(p, r, E1);
        p = Math.fma(p, r, E0);
        float fraction = Math.fma(p, r * r, r) + 1f;
        return Float.intBitsToFloat(Float.floatToRawIntBits(fraction) + ((int) n << 23));
    }

    /// `y = 1 / (1 + e^-x)`; `x` and `y` may be the same.
    static void sigmoid(long x, long y, int count) {
        int whole = FLOATS.loopBound(count);
        for (int i = 0; i < whole; i += COUNT) {
            Lanes.store(Lanes.load(x + 4L * i).neg(), y + 4L * i);
        }
        for (int i = whole; i < count; i++) {
            Memory.set(y, i, -Memory.get(x, i));
        }
        exp(y, y, count);
        for (int i = 0; i < whole; i += COUNT) {
            Lanes.store(ONE.div(Lanes.load(y + 4L * i).add(ONE)), y + 4L * i);
        }
        for (int i = whole; i < count; i++) {
            Memory.set(y, i, 1f / (Memory.get(y, i) + 1f));
        }
    }

    /// `y = tanh x` within 3 units in the last place, from another `x`: by `1 - 2 / (e^2x + 1)`,
    /// and near 0, where that cancels, by the polynomial of the Cephes library (`tanhf`).
    static void tanh(long x, long y, int count) {
        int whole = FLOATS.loopBound(count);
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector value = Lanes.load(x + 4L * i);
            Lanes.store(value.add(value), y + 4L * i);
        }
        for (int i = whole; i < count; i++) {
            Memory.set(y, i, Memory.get(x, i) + Memory.get(x, i));
        }
        exp(y, y, count);
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector value = Lanes.load(x + 4L * i);
            FloatVector large = ONE.sub(TWO.div(Lanes.load(y + 4L * i).add(ONE)));
            FloatVector square = value.mul(value);
            FloatVector p = T4.fma(square, T3).fma(square, T2).fma(square, T1).fma(square, T0);
            FloatVector small = p.mul(square).fma(value, value);
            Lanes.store(
                    large.blend(small, value.abs().compare(VectorOperators.LT, NEAR_ZERO)),
                    y + 4L * i);
        }
        for (int i = whole; i < count; i++) {
            Memory.set(y, i, tanh(Memory.get(x, i), Memory.get(y, i)));
        }
    }

    /// One element of [#tanh(long, long, int)], given e^2x, by the same operations.
    private static float tanh(float x, float exponential) {
        if (Math.abs(x) >= NEAR_ZERO || Float.isNaN(x)) {
            return 1f - 2f / (exponential + 1f);
        }
        float square = x * x;
        float p = H4;
        p = Math.fma(p, square, H3);
        p = Math.fma(p, square, H2);
        p = Math.fma(p, square, H1);
        p = Math.fma(p, square, H0);
        return Math.fma(p * square, x, x);
    }

    private static FloatVector constant(float value) {
        return FloatVector.broadcast(FLOATS, value);
    }
}
