package dev.anser.tensor;

import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;
import static dev.anser.tensor.Lanes.load;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/// The kernels of attention and retention with the Vector API; the rest of a row that does not fill
/// a vector is masked. What calls for the error function is in [VectorGelu].
final class VectorHeads implements HeadKernels {
    @Override
    public float dot(long a, long b, int size) {
        int whole = FLOATS.loopBound(size);
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int i = 0; i < whole; i += COUNT) {
            sum = load(a + 4L * i).fma(load(b + 4L * i), sum);
        }
        if (whole < size) {
            VectorMask<Float> rest = Lanes.first(size - whole);
            sum = load(a + 4L * whole, rest).fma(load(b + 4L * whole, rest), sum);
        }
        return VectorMath.sum(sum);
    }

    @Override
    public void dots(long x, long rows, long stride, int count, int size, long sums) {
        // Rows are independent sums: the processor has several in flight by itself.
        for (int j = 0; j < count; j++) {
            Memory.set(sums, j, dot(x, rows + 4 * stride * j, size));
        }
    }

    @Override
    public void addRows(long weights, long rows, long stride, int count, int size, long sum) {
        int i = 0;
        for (; i + 4 * COUNT <= size; i += 4 * COUNT) {
            addFour(weights, rows + 4L * i, stride, count, sum + 4L * i);
        }
        for (; i < size; i += COUNT) {
            addOne(weights, rows + 4L * i, stride, count, Lanes.first(size - i), sum + 4L * i);
        }
    }

    private static void addFour(long weights, long rows, long stride, int count, long sum) {
        FloatVector s0 = load(sum);
        FloatVector s1 = load(sum + 1L * Lanes.BYTES);
        FloatVector s2 = load(sum + 2L * Lanes.BYTES);
        FloatVector s3 = load(sum + 3L * Lanes.BYTES);
        for (int j = 0; j < count; j++) {
            FloatVector weight = FloatVector.broadcast(FLOATS, Memory.get(weights, j));
            long row = rows + 4 * stride * j;
            s0 = weight.fma(load(row), s0);
            s1 = weight.fma(load(row + 1L * Lanes.BYTES), s1);
            s2 = weight.fma(load(row + 2L * Lanes.BYTES), s2);
            s3 = weight.fma(load(row + 3L * Lanes.BYTES), s3);
        }
        Lanes.store(s0, sum);
        Lanes.store(s1, sum + 1L * Lanes.BYTES);
        Lanes.store(s2, sum + 2L * Lanes.BYTES);
        Lanes.store(s3, sum + 3L * Lanes.BYTES);
    }

    private static void addOne(
            long weights, long rows, long stride, int count, VectorMask<Float> lanes, long sum) {
        FloatVector total = load(sum, lanes);
        for (int j = 0; j < count; j++) {
            FloatVector weight = FloatVector.broadcast(FLOATS, Memory.get(weights, j));
            total = weight.fma(load(rows + 4 * stride * j, lanes), total);
        }
        store(total, sum, lanes);
    }

    private static void store(FloatVector value, long address, VectorMask<Float> lanes) {
        value.intoMemorySegment(Memory.ALL, address, LITTLE_ENDIAN, lanes);
    }

    @Override
    public void addOuter(long weights, long x, int count, int size, long rows, long stride) {
        for (int j = 0; j < count; j++) {
            addScaled(x, Memory.get(weights, j), size, rows + 4 * stride * j);
        }
    }

    private static void addScaled(long x, float factor, int size, long y) {
        int whole = FLOATS.loopBound(size);
        FloatVector factors = FloatVector.broadcast(FLOATS, factor);
        for (int i = 0; i < whole; i += COUNT) {
            Lanes.store(factors.fma(load(x + 4L * i), load(y + 4L * i)), y + 4L * i);
        }
        for (int i = whole; i < size; i++) {
            Memory.set(y, i, Math.fma(factor, Memory.get(x, i), Memory.get(y, i)));
        }
    }

    @Override
    public void scale(long x, float factor, long y, int size) {
        VectorElementwise.scale(x, factor, y, size);
    }

    @Override
    public void multiply(long a, long b, float factor, long y, int size) {
        int whole = FLOATS.loopBound(size);
        for (int i = 0; i < whole; i += COUNT) {
            Lanes.store(load(a + 4L * i).mul(factor).mul(load(b + 4L * i)), y + 4L * i);
        }
        for (int i = whole; i < size; i++) {
            Memory.set(y, i, Memory.get(a, i) * factor * Memory.get(b, i));
        }
    }

    @Override
    public void addProduct(long a, long b, float factor, long y, int size) {
        int whole = FLOATS.loopBound(size);
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector product = load(a + 4L * i).mul(factor);
            Lanes.store(product.fma(load(b + 4L * i), load(y + 4L * i)), y + 4L * i);
        }
        for (int i = whole; i < size; i++) {
            float product = Memory.get(a, i) * factor;
            Memory.set(y, i, Math.fma(product, Memory.get(b, i), Memory.get(y, i)));
        }
    }

    @Override
    public void combination(long x, float a, long y, float b, long target, boolean add, int size) {
        int whole = FLOATS.loopBound(size);
        FloatVector factors = FloatVector.broadcast(FLOATS, a);
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector sum = load(x + 4L * i).fma(factors, load(y + 4L * i).mul(b));
            Lanes.store(add ? load(target + 4L * i).add(sum) : sum, target + 4L * i);
        }
        for (int i = whole; i < size; i++) {
            float sum = Math.fma(Memory.get(x, i), a, Memory.get(y, i) * b);
            Memory.set(target, i, add ? Memory.get(target, i) + sum : sum);
        }
    }

    @Override
    public void exponentials(long x, float factor, float shift, long y, int size) {
        int whole = FLOATS.loopBound(size);
        FloatVector factors = FloatVector.broadcast(FLOATS, factor);
        FloatVector shifts = FloatVector.broadcast(FLOATS, -shift);
        for (int i = 0; i < whole; i += COUNT) {
            Lanes.store(load(x + 4L * i).fma(factors, shifts), y + 4L * i);
        }
        for (int i = whole; i < size; i++) {
            Memory.set(y, i, Math.fma(Memory.get(x, i), factor, -shift));
        }
        VectorMath.exp(y, y, size);
    }

    @Override
    public void sigmoid(long x, long y, int size) {
        VectorMath.sigmoid(x, y, size);
    }

    @Override
    public void sigmoidSlope(long x, long y, int size) {
        VectorMath.sigmoid(x, y, size);
        int whole = FLOATS.loopBound(size);
        FloatVector one = FloatVector.broadcast(FLOATS, 1f);
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector sigmoid = load(y + 4L * i);
            Lanes.store(sigmoid.mul(one.sub(sigmoid)), y + 4L * i);
        }
        for (int i = whole; i < size; i++) {
            float sigmoid = Memory.get(y, i);
            Memory.set(y, i, sigmoid * (1 - sigmoid));
        }
    }

    @Override
    public void silu(long x, long y, int size) {
        VectorMath.sigmoid(x, y, size);
        multiply(x, y, 1, y, size);
    }

    @Override
    public void siluSlope(long x, long y, int size) {
        VectorMath.sigmoid(x, y, size);
        int whole = FLOATS.loopBound(size);
        FloatVector one = FloatVector.broadcast(FLOATS, 1f);
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector sigmoid = load(y + 4L * i);
            FloatVector rest = load(x + 4L * i).fma(one.sub(sigmoid), one);
            Lanes.store(sigmoid.mul(rest), y + 4L * i);
        }
        for (int i = whole; i < size; i++) {
            float sigmoid = Memory.get(y, i);
            Memory.set(y, i, sigmoid * Math.fma(Memory.get(x, i), 1 - sigmoid, 1));
        }
    }

    @Override
    public void gelu(long x, long y, int size) {
        VectorGelu.gelu(x, y, size);
    }

    @Override
    public void geluSlope(long x, long y, int size) {
        VectorGelu.slope(x, y, size);
    }

    @Override
    public float retain(long state, float decay, float added, long key, long query, int size) {
        int whole = FLOATS.loopBound(size);
        FloatVector factor = FloatVector.broadcast(FLOATS, added);
        FloatVector sums = FloatVector.zero(FLOATS);
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector value = factor.fma(load(key + 4L * i), load(state + 4L * i).mul(decay));
            Lanes.store(value, state + 4L * i);
            sums = value.fma(load(query + 4L * i), sums);
        }
        float sum = VectorMath.sum(sums);
        for (int i = whole; i < size; i++) {
            float value = Math.fma(added, Memory.get(key, i), Memory.get(state, i) * decay);
            Memory.set(state, i, value);
            sum = Math.fma(Memory.get(query, i), value, sum);
        }
        return sum;
    }
}
