package dev.anser.tensor;

import static dev.anser.tensor.Lanes.BYTES;
import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import jdk.incubator.vector.FloatVector;

/// The WKV-6 recurrence with the Vector API.
///
/// The state is key-major, values contiguous: lanes are value columns, each of which evolves alone
/// and is summed over the keys in the same order in every way below, so a column has the same bits
/// in each. One pass over the state makes `y` and moves it on.
final class VectorWkv6 {
    private VectorWkv6() {}

    static void wkv6(
            long r,
            long w,
            long k,
            long v,
            long bonus,
            long y,
            int size,
            int from,
            int to,
            int stride,
            int decayStride,
            int tokens,
            long state) {
        v += 4L * from;
        y += 4L * from;
        state += 4L * from;
        int count = to - from;
        for (int t = 0; t < tokens; t++) {
            float own = own(r, bonus, k, size);
            int j = 0;
            for (; j + 4 * COUNT <= count; j += 4 * COUNT) {
                fourVectors(r, w, k, v + 4L * j, own, y + 4L * j, size, state + 4L * j);
            }
            for (; j + COUNT <= count; j += COUNT) {
                oneVector(r, w, k, v + 4L * j, own, y + 4L * j, size, state + 4L * j);
            }
            for (; j < count; j++) {
                oneColumn(r, w, k, v + 4L * j, own, y + 4L * j, size, state + 4L * j);
            }
            r += 4L * stride;
            w += 4L * decayStride;
            k += 4L * stride;
            v += 4L * stride;
            y += 4L * stride;
        }
    }

    /// `Σ r u k` of one head.
    static float own(long r, long bonus, long k, int size) {
        int whole = FLOATS.loopBound(size);
        FloatVector sums = FloatVector.zero(FLOATS);
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector product = Lanes.load(r + 4L * i).mul(Lanes.load(bonus + 4L * i));
            sums = product.fma(Lanes.load(k + 4L * i), sums);
        }
        float sum = VectorMath.sum(sums);
        for (int i = whole; i < size; i++) {
            sum = Math.fma(Memory.get(r, i) * Memory.get(bonus, i), Memory.get(k, i), sum);
        }
        return sum;
    }

    private static void fourVectors(
            long r, long w, long k, long v, float own, long y, int size, long state) {
        long row = 4L * size;
        FloatVector v0 = Lanes.load(v);
        FloatVector v1 = Lanes.load(v + BYTES);
        FloatVector v2 = Lanes.load(v + 2L * BYTES);
        FloatVector v3 = Lanes.load(v + 3L * BYTES);
        FloatVector y0 = FloatVector.zero(FLOATS);
        FloatVector y1 = y0;
        FloatVector y2 = y0;
        FloatVector y3 = y0;
        long s = state;
        for (int i = 0; i < size; i++, s += row) {
            FloatVector ri = FloatVector.broadcast(FLOATS, Memory.get(r, i));
            FloatVector wi = FloatVector.broadcast(FLOATS, Memory.get(w, i));
            FloatVector ki = FloatVector.broadcast(FLOATS, Memory.get(k, i));
            FloatVector s0 = Lanes.load(s);
            FloatVector s1 = Lanes.load(s + BYTES);
            FloatVector s2 = Lanes.load(s + 2L * BYTES);
            FloatVector s3 = Lanes.load(s + 3L * BYTES);
            y0 = ri.fma(s0, y0);
            y1 = ri.fma(s1, y1);
            y2 = ri.fma(s2, y2);
            y3 = ri.fma(s3, y3);
            Lanes.store(ki.fma(v0, wi.mul(s0)), s);
            Lanes.store(ki.fma(v1, wi.mul(s1)), s + BYTES);
            Lanes.store(ki.fma(v2, wi.mul(s2)), s + 2L * BYTES);
            Lanes.store(ki.fma(v3, wi.mul(s3)), s + 3L * BYTES);
        }
        FloatVector weight = FloatVector.broadcast(FLOATS, own);
        weight.fma(v0, y0).intoMemorySegment(Memory.ALL, y, LITTLE_ENDIAN);
        weight.fma(v1, y1).intoMemorySegment(Memory.ALL, y + BYTES, LITTLE_ENDIAN);
        weight.fma(v2, y2).intoMemorySegment(Memory.ALL, y + 2L * BYTES, LITTLE_ENDIAN);
        weight.fma(v3, y3).intoMemorySegment(Memory.ALL, y + 3L * BYTES, LITTLE_ENDIAN);
    }

    private static void oneVector(
            long r, long w, long k, long v, float own, long y, int size, long state) {
        long row = 4L * size;
        FloatVector value = Lanes.load(v);
        FloatVector out = FloatVector.zero(FLOATS);
        long s = state;
        for (int i = 0; i < size; i++, s += row) {
            FloatVector before = Lanes.load(s);
            out = FloatVector.broadcast(FLOATS, Memory.get(r, i)).fma(before, out);
            FloatVector ki = FloatVector.broadcast(FLOATS, Memory.get(k, i));
            Lanes.store(ki.fma(value, before.mul(Memory.get(w, i))), s);
        }
        Lanes.store(FloatVector.broadcast(FLOATS, own).fma(value, out), y);
    }

    /// One value column, by the same operations.
    private static void oneColumn(
            long r, long w, long k, long v, float own, long y, int size, long state) {
        float value = Memory.get(v, 0);
        float out = 0;
        for (int i = 0; i < size; i++) {
            float before = Memory.get(state, (long) i * size);
            out = Math.fma(Memory.get(r, i), before, out);
            float decayed = Memory.get(w, i) * before;
            Memory.set(state, (long) i * size, Math.fma(Memory.get(k, i), value, decayed));
        }
        Memory.set(y, 0, Math.fma(own, value, out));
    }
}
