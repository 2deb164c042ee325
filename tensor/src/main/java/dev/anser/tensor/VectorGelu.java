package dev.anser.tensor;

import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;
import static dev.anser.tensor.Lanes.load;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/// The gaussian error linear unit with the Vector API, by the polynomials of [ErrorFunction].
///
/// It works in steps over memory, a stretch of elements at a time, because a method with all of it
/// is more than the compiler inlines: see [VectorMath#exp(long, long, int)]. What does not fill a
/// vector is computed in double by the reference's own method.
final class VectorGelu {
    private static final float ROOT_HALF = 0.70710678f;
    private static final float DENSITY = 0.39894228f;

    private VectorGelu() {}

    static void gelu(long x, long y, int count) {
        int whole = FLOATS.loopBound(count);
        stages(x, y, whole, 0);
        for (int i = 0; i < whole; i += COUNT) {
            Lanes.store(load(x + 4L * i).mul(load(y + 4L * i)), y + 4L * i);
        }
        for (int i = whole; i < count; i++) {
            double value = Memory.get(x, i);
            Memory.set(y, i, (float) (value * ErrorFunction.normal(value)));
        }
    }

    static void slope(long x, long y, int count) {
        int whole = FLOATS.loopBound(count);
        stages(x, y, whole, DENSITY);
        for (int i = whole; i < count; i++) {
            double value = Memory.get(x, i);
            double density = Math.exp(-value * value / 2) / Math.sqrt(2 * Math.PI);
            Memory.set(y, i, (float) (ErrorFunction.normal(value) + value * density));
        }
    }

    /// `y = Φ(x) + density x e^(-x²/2)`, whole vectors. First the exponential is in y; then each
    /// polynomial has its turn, and finishes the lanes that are its own.
    private static void stages(long x, long y, int whole, float density) {
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector value = load(x + 4L * i);
            Lanes.store(value.mul(value).mul(-0.5f), y + 4L * i);
        }
        VectorMath.exp(y, y, whole);
        near(x, y, whole, density);
        beyond(x, y, whole, density, ErrorFunction.MIDDLE, 1, 2);
        beyond(x, y, whole, density, ErrorFunction.FAR, 2, Float.POSITIVE_INFINITY);
    }

    /// Lanes with z = |x| / √2 below 1.
    private static void near(long x, long y, int whole, float density) {
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector value = load(x + 4L * i);
            FloatVector before = load(y + 4L * i);
            FloatVector z = value.mul(ROOT_HALF);
            FloatVector normal =
                    polynomial(ErrorFunction.NEAR, z.mul(z)).mul(z).mul(0.5f).add(0.5f);
            FloatVector result = value.mul(before).mul(density).add(normal);
            VectorMask<Float> own = z.abs().compare(VectorOperators.LT, 1f);
            before.blend(result, own).intoMemorySegment(Memory.ALL, y + 4L * i, LITTLE_ENDIAN);
        }
    }

    /// Lanes with z from `from` up to, not including, `to`.
    private static void beyond(
            long x, long y, int whole, float density, float[] coefficients, float from, float to) {
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector value = load(x + 4L * i);
            FloatVector before = load(y + 4L * i);
            FloatVector z = value.abs().mul(ROOT_HALF);
            // Of 0 the inverse is infinite; that lane is not taken.
            FloatVector inverse = all(0.5f).div(z);
            FloatVector square = inverse.mul(inverse).mul(4f);
            FloatVector tail = polynomial(coefficients, square).mul(before).mul(inverse);
            FloatVector normal =
                    all(1f).sub(tail).blend(tail, value.compare(VectorOperators.LT, 0f));
            FloatVector result = value.mul(before).mul(density).add(normal);
            VectorMask<Float> own =
                    z.compare(VectorOperators.GE, from).and(z.compare(VectorOperators.LT, to));
            before.blend(result, own).intoMemorySegment(Memory.ALL, y + 4L * i, LITTLE_ENDIAN);
        }
    }

    /// Nine coefficients, not in a loop, which the compiler may leave with its sum on the heap.
    private static FloatVector polynomial(float[] c, FloatVector x) {
        FloatVector high = all(c[0]).fma(x, all(c[1])).fma(x, all(c[2])).fma(x, all(c[3]));
        FloatVector middle = high.fma(x, all(c[4])).fma(x, all(c[5])).fma(x, all(c[6]));
        return middle.fma(x, all(c[7])).fma(x, all(c[8]));
    }

    private static FloatVector all(float value) {
        return FloatVector.broadcast(FLOATS, value);
    }
}
