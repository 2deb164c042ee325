package dev.anser.tensor;

import static dev.anser.tensor.Lanes.BYTES;
import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;

/// The WKV-7 recurrence with the Vector API.
///
/// The state is key-major, values contiguous: lanes are value columns, each of which evolves alone,
/// so that neither `u` nor `y` needs a horizontal sum. Per token one pass over the state makes `u`,
/// a second one updates it and makes `y`. A head of 64 keeps its 16 KB state in the first-level
/// cache.
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
            int stride,
            int tokens,
            long state) {
        long step = 4L * stride;
        for (int t = 0; t < tokens; t++) {
            int j = 0;
            for (; j + 4 * COUNT <= size; j += 4 * COUNT) {
                fourVectors(r, w, k, v + 4L * j, a, b, y + 4L * j, size, state + 4L * j);
            }
            for (; j + COUNT <= size; j += COUNT) {
                oneVector(r, w, k, v + 4L * j, a, b, y + 4L * j, size, state + 4L * j);
            }
            for (; j < size; j++) {
                oneColumn(r, w, k, v + 4L * j, a, b, y + 4L * j, size, state + 4L * j);
            }
            r += step;
            w += step;
            k += step;
            v += step;
            a += step;
            b += step;
            y += step;
        }
    }

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
        Lanes.store(y0, y);
        Lanes.store(y1, y + BYTES);
        Lanes.store(y2, y + 2L * BYTES);
        Lanes.store(y3, y + 3L * BYTES);
    }

    private static void oneVector(
            long r, long w, long k, long v, long a, long b, long y, int size, long state) {
        long row = 4L * size;
        FloatVector u = FloatVector.zero(FLOATS);
        long s = state;
        for (int i = 0; i < size; i++, s += row) {
            u = FloatVector.broadcast(FLOATS, Memory.get(a, i)).fma(Lanes.load(s), u);
        }
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
            long r, long w, long k, long v, long a, long b, long y, int size, long state) {
        float u = 0;
        for (int i = 0; i < size; i++) {
            u = Math.fma(Memory.get(a, i), Memory.get(state, (long) i * size), u);
        }
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
