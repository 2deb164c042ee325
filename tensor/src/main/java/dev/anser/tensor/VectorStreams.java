package dev.anser.tensor;

import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/// One row times a weight matrix with the Vector API: decoding, which reads every weight once.
///
/// Four outputs are summed at once, so that additions do not wait for each other. Their weight rows
/// are not neighbours but a quarter of the range apart: each quarter is then read from its first
/// byte to its last, and the processor fetches ahead in four long streams. Of four neighbours every
/// stream would end after one row (2 KB at 1024 channels) and start again further on, which reads
/// at 9.1 instead of 16.5 GB/s on one core and at 14.7 instead of 22.8 GB/s on two (Zen 3).
///
/// Every output has the additions of [VectorLinear], in the same order.
final class VectorStreams {
    private VectorStreams() {}

    /// Outputs of `from..to`, all but at most 3 at the end. `panel` has room for 4 vectors.
    ///
    /// @return the first output not computed
    static int linear(DType type, long x, int in, long w, int from, int to, long y, float[] panel) {
        if (type.quantised()) {
            return VectorBlockStreams.linear(type, x, in, w, from, to, y, panel);
        }
        int quarter = (to - from) / 4;
        for (int o = from; o < from + quarter; o++) {
            switch (type) {
                case F32 -> f32(x, in, w, o, quarter, y);
                case BF16 -> bf16(x, in, w, o, quarter, y);
                case F16 -> {
                    if (!f16(x, in, w, o, quarter, y, panel)) {
                        return from;
                    }
                }
                default -> {
                    return from;
                }
            }
        }
        return from + 4 * quarter;
    }

    private static void f32(long x, int in, long w, int o, int quarter, long y) {
        int whole = FLOATS.loopBound(in);
        long apart = 4L * in * quarter;
        long w0 = w + 4L * in * o;
        long w1 = w0 + apart;
        long w2 = w1 + apart;
        long w3 = w2 + apart;
        FloatVector s0 = FloatVector.zero(FLOATS);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector v = Lanes.load(x + 4L * i);
            s0 = Lanes.load(w0 + 4L * i).fma(v, s0);
            s1 = Lanes.load(w1 + 4L * i).fma(v, s1);
            s2 = Lanes.load(w2 + 4L * i).fma(v, s2);
            s3 = Lanes.load(w3 + 4L * i).fma(v, s3);
        }
        if (whole < in) {
            VectorMask<Float> rest = Lanes.first(in - whole);
            FloatVector v = Lanes.load(x + 4L * whole, rest);
            s0 = Lanes.load(w0 + 4L * whole, rest).fma(v, s0);
            s1 = Lanes.load(w1 + 4L * whole, rest).fma(v, s1);
            s2 = Lanes.load(w2 + 4L * whole, rest).fma(v, s2);
            s3 = Lanes.load(w3 + 4L * whole, rest).fma(v, s3);
        }
        Memory.set(y, o, VectorMath.sum(s0));
        Memory.set(y, o + quarter, VectorMath.sum(s1));
        Memory.set(y, o + 2 * quarter, VectorMath.sum(s2));
        Memory.set(y, o + 3 * quarter, VectorMath.sum(s3));
    }

    private static void bf16(long x, int in, long w, int o, int quarter, long y) {
        int whole = FLOATS.loopBound(in);
        long apart = 2L * in * quarter;
        long w0 = w + 2L * in * o;
        long w1 = w0 + apart;
        long w2 = w1 + apart;
        long w3 = w2 + apart;
        FloatVector s0 = FloatVector.zero(FLOATS);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector v = Lanes.load(x + 4L * i);
            s0 = Lanes.loadBf16(w0 + 2L * i).fma(v, s0);
            s1 = Lanes.loadBf16(w1 + 2L * i).fma(v, s1);
            s2 = Lanes.loadBf16(w2 + 2L * i).fma(v, s2);
            s3 = Lanes.loadBf16(w3 + 2L * i).fma(v, s3);
        }
        if (whole < in) {
            VectorMask<Float> rest = Lanes.first(in - whole);
            FloatVector v = Lanes.load(x + 4L * whole, rest);
            s0 = Lanes.loadBf16(w0 + 2L * whole, rest).fma(v, s0);
            s1 = Lanes.loadBf16(w1 + 2L * whole, rest).fma(v, s1);
            s2 = Lanes.loadBf16(w2 + 2L * whole, rest).fma(v, s2);
            s3 = Lanes.loadBf16(w3 + 2L * whole, rest).fma(v, s3);
        }
        Memory.set(y, o, VectorMath.sum(s0));
        Memory.set(y, o + quarter, VectorMath.sum(s1));
        Memory.set(y, o + 2 * quarter, VectorMath.sum(s2));
        Memory.set(y, o + 3 * quarter, VectorMath.sum(s3));
    }

    /// Widens in registers, as [Lanes#finiteF16(ShortVector)] can where all weights are finite.
    ///
    /// Whole vectors only, and their lanes are summed elsewhere, by way of `sums`: in a longer
    /// method the compiler stops inlining before the end, and puts vectors on the heap.
    ///
    /// @return false when a weight is not finite, or rows are not whole vectors
    private static boolean f16(long x, int in, long w, int o, int quarter, long y, float[] sums) {
        if (in % COUNT != 0) {
            return false;
        }
        long apart = 2L * in * quarter;
        long w0 = w + 2L * in * o;
        long w1 = w0 + apart;
        long w2 = w1 + apart;
        long w3 = w2 + apart;
        FloatVector s0 = FloatVector.zero(FLOATS);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        ShortVector largest = ShortVector.zero(Lanes.SHORTS);
        for (int i = 0; i < in; i += COUNT) {
            FloatVector v = Lanes.load(x + 4L * i);
            ShortVector h0 = Lanes.loadShorts(w0 + 2L * i);
            ShortVector h1 = Lanes.loadShorts(w1 + 2L * i);
            ShortVector h2 = Lanes.loadShorts(w2 + 2L * i);
            ShortVector h3 = Lanes.loadShorts(w3 + 2L * i);
            ShortVector a = Lanes.exponentF16(h0).max(Lanes.exponentF16(h1));
            ShortVector b = Lanes.exponentF16(h2).max(Lanes.exponentF16(h3));
            largest = largest.max(a.max(b));
            s0 = Lanes.finiteF16(h0).fma(v, s0);
            s1 = Lanes.finiteF16(h1).fma(v, s1);
            s2 = Lanes.finiteF16(h2).fma(v, s2);
            s3 = Lanes.finiteF16(h3).fma(v, s3);
        }
        s0.intoArray(sums, 0);
        s1.intoArray(sums, 1 * COUNT);
        s2.intoArray(sums, 2 * COUNT);
        s3.intoArray(sums, 3 * COUNT);
        if (largest.reduceLanes(VectorOperators.MAX) == Lanes.EXPONENT_F16) {
            return false;
        }
        for (int i = 0; i < 4; i++) {
            Memory.set(y, o + i * quarter, sum(sums, i * COUNT));
        }
        return true;
    }

    private static float sum(float[] sums, int at) {
        return VectorMath.sum(FloatVector.fromArray(FLOATS, sums, at));
    }
}
