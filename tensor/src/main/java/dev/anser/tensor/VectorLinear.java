package dev.anser.tensor;

import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;
import static jdk.incubator.vector.VectorOperators.ADD;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/// `x · wᵀ` with the Vector API.
///
/// Both operands are contiguous along the summed axis, so every output is a dot product of two rows: lanes run along
/// that axis, one accumulator an output, one reduction at the end. The order of additions is therefore the same whether
/// a row comes alone or in a batch, and whatever tile it falls into: prefill and decoding give the same bits.
///
/// One row reads every weight once and is bound by memory. More rows go by tiles of 4 rows × 4 outputs: 16 accumulators
/// and 8 operands fit the 32 registers of AVX-512 and NEON; 16-bit weights of 4 outputs are widened once into a panel
/// that stays in the first-level cache while all rows pass by. Rows are taken in blocks that fit the second-level
/// cache.
final class VectorLinear {
    /// Bytes of `x` that one sweep over the outputs keeps in the second-level cache.
    private static final int ROW_BLOCK_BYTES = 1 << 20;

    private VectorLinear() {}

    static void linear(
            DType type, long x, int rows, int in, long w, int out, int from, int to, long y, long scratch) {
        if (rows == 1) {
            switch (type) {
                case F32 -> rowF32(x, in, w, from, to, y);
                case F16 -> rowF16(x, in, w, from, to, y);
                case BF16 -> rowBf16(x, in, w, from, to, y);
                default -> throw new ShapeException("kernels cannot compute with weights of type " + type);
            }
            return;
        }
        long rowBytes = type.bytes(in);
        int blockRows = Math.max(16, ROW_BLOCK_BYTES / (4 * in) / 4 * 4);
        for (int start = 0; start < rows; start += blockRows) {
            int count = Math.min(blockRows, rows - start);
            long xBlock = x + 4L * start * in;
            long yBlock = y + 4L * start * out;
            int o = from;
            for (; o + 4 <= to; o += 4) {
                long panel = w + o * rowBytes;
                if (type != DType.F32) {
                    VectorElementwise.toFloat(type, panel, scratch, 4 * in);
                    panel = scratch;
                }
                tiles(xBlock, count, in, panel, out, o, yBlock);
            }
            for (; o < to; o++) {
                for (int row = 0; row < count; row++) {
                    linear(type, xBlock + 4L * row * in, 1, in, w, out, o, o + 1, yBlock + 4L * row * out, scratch);
                }
            }
        }
    }

    /// All rows of a block against the four weight rows of `p`.
    private static void tiles(long x, int rows, int in, long p, int out, int o, long y) {
        int whole = FLOATS.loopBound(in);
        VectorMask<Float> rest = Lanes.first(in - whole);
        boolean tail = whole < in;
        long stride = 4L * in;
        FloatVector zero = FloatVector.zero(FLOATS);
        int row = 0;
        for (; row + 4 <= rows; row += 4) {
            long x0 = x + row * stride;
            long x1 = x0 + stride;
            long x2 = x1 + stride;
            long x3 = x2 + stride;
            FloatVector s00 = zero, s01 = zero, s02 = zero, s03 = zero;
            FloatVector s10 = zero, s11 = zero, s12 = zero, s13 = zero;
            FloatVector s20 = zero, s21 = zero, s22 = zero, s23 = zero;
            FloatVector s30 = zero, s31 = zero, s32 = zero, s33 = zero;
            for (int i = 0; i < whole; i += COUNT) {
                    FloatVector v0 = Lanes.load(x0 + 4L * i);
                    FloatVector v1 = Lanes.load(x1 + 4L * i);
                    FloatVector v2 = Lanes.load(x2 + 4L * i);
                    FloatVector v3 = Lanes.load(x3 + 4L * i);
                    FloatVector p0 = Lanes.load(p + 0L * stride + 4L * i);
                    s00 = v0.fma(p0, s00);
                    s10 = v1.fma(p0, s10);
                    s20 = v2.fma(p0, s20);
                    s30 = v3.fma(p0, s30);
                    FloatVector p1 = Lanes.load(p + 1L * stride + 4L * i);
                    s01 = v0.fma(p1, s01);
                    s11 = v1.fma(p1, s11);
                    s21 = v2.fma(p1, s21);
                    s31 = v3.fma(p1, s31);
                    FloatVector p2 = Lanes.load(p + 2L * stride + 4L * i);
                    s02 = v0.fma(p2, s02);
                    s12 = v1.fma(p2, s12);
                    s22 = v2.fma(p2, s22);
                    s32 = v3.fma(p2, s32);
                    FloatVector p3 = Lanes.load(p + 3L * stride + 4L * i);
                    s03 = v0.fma(p3, s03);
                    s13 = v1.fma(p3, s13);
                    s23 = v2.fma(p3, s23);
                    s33 = v3.fma(p3, s33);
            }
            if (tail) {
                    FloatVector v0 = Lanes.load(x0 + 4L * whole, rest);
                    FloatVector v1 = Lanes.load(x1 + 4L * whole, rest);
                    FloatVector v2 = Lanes.load(x2 + 4L * whole, rest);
                    FloatVector v3 = Lanes.load(x3 + 4L * whole, rest);
                    FloatVector p0 = Lanes.load(p + 0L * stride + 4L * whole, rest);
                    s00 = v0.fma(p0, s00);
                    s10 = v1.fma(p0, s10);
                    s20 = v2.fma(p0, s20);
                    s30 = v3.fma(p0, s30);
                    FloatVector p1 = Lanes.load(p + 1L * stride + 4L * whole, rest);
                    s01 = v0.fma(p1, s01);
                    s11 = v1.fma(p1, s11);
                    s21 = v2.fma(p1, s21);
                    s31 = v3.fma(p1, s31);
                    FloatVector p2 = Lanes.load(p + 2L * stride + 4L * whole, rest);
                    s02 = v0.fma(p2, s02);
                    s12 = v1.fma(p2, s12);
                    s22 = v2.fma(p2, s22);
                    s32 = v3.fma(p2, s32);
                    FloatVector p3 = Lanes.load(p + 3L * stride + 4L * whole, rest);
                    s03 = v0.fma(p3, s03);
                    s13 = v1.fma(p3, s13);
                    s23 = v2.fma(p3, s23);
                    s33 = v3.fma(p3, s33);
            }
            long y0 = y + 4L * row * out;
            long y1 = y0 + 4L * out;
            long y2 = y1 + 4L * out;
            long y3 = y2 + 4L * out;
                Memory.set(y0, o + 0, s00.reduceLanes(ADD));
                Memory.set(y0, o + 1, s01.reduceLanes(ADD));
                Memory.set(y0, o + 2, s02.reduceLanes(ADD));
                Memory.set(y0, o + 3, s03.reduceLanes(ADD));
                Memory.set(y1, o + 0, s10.reduceLanes(ADD));
                Memory.set(y1, o + 1, s11.reduceLanes(ADD));
                Memory.set(y1, o + 2, s12.reduceLanes(ADD));
                Memory.set(y1, o + 3, s13.reduceLanes(ADD));
                Memory.set(y2, o + 0, s20.reduceLanes(ADD));
                Memory.set(y2, o + 1, s21.reduceLanes(ADD));
                Memory.set(y2, o + 2, s22.reduceLanes(ADD));
                Memory.set(y2, o + 3, s23.reduceLanes(ADD));
                Memory.set(y3, o + 0, s30.reduceLanes(ADD));
                Memory.set(y3, o + 1, s31.reduceLanes(ADD));
                Memory.set(y3, o + 2, s32.reduceLanes(ADD));
                Memory.set(y3, o + 3, s33.reduceLanes(ADD));
        }
        for (; row < rows; row++) {
            rowF32(x + row * stride, in, p, 0, 4, y + 4L * row * out + 4L * o);
        }
    }

    /// One row: four outputs at a time, each with one accumulator, so that four weight rows stream at once.
    private static void rowF32(long x, int in, long w, int from, int to, long y) {
        int whole = FLOATS.loopBound(in);
        VectorMask<Float> rest = Lanes.first(in - whole);
        boolean tail = whole < in;
        long stride = 4L * in;
        int o = from;
        for (; o + 4 <= to; o += 4) {
            long w0 = w + o * stride;
            long w1 = w0 + stride;
            long w2 = w1 + stride;
            long w3 = w2 + stride;
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
            if (tail) {
                FloatVector v = Lanes.load(x + 4L * whole, rest);
                s0 = Lanes.load(w0 + 4L * whole, rest).fma(v, s0);
                s1 = Lanes.load(w1 + 4L * whole, rest).fma(v, s1);
                s2 = Lanes.load(w2 + 4L * whole, rest).fma(v, s2);
                s3 = Lanes.load(w3 + 4L * whole, rest).fma(v, s3);
            }
            Memory.set(y, o, s0.reduceLanes(ADD));
            Memory.set(y, o + 1, s1.reduceLanes(ADD));
            Memory.set(y, o + 2, s2.reduceLanes(ADD));
            Memory.set(y, o + 3, s3.reduceLanes(ADD));
        }
        for (; o < to; o++) {
            long w0 = w + o * stride;
            FloatVector s0 = FloatVector.zero(FLOATS);
            for (int i = 0; i < whole; i += COUNT) {
                s0 = Lanes.load(w0 + 4L * i).fma(Lanes.load(x + 4L * i), s0);
            }
            if (tail) {
                s0 = Lanes.load(w0 + 4L * whole, rest).fma(Lanes.load(x + 4L * whole, rest), s0);
            }
            Memory.set(y, o, s0.reduceLanes(ADD));
        }
    }

    /// One row: four outputs at a time, each with one accumulator, so that four weight rows stream at once.
    private static void rowF16(long x, int in, long w, int from, int to, long y) {
        int whole = FLOATS.loopBound(in);
        VectorMask<Float> rest = Lanes.first(in - whole);
        boolean tail = whole < in;
        long stride = 2L * in;
        int o = from;
        for (; o + 4 <= to; o += 4) {
            long w0 = w + o * stride;
            long w1 = w0 + stride;
            long w2 = w1 + stride;
            long w3 = w2 + stride;
            FloatVector s0 = FloatVector.zero(FLOATS);
            FloatVector s1 = s0;
            FloatVector s2 = s0;
            FloatVector s3 = s0;
            for (int i = 0; i < whole; i += COUNT) {
                FloatVector v = Lanes.load(x + 4L * i);
                s0 = Lanes.loadF16(w0 + 2L * i).fma(v, s0);
                s1 = Lanes.loadF16(w1 + 2L * i).fma(v, s1);
                s2 = Lanes.loadF16(w2 + 2L * i).fma(v, s2);
                s3 = Lanes.loadF16(w3 + 2L * i).fma(v, s3);
            }
            if (tail) {
                FloatVector v = Lanes.load(x + 4L * whole, rest);
                s0 = Lanes.loadF16(w0 + 2L * whole, rest).fma(v, s0);
                s1 = Lanes.loadF16(w1 + 2L * whole, rest).fma(v, s1);
                s2 = Lanes.loadF16(w2 + 2L * whole, rest).fma(v, s2);
                s3 = Lanes.loadF16(w3 + 2L * whole, rest).fma(v, s3);
            }
            Memory.set(y, o, s0.reduceLanes(ADD));
            Memory.set(y, o + 1, s1.reduceLanes(ADD));
            Memory.set(y, o + 2, s2.reduceLanes(ADD));
            Memory.set(y, o + 3, s3.reduceLanes(ADD));
        }
        for (; o < to; o++) {
            long w0 = w + o * stride;
            FloatVector s0 = FloatVector.zero(FLOATS);
            for (int i = 0; i < whole; i += COUNT) {
                s0 = Lanes.loadF16(w0 + 2L * i).fma(Lanes.load(x + 4L * i), s0);
            }
            if (tail) {
                s0 = Lanes.loadF16(w0 + 2L * whole, rest).fma(Lanes.load(x + 4L * whole, rest), s0);
            }
            Memory.set(y, o, s0.reduceLanes(ADD));
        }
    }

    /// One row: four outputs at a time, each with one accumulator, so that four weight rows stream at once.
    private static void rowBf16(long x, int in, long w, int from, int to, long y) {
        int whole = FLOATS.loopBound(in);
        VectorMask<Float> rest = Lanes.first(in - whole);
        boolean tail = whole < in;
        long stride = 2L * in;
        int o = from;
        for (; o + 4 <= to; o += 4) {
            long w0 = w + o * stride;
            long w1 = w0 + stride;
            long w2 = w1 + stride;
            long w3 = w2 + stride;
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
            if (tail) {
                FloatVector v = Lanes.load(x + 4L * whole, rest);
                s0 = Lanes.loadBf16(w0 + 2L * whole, rest).fma(v, s0);
                s1 = Lanes.loadBf16(w1 + 2L * whole, rest).fma(v, s1);
                s2 = Lanes.loadBf16(w2 + 2L * whole, rest).fma(v, s2);
                s3 = Lanes.loadBf16(w3 + 2L * whole, rest).fma(v, s3);
            }
            Memory.set(y, o, s0.reduceLanes(ADD));
            Memory.set(y, o + 1, s1.reduceLanes(ADD));
            Memory.set(y, o + 2, s2.reduceLanes(ADD));
            Memory.set(y, o + 3, s3.reduceLanes(ADD));
        }
        for (; o < to; o++) {
            long w0 = w + o * stride;
            FloatVector s0 = FloatVector.zero(FLOATS);
            for (int i = 0; i < whole; i += COUNT) {
                s0 = Lanes.loadBf16(w0 + 2L * i).fma(Lanes.load(x + 4L * i), s0);
            }
            if (tail) {
                s0 = Lanes.loadBf16(w0 + 2L * whole, rest).fma(Lanes.load(x + 4L * whole, rest), s0);
            }
            Memory.set(y, o, s0.reduceLanes(ADD));
        }
    }
}
