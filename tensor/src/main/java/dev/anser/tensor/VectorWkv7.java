package dev.anser.tensor;

import static dev.anser.tensor.Lanes.BYTES;
import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import jdk.incubator.vector.FloatVector;

/// The WKV-7 recurrence with the Vector API.
///
/// The state is key-major, values contiguous: lanes are value columns, each of which evolves alone,
/// so that neither `u` nor `y` needs a horizontal sum. A head of 64 keeps its 16 KB state in the
/// first-level cache.
///
/// One token takes two passes over the state: `u = Sᵀ a`, then the update, which makes `y`. Where
/// `u` is kept, the update of two vectors of columns makes the next token's `u` as well, so that
/// every further token takes one pass. All ways sum in the same order, so a column has the same
/// bits in each.
///
/// The same over four vectors would be more than the compiler inlines in one method, which puts
/// vectors on the heap.
final class VectorWkv7 {
    private VectorWkv7() {}

    static void wkv7(
            long r,
            long w,
            long k,
            long v,
            long a,
            long b,
            long y,
            int size,
            int from,
            int to,
            int stride,
            int tokens,
            long state,
            long removed) {
        long step = 4L * stride;
        v += 4L * from;
        y += 4L * from;
        state += 4L * from;
        int count = to - from;
        // Nobody needs a row of y before its token is done: it holds u until then.
        long u = removed == 0 ? y : removed + 4L * from;
        for (int t = 0; t < tokens; t++) {
            int j = 0;
            long next = t + 1 < tokens ? step : 0;
            if (removed == 0) {
                for (; j + 4 * COUNT <= count; j += 4 * COUNT) {
                    long at = 4L * j;
                    fourVectors(r, w, k, v + at, a, b, y + at, size, state + at);
                }
            }
            for (; j + 2 * COUNT <= count; j += 2 * COUNT) {
                long at = 4L * j;
                if (t == 0) {
                    removalOfTwo(a, size, state + at, u + at);
                }
                twoOfMany(r, w, k, v + at, a, b, y + at, size, state + at, u + at, next);
            }
            for (; j + COUNT <= count; j += COUNT) {
                long at = 4L * j;
                oneVector(r, w, k, v + at, a, b, y + at, size, state + at, u + at);
            }
            for (; j < count; j++) {
                long at = 4L * j;
                oneColumn(r, w, k, v + at, a, b, y + at, size, state + at, u + at);
            }
            r += step;
            w += step;
            k += step;
            v += step;
            a += step;
            b += step;
            y += step;
            u += step;
        }
    }

    /// `u = Sᵀ a` of two vectors of columns.
    private static void removalOfTwo(long a, int size, long state, long u) {
        long row = 4L * size;
        FloatVector u0 = FloatVector.zero(FLOATS);
        FloatVector u1 = u0;
        long s = state;
        for (int i = 0; i < size; i++, s += row) {
            FloatVector ai = FloatVector.broadcast(FLOATS, Memory.get(a, i));
            u0 = ai.fma(Lanes.load(s), u0);
            u1 = ai.fma(Lanes.load(s + BYTES), u1);
        }
        Lanes.store(u0, u);
        Lanes.store(u1, u + BYTES);
    }

    /// Both passes over four vectors of columns, `u` in registers between them.
    private static void fourVectors(
            long r, long w, long k, long v, long a, long b, long y, int size, long state) {
        long row = 4L * size;
        FloatVector u0 = FloatVector.zero(FLOATS);
        FloatVector u1 = u0;
        FloatVector u2 = u0;
        FloatVector u3 = u0;
        long s = state;
        for (int i = 0; i < size; i++, s += row) {
            FloatVector ai = FloatVector.broadcast(FLOATS, Memory.get(a, i));
            u0 = ai.fma(Lanes.load(s), u0);
            u1 = ai.fma(Lanes.load(s + BYTES), u1);
            u2 = ai.fma(Lanes.load(s + 2L * BYTES), u2);
            u3 = ai.fma(Lanes.load(s + 3L * BYTES), u3);
        }
        FloatVector v0 = Lanes.load(v);
        FloatVector v1 = Lanes.load(v + BYTES);
        FloatVector v2 = Lanes.load(v + 2L * BYTES);
        FloatVector v3 = Lanes.load(v + 3L * BYTES);
        FloatVector y0 = FloatVector.zero(FLOATS);
        FloatVector y1 = y0;
        FloatVector y2 = y0;
        FloatVector y3 = y0;
        s = state;
        for (int i = 0; i < size; i++, s += row) {
            FloatVector wi = FloatVector.broadcast(FLOATS, Memory.get(w, i));
            FloatVector bi = FloatVector.broadcast(FLOATS, Memory.get(b, i));
            FloatVector ki = FloatVector.broadcast(FLOATS, Memory.get(k, i));
            FloatVector ri = FloatVector.broadcast(FLOATS, Memory.get(r, i));
            FloatVector s0 = ki.fma(v0, bi.fma(u0, wi.mul(Lanes.load(s))));
            FloatVector s1 = ki.fma(v1, bi.fma(u1, wi.mul(Lanes.load(s + BYTES))));
            FloatVector s2 = ki.fma(v2, bi.fma(u2, wi.mul(Lanes.load(s + 2L * BYTES))));
            FloatVector s3 = ki.fma(v3, bi.fma(u3, wi.mul(Lanes.load(s + 3L * BYTES))));
            Lanes.store(s0, s);
            Lanes.store(s1, s + BYTES);
            Lanes.store(s2, s + 2L * BYTES);
            Lanes.store(s3, s + 3L * BYTES);
            y0 = ri.fma(s0, y0);
            y1 = ri.fma(s1, y1);
            y2 = ri.fma(s2, y2);
            y3 = ri.fma(s3, y3);
        }
        y0.intoMemorySegment(Memory.ALL, y, LITTLE_ENDIAN);
        y1.intoMemorySegment(Memory.ALL, y + BYTES, LITTLE_ENDIAN);
        y2.intoMemorySegment(Memory.ALL, y + 2L * BYTES, LITTLE_ENDIAN);
        y3.intoMemorySegment(Memory.ALL, y + 3L * BYTES, LITTLE_ENDIAN);
    }

    /// The update of two vectors of columns, and `u` of the token that follows, `step` bytes on,
    /// unless that is 0.
    private static void twoOfMany(
            long r,
            long w,
            long k,
            long v,
            long a,
            long b,
            long y,
            int size,
            long state,
            long u,
            long step) {
        long row = 4L * size;
        long nextA = a + step;
        FloatVector u0 = Lanes.load(u);
        FloatVector u1 = Lanes.load(u + BYTES);
        FloatVector v0 = Lanes.load(v);
        FloatVector v1 = Lanes.load(v + BYTES);
        FloatVector y0 = FloatVector.zero(FLOATS);
        FloatVector y1 = y0;
        FloatVector n0 = y0;
        FloatVector n1 = y0;
        long s = state;
        for (int i = 0; i < size; i++, s += row) {
            FloatVector wi = FloatVector.broadcast(FLOATS, Memory.get(w, i));
            FloatVector s0 = wi.mul(Lanes.load(s));
            FloatVector s1 = wi.mul(Lanes.load(s + BYTES));
            FloatVector bi = FloatVector.broadcast(FLOATS, Memory.get(b, i));
            s0 = bi.fma(u0, s0);
            s1 = bi.fma(u1, s1);
            FloatVector ki = FloatVector.broadcast(FLOATS, Memory.get(k, i));
            s0 = ki.fma(v0, s0);
            s1 = ki.fma(v1, s1);
            Lanes.store(s0, s);
            Lanes.store(s1, s + BYTES);
            FloatVector ri = FloatVector.broadcast(FLOATS, Memory.get(r, i));
            y0 = ri.fma(s0, y0);
            y1 = ri.fma(s1, y1);
            FloatVector ai = FloatVector.broadcast(FLOATS, Memory.get(nextA, i));
            n0 = ai.fma(s0, n0);
            n1 = ai.fma(s1, n1);
        }
        y0.intoMemorySegment(Memory.ALL, y, LITTLE_ENDIAN);
        y1.intoMemorySegment(Memory.ALL, y + BYTES, LITTLE_ENDIAN);
        if (step != 0) {
            Lanes.store(n0, u + step);
            Lanes.store(n1, u + step + BYTES);
        }
    }

    private static void oneVector(
            long r, long w, long k, long v, long a, long b, long y, int size, long state, long to) {
        long row = 4L * size;
        FloatVector u = FloatVector.zero(FLOATS);
        long s = state;
        for (int i = 0; i < size; i++, s += row) {
            u = FloatVector.broadcast(FLOATS, Memory.get(a, i)).fma(Lanes.load(s), u);
        }
        Lanes.store(u, to);
        FloatVector value = Lanes.load(v);
        FloatVector out = FloatVector.zero(FLOATS);
        s = state;
        for (int i = 0; i < size; i++, s += row) {
            FloatVector wi = FloatVector.broadcast(FLOATS, Memory.get(w, i));
            FloatVector bi = FloatVector.broadcast(FLOATS, Memory.get(b, i));
            FloatVector ki = FloatVector.broadcast(FLOATS, Memory.get(k, i));
            FloatVector ri = FloatVector.broadcast(FLOATS, Memory.get(r, i));
            FloatVector next = ki.fma(value, bi.fma(u, wi.mul(Lanes.load(s))));
            Lanes.store(next, s);
            out = ri.fma(next, out);
        }
        Lanes.store(out, y);
    }

    /// One value column, by the same operations.
    private static void oneColumn(
            long r, long w, long k, long v, long a, long b, long y, int size, long state, long to) {
        float u = 0;
        for (int i = 0; i < size; i++) {
            u = Math.fma(Memory.get(a, i), Memory.get(state, (long) i * size), u);
        }
        Memory.set(to, 0, u);
        float value = Memory.get(v, 0);
        float out = 0;
        for (int i = 0; i < size; i++) {
            float kept = Memory.get(w, i) * Memory.get(state, (long) i * size);
            float next = Math.fma(Memory.get(k, i), value, Math.fma(Memory.get(b, i), u, kept));
            Memory.set(state, (long) i * size, next);
            out = Math.fma(Memory.get(r, i), next, out);
        }
        Memory.set(y, 0, out);
    }
}
