package dev.anser.tensor;

import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/// `x · wᵀ` with the Vector API.
///
/// Both operands are contiguous along the summed axis, so every output is a dot product of two
/// rows: lanes run along that axis, one accumulator an output, one reduction at the end. The order
/// of additions is therefore the same whether a row comes alone or in a batch, and whatever tile it
/// falls into: prefill and decoding give the same bits.
///
/// One row reads every weight once and is bound by memory: [VectorStreams]. More rows go by tiles
/// of 4 rows × 4 outputs: 16 accumulators and 8 operands fit the 32 registers of AVX-512 and NEON;
/// the weights of 4 outputs are widened once into a panel that stays in the first-level cache while
/// all rows pass by. Rows are taken in blocks that fit the second-level cache.
final class VectorLinear {
    /// Bytes of `x` that one sweep over the outputs keeps in the second-level cache.
    private static final int ROW_BLOCK_BYTES = 1 << 20;

    private VectorLinear() {}

    /// `panel` has room for 4 × `in` floats.
    static void linear(
            DType type,
            long x,
            int rows,
            int in,
            long w,
            int out,
            int from,
            int to,
            long y,
            float[] panel) {
        int at = rows == 1 ? VectorStreams.linear(type, x, in, w, from, to, y, panel) : from;
        long weightRow = type.bytes(in);
        long xRow = 4L * in;
        long yRow = 4L * out;
        int blockRows = Math.max(16, (int) (ROW_BLOCK_BYTES / xRow / 4 * 4));
        for (int start = 0; start < rows; start += blockRows) {
            int count = Math.min(blockRows, rows - start);
            long xBlock = x + start * xRow;
            long yBlock = y + start * yRow;
            int o = at;
            for (; o + 4 <= to; o += 4) {
                Widen.toFloats(type, w + o * weightRow, panel, 4 * in);
                tiles(xBlock, count, in, panel, out, o, yBlock);
            }
            for (; o < to; o++) {
                Widen.toFloats(type, w + o * weightRow, panel, in);
                for (int row = 0; row < count; row++) {
                    Memory.set(yBlock + row * yRow, o, dot(xBlock + row * xRow, in, panel));
                }
            }
        }
    }

    /// All rows of a block against the four weight rows of `panel`.
    private static void tiles(long x, int rows, int in, float[] panel, int out, int o, long y) {
        int whole = FLOATS.loopBound(in);
        boolean tail = whole < in;
        long stride = 4L * in;
        int row = 0;
        for (; row + 4 <= rows; row += 4) {
            long x0 = x + row * stride;
            long x1 = x0 + stride;
            long x2 = x1 + stride;
            long x3 = x2 + stride;
            FloatVector s00 = FloatVector.zero(FLOATS);
            FloatVector s01 = s00;
            FloatVector s02 = s00;
            FloatVector s03 = s00;
            FloatVector s10 = s00;
            FloatVector s11 = s00;
            FloatVector s12 = s00;
            FloatVector s13 = s00;
            FloatVector s20 = s00;
            FloatVector s21 = s00;
            FloatVector s22 = s00;
            FloatVector s23 = s00;
            FloatVector s30 = s00;
            FloatVector s31 = s00;
            FloatVector s32 = s00;
            FloatVector s33 = s00;
            for (int i = 0; i < whole; i += COUNT) {
                FloatVector v0 = Lanes.load(x0 + 4L * i);
                FloatVector v1 = Lanes.load(x1 + 4L * i);
                FloatVector v2 = Lanes.load(x2 + 4L * i);
                FloatVector v3 = Lanes.load(x3 + 4L * i);
                FloatVector p0 = FloatVector.fromArray(FLOATS, panel, i);
                s00 = v0.fma(p0, s00);
                s10 = v1.fma(p0, s10);
                s20 = v2.fma(p0, s20);
                s30 = v3.fma(p0, s30);
                FloatVector p1 = FloatVector.fromArray(FLOATS, panel, 1 * in + i);
                s01 = v0.fma(p1, s01);
                s11 = v1.fma(p1, s11);
                s21 = v2.fma(p1, s21);
                s31 = v3.fma(p1, s31);
                FloatVector p2 = FloatVector.fromArray(FLOATS, panel, 2 * in + i);
                s02 = v0.fma(p2, s02);
                s12 = v1.fma(p2, s12);
                s22 = v2.fma(p2, s22);
                s32 = v3.fma(p2, s32);
                FloatVector p3 = FloatVector.fromArray(FLOATS, panel, 3 * in + i);
                s03 = v0.fma(p3, s03);
                s13 = v1.fma(p3, s13);
                s23 = v2.fma(p3, s23);
                s33 = v3.fma(p3, s33);
            }
            if (tail) {
                VectorMask<Float> rest = Lanes.first(in - whole);
                FloatVector v0 = Lanes.load(x0 + 4L * whole, rest);
                FloatVector v1 = Lanes.load(x1 + 4L * whole, rest);
                FloatVector v2 = Lanes.load(x2 + 4L * whole, rest);
                FloatVector v3 = Lanes.load(x3 + 4L * whole, rest);
                FloatVector p0 = FloatVector.fromArray(FLOATS, panel, whole, rest);
                s00 = v0.fma(p0, s00);
                s10 = v1.fma(p0, s10);
                s20 = v2.fma(p0, s20);
                s30 = v3.fma(p0, s30);
                FloatVector p1 = FloatVector.fromArray(FLOATS, panel, 1 * in + whole, rest);
                s01 = v0.fma(p1, s01);
                s11 = v1.fma(p1, s11);
                s21 = v2.fma(p1, s21);
                s31 = v3.fma(p1, s31);
                FloatVector p2 = FloatVector.fromArray(FLOATS, panel, 2 * in + whole, rest);
                s02 = v0.fma(p2, s02);
                s12 = v1.fma(p2, s12);
                s22 = v2.fma(p2, s22);
                s32 = v3.fma(p2, s32);
                FloatVector p3 = FloatVector.fromArray(FLOATS, panel, 3 * in + whole, rest);
                s03 = v0.fma(p3, s03);
                s13 = v1.fma(p3, s13);
                s23 = v2.fma(p3, s23);
                s33 = v3.fma(p3, s33);
            }
            long y0 = y + 4L * row * out;
            long y1 = y0 + 4L * out;
            long y2 = y1 + 4L * out;
            long y3 = y2 + 4L * out;
            Memory.set(y0, o, VectorMath.sum(s00));
            Memory.set(y0, o + 1, VectorMath.sum(s01));
            Memory.set(y0, o + 2, VectorMath.sum(s02));
            Memory.set(y0, o + 3, VectorMath.sum(s03));
            Memory.set(y1, o, VectorMath.sum(s10));
            Memory.set(y1, o + 1, VectorMath.sum(s11));
            Memory.set(y1, o + 2, VectorMath.sum(s12));
            Memory.set(y1, o + 3, VectorMath.sum(s13));
            Memory.set(y2, o, VectorMath.sum(s20));
            Memory.set(y2, o + 1, VectorMath.sum(s21));
            Memory.set(y2, o + 2, VectorMath.sum(s22));
            Memory.set(y2, o + 3, VectorMath.sum(s23));
            Memory.set(y3, o, VectorMath.sum(s30));
            Memory.set(y3, o + 1, VectorMath.sum(s31));
            Memory.set(y3, o + 2, VectorMath.sum(s32));
            Memory.set(y3, o + 3, VectorMath.sum(s33));
        }
        for (; row < rows; row++) {
            oneRow(x + row * stride, in, panel, o, y + 4L * row * out);
        }
    }

    private static void oneRow(long x, int in, float[] panel, int o, long y) {
        int whole = FLOATS.loopBound(in);
        FloatVector s0 = FloatVector.zero(FLOATS);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector v = Lanes.load(x + 4L * i);
            s0 = FloatVector.fromArray(FLOATS, panel, i).fma(v, s0);
            s1 = FloatVector.fromArray(FLOATS, panel, 1 * in + i).fma(v, s1);
            s2 = FloatVector.fromArray(FLOATS, panel, 2 * in + i).fma(v, s2);
            s3 = FloatVector.fromArray(FLOATS, panel, 3 * in + i).fma(v, s3);
        }
        if (whole < in) {
            VectorMask<Float> rest = Lanes.first(in - whole);
            FloatVector v = Lanes.load(x + 4L * whole, rest);
            s0 = FloatVector.fromArray(FLOATS, panel, whole, rest).fma(v, s0);
            s1 = FloatVector.fromArray(FLOATS, panel, 1 * in + whole, rest).fma(v, s1);
            s2 = FloatVector.fromArray(FLOATS, panel, 2 * in + whole, rest).fma(v, s2);
            s3 = FloatVector.fromArray(FLOATS, panel, 3 * in + whole, rest).fma(v, s3);
        }
        Memory.set(y, o, VectorMath.sum(s0));
        Memory.set(y, o + 1, VectorMath.sum(s1));
        Memory.set(y, o + 2, VectorMath.sum(s2));
        Memory.set(y, o + 3, VectorMath.sum(s3));
    }

    private static float dot(long x, int in, float[] weights) {
        int whole = FLOATS.loopBound(in);
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int i = 0; i < whole; i += COUNT) {
            sum = FloatVector.fromArray(FLOATS, weights, i).fma(Lanes.load(x + 4L * i), sum);
        }
        if (whole < in) {
            VectorMask<Float> rest = Lanes.first(in - whole);
            FloatVector v = Lanes.load(x + 4L * whole, rest);
            sum = FloatVector.fromArray(FLOATS, weights, whole, rest).fma(v, sum);
        }
        return VectorMath.sum(sum);
    }
}
