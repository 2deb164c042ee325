package dev.anser.tensor;

import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
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

    /// `e^x` within 2 units in the last place; from -87 to 88, and their results beyond.
    ///
    /// Range reduction to `2^n · e^r` with |r| ≤ ln 2 / 2, then the polynomial of the Cephes
    /// library (`expf`).
    static FloatVector exp(FloatVector x) {
        FloatVector clamped = x.max(-87f).min(88f);
        FloatVector n = clamped.mul(LOG2_E).add(ROUND).sub(ROUND);
        FloatVector r = n.fma(broadcast(-LN_2_LOW), n.fma(broadcast(-LN_2_HIGH), clamped));
        FloatVector p = broadcast(1.9875691500e-4f);
        p = p.fma(r, broadcast(1.3981999507e-3f));
        p = p.fma(r, broadcast(8.3334519073e-3f));
        p = p.fma(r, broadcast(4.1665795894e-2f));
        p = p.fma(r, broadcast(1.6666665459e-1f));
        p = p.fma(r, broadcast(5.0000001201e-1f));
        FloatVector fraction = p.fma(r.mul(r), r).add(1f);
        IntVector exponent =
                ((IntVector) n.convertShape(VectorOperators.F2I, Lanes.INTS, 0))
                        .lanewise(VectorOperators.LSHL, 23);
        return fraction.reinterpretAsInts().add(exponent).reinterpretAsFloats();
    }

    /// `1 / (1 + e^-x)`.
    static FloatVector sigmoid(FloatVector x) {
        FloatVector one = broadcast(1f);
        return one.div(exp(x.neg()).add(one));
    }

    /// `tanh x` within 3 units in the last place: by `1 - 2 / (e^2x + 1)`, and near 0, where that
    /// cancels, by the polynomial of the Cephes library (`tanhf`).
    static FloatVector tanh(FloatVector x) {
        FloatVector one = broadcast(1f);
        FloatVector large = one.sub(broadcast(2f).div(exp(x.add(x)).add(one)));
        FloatVector square = x.mul(x);
        FloatVector p = broadcast(-5.70498872745e-3f);
        p = p.fma(square, broadcast(2.06390887954e-2f));
        p = p.fma(square, broadcast(-5.37397155531e-2f));
        p = p.fma(square, broadcast(1.33314422036e-1f));
        p = p.fma(square, broadcast(-3.33332819422e-1f));
        FloatVector small = p.mul(square).fma(x, x);
        VectorMask<Float> near = x.abs().compare(VectorOperators.LT, 0.625f);
        return large.blend(small, near);
    }

    private static FloatVector broadcast(float value) {
        return FloatVector.broadcast(FLOATS, value);
    }
}
