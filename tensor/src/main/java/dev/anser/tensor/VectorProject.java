package dev.anser.tensor;

import static dev.anser.tensor.Lanes.BYTES;
import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/// `x · w` with the Vector API.
///
/// Weight rows are contiguous along the outputs, so lanes are outputs and each input is broadcast: no reduction. Every
/// output is summed over the inputs in ascending order by one accumulator, whatever tile it falls into.
final class VectorProject {
    private VectorProject() {}

    static void project(DType type, long x, int rows, int in, long w, int out, int from, int to, long y) {
        switch (type) {
            case F32 -> projectF32(x, rows, in, w, out, from, to, y);
            case F16 -> projectF16(x, rows, in, w, out, from, to, y);
            case BF16 -> projectBf16(x, rows, in, w, out, from, to, y);
            default -> throw new ShapeException("kernels cannot compute with weights of type " + type);
        }
    }

    private static void projectF32(long x, int rows, int in, long w, int out, int from, int to, long y) {
        int row = 0;
        for (; row < rows; row++) {
            boolean four = row + 4 <= rows;
            long xRow = x + 4L * row * in;
            long yRow = y + 4L * row * out;
            int o = from;
            for (; o + 4 * COUNT <= to; o += 4 * COUNT) {
                if (four) {
                    tile4x4F32(xRow, in, w + 4L * o, out, yRow + 4L * o);
                } else {
                    tile1x4F32(xRow, in, w + 4L * o, out, yRow + 4L * o);
                }
            }
            for (; o < to; o += COUNT) {
                VectorMask<Float> mask = Lanes.first(Math.min(COUNT, to - o));
                for (int r = 0; r < (four ? 4 : 1); r++) {
                    tailF32(xRow + 4L * r * in, in, w + 4L * o, out, yRow + 4L * r * out + 4L * o, mask);
                }
            }
            if (four) {
                row += 3;
            }
        }
    }

    private static void tile4x4F32(long x, int in, long w, int out, long y) {
        long stride = 4L * out;
        long x0 = x + 0L * 4 * in;
        long x1 = x + 1L * 4 * in;
        long x2 = x + 2L * 4 * in;
        long x3 = x + 3L * 4 * in;
        FloatVector s00 = FloatVector.zero(FLOATS);
        FloatVector s01 = FloatVector.zero(FLOATS);
        FloatVector s02 = FloatVector.zero(FLOATS);
        FloatVector s03 = FloatVector.zero(FLOATS);
        FloatVector s10 = FloatVector.zero(FLOATS);
        FloatVector s11 = FloatVector.zero(FLOATS);
        FloatVector s12 = FloatVector.zero(FLOATS);
        FloatVector s13 = FloatVector.zero(FLOATS);
        FloatVector s20 = FloatVector.zero(FLOATS);
        FloatVector s21 = FloatVector.zero(FLOATS);
        FloatVector s22 = FloatVector.zero(FLOATS);
        FloatVector s23 = FloatVector.zero(FLOATS);
        FloatVector s30 = FloatVector.zero(FLOATS);
        FloatVector s31 = FloatVector.zero(FLOATS);
        FloatVector s32 = FloatVector.zero(FLOATS);
        FloatVector s33 = FloatVector.zero(FLOATS);
        for (int i = 0; i < in; i++) {
            FloatVector w0 = Lanes.load(w + (long) i * stride + 0L * 4 * COUNT);
            FloatVector w1 = Lanes.load(w + (long) i * stride + 1L * 4 * COUNT);
            FloatVector w2 = Lanes.load(w + (long) i * stride + 2L * 4 * COUNT);
            FloatVector w3 = Lanes.load(w + (long) i * stride + 3L * 4 * COUNT);
            FloatVector v0 = FloatVector.broadcast(FLOATS, Memory.get(x0, i));
            s00 = v0.fma(w0, s00);
            s01 = v0.fma(w1, s01);
            s02 = v0.fma(w2, s02);
            s03 = v0.fma(w3, s03);
            FloatVector v1 = FloatVector.broadcast(FLOATS, Memory.get(x1, i));
            s10 = v1.fma(w0, s10);
            s11 = v1.fma(w1, s11);
            s12 = v1.fma(w2, s12);
            s13 = v1.fma(w3, s13);
            FloatVector v2 = FloatVector.broadcast(FLOATS, Memory.get(x2, i));
            s20 = v2.fma(w0, s20);
            s21 = v2.fma(w1, s21);
            s22 = v2.fma(w2, s22);
            s23 = v2.fma(w3, s23);
            FloatVector v3 = FloatVector.broadcast(FLOATS, Memory.get(x3, i));
            s30 = v3.fma(w0, s30);
            s31 = v3.fma(w1, s31);
            s32 = v3.fma(w2, s32);
            s33 = v3.fma(w3, s33);
        }
        Lanes.store(s00, y + 0L * 4 * out + 0L * BYTES);
        Lanes.store(s01, y + 0L * 4 * out + 1L * BYTES);
        Lanes.store(s02, y + 0L * 4 * out + 2L * BYTES);
        Lanes.store(s03, y + 0L * 4 * out + 3L * BYTES);
        Lanes.store(s10, y + 1L * 4 * out + 0L * BYTES);
        Lanes.store(s11, y + 1L * 4 * out + 1L * BYTES);
        Lanes.store(s12, y + 1L * 4 * out + 2L * BYTES);
        Lanes.store(s13, y + 1L * 4 * out + 3L * BYTES);
        Lanes.store(s20, y + 2L * 4 * out + 0L * BYTES);
        Lanes.store(s21, y + 2L * 4 * out + 1L * BYTES);
        Lanes.store(s22, y + 2L * 4 * out + 2L * BYTES);
        Lanes.store(s23, y + 2L * 4 * out + 3L * BYTES);
        Lanes.store(s30, y + 3L * 4 * out + 0L * BYTES);
        Lanes.store(s31, y + 3L * 4 * out + 1L * BYTES);
        Lanes.store(s32, y + 3L * 4 * out + 2L * BYTES);
        Lanes.store(s33, y + 3L * 4 * out + 3L * BYTES);
    }

    private static void tile1x4F32(long x, int in, long w, int out, long y) {
        long stride = 4L * out;
        long x0 = x + 0L * 4 * in;
        FloatVector s00 = FloatVector.zero(FLOATS);
        FloatVector s01 = FloatVector.zero(FLOATS);
        FloatVector s02 = FloatVector.zero(FLOATS);
        FloatVector s03 = FloatVector.zero(FLOATS);
        for (int i = 0; i < in; i++) {
            FloatVector w0 = Lanes.load(w + (long) i * stride + 0L * 4 * COUNT);
            FloatVector w1 = Lanes.load(w + (long) i * stride + 1L * 4 * COUNT);
            FloatVector w2 = Lanes.load(w + (long) i * stride + 2L * 4 * COUNT);
            FloatVector w3 = Lanes.load(w + (long) i * stride + 3L * 4 * COUNT);
            FloatVector v0 = FloatVector.broadcast(FLOATS, Memory.get(x0, i));
            s00 = v0.fma(w0, s00);
            s01 = v0.fma(w1, s01);
            s02 = v0.fma(w2, s02);
            s03 = v0.fma(w3, s03);
        }
        Lanes.store(s00, y + 0L * 4 * out + 0L * BYTES);
        Lanes.store(s01, y + 0L * 4 * out + 1L * BYTES);
        Lanes.store(s02, y + 0L * 4 * out + 2L * BYTES);
        Lanes.store(s03, y + 0L * 4 * out + 3L * BYTES);
    }

    private static void tailF32(long x, int in, long w, int out, long y, VectorMask<Float> mask) {
        long stride = 4L * out;
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int i = 0; i < in; i++) {
            FloatVector v = FloatVector.broadcast(FLOATS, Memory.get(x, i));
            sum = v.fma(Lanes.load(w + (long) i * stride, mask), sum);
        }
        Lanes.store(sum, y, mask);
    }

    private static void projectF16(long x, int rows, int in, long w, int out, int from, int to, long y) {
        int row = 0;
        for (; row < rows; row++) {
            boolean four = row + 4 <= rows;
            long xRow = x + 4L * row * in;
            long yRow = y + 4L * row * out;
            int o = from;
            for (; o + 4 * COUNT <= to; o += 4 * COUNT) {
                if (four) {
                    tile4x4F16(xRow, in, w + 2L * o, out, yRow + 4L * o);
                } else {
                    tile1x4F16(xRow, in, w + 2L * o, out, yRow + 4L * o);
                }
            }
            for (; o < to; o += COUNT) {
                VectorMask<Float> mask = Lanes.first(Math.min(COUNT, to - o));
                for (int r = 0; r < (four ? 4 : 1); r++) {
                    tailF16(xRow + 4L * r * in, in, w + 2L * o, out, yRow + 4L * r * out + 4L * o, mask);
                }
            }
            if (four) {
                row += 3;
            }
        }
    }

    private static void tile4x4F16(long x, int in, long w, int out, long y) {
        long stride = 2L * out;
        long x0 = x + 0L * 4 * in;
        long x1 = x + 1L * 4 * in;
        long x2 = x + 2L * 4 * in;
        long x3 = x + 3L * 4 * in;
        FloatVector s00 = FloatVector.zero(FLOATS);
        FloatVector s01 = FloatVector.zero(FLOATS);
        FloatVector s02 = FloatVector.zero(FLOATS);
        FloatVector s03 = FloatVector.zero(FLOATS);
        FloatVector s10 = FloatVector.zero(FLOATS);
        FloatVector s11 = FloatVector.zero(FLOATS);
        FloatVector s12 = FloatVector.zero(FLOATS);
        FloatVector s13 = FloatVector.zero(FLOATS);
        FloatVector s20 = FloatVector.zero(FLOATS);
        FloatVector s21 = FloatVector.zero(FLOATS);
        FloatVector s22 = FloatVector.zero(FLOATS);
        FloatVector s23 = FloatVector.zero(FLOATS);
        FloatVector s30 = FloatVector.zero(FLOATS);
        FloatVector s31 = FloatVector.zero(FLOATS);
        FloatVector s32 = FloatVector.zero(FLOATS);
        FloatVector s33 = FloatVector.zero(FLOATS);
        for (int i = 0; i < in; i++) {
            FloatVector w0 = Lanes.loadF16(w + (long) i * stride + 0L * 2 * COUNT);
            FloatVector w1 = Lanes.loadF16(w + (long) i * stride + 1L * 2 * COUNT);
            FloatVector w2 = Lanes.loadF16(w + (long) i * stride + 2L * 2 * COUNT);
            FloatVector w3 = Lanes.loadF16(w + (long) i * stride + 3L * 2 * COUNT);
            FloatVector v0 = FloatVector.broadcast(FLOATS, Memory.get(x0, i));
            s00 = v0.fma(w0, s00);
            s01 = v0.fma(w1, s01);
            s02 = v0.fma(w2, s02);
            s03 = v0.fma(w3, s03);
            FloatVector v1 = FloatVector.broadcast(FLOATS, Memory.get(x1, i));
            s10 = v1.fma(w0, s10);
            s11 = v1.fma(w1, s11);
            s12 = v1.fma(w2, s12);
            s13 = v1.fma(w3, s13);
            FloatVector v2 = FloatVector.broadcast(FLOATS, Memory.get(x2, i));
            s20 = v2.fma(w0, s20);
            s21 = v2.fma(w1, s21);
            s22 = v2.fma(w2, s22);
            s23 = v2.fma(w3, s23);
            FloatVector v3 = FloatVector.broadcast(FLOATS, Memory.get(x3, i));
            s30 = v3.fma(w0, s30);
            s31 = v3.fma(w1, s31);
            s32 = v3.fma(w2, s32);
            s33 = v3.fma(w3, s33);
        }
        Lanes.store(s00, y + 0L * 4 * out + 0L * BYTES);
        Lanes.store(s01, y + 0L * 4 * out + 1L * BYTES);
        Lanes.store(s02, y + 0L * 4 * out + 2L * BYTES);
        Lanes.store(s03, y + 0L * 4 * out + 3L * BYTES);
        Lanes.store(s10, y + 1L * 4 * out + 0L * BYTES);
        Lanes.store(s11, y + 1L * 4 * out + 1L * BYTES);
        Lanes.store(s12, y + 1L * 4 * out + 2L * BYTES);
        Lanes.store(s13, y + 1L * 4 * out + 3L * BYTES);
        Lanes.store(s20, y + 2L * 4 * out + 0L * BYTES);
        Lanes.store(s21, y + 2L * 4 * out + 1L * BYTES);
        Lanes.store(s22, y + 2L * 4 * out + 2L * BYTES);
        Lanes.store(s23, y + 2L * 4 * out + 3L * BYTES);
        Lanes.store(s30, y + 3L * 4 * out + 0L * BYTES);
        Lanes.store(s31, y + 3L * 4 * out + 1L * BYTES);
        Lanes.store(s32, y + 3L * 4 * out + 2L * BYTES);
        Lanes.store(s33, y + 3L * 4 * out + 3L * BYTES);
    }

    private static void tile1x4F16(long x, int in, long w, int out, long y) {
        long stride = 2L * out;
        long x0 = x + 0L * 4 * in;
        FloatVector s00 = FloatVector.zero(FLOATS);
        FloatVector s01 = FloatVector.zero(FLOATS);
        FloatVector s02 = FloatVector.zero(FLOATS);
        FloatVector s03 = FloatVector.zero(FLOATS);
        for (int i = 0; i < in; i++) {
            FloatVector w0 = Lanes.loadF16(w + (long) i * stride + 0L * 2 * COUNT);
            FloatVector w1 = Lanes.loadF16(w + (long) i * stride + 1L * 2 * COUNT);
            FloatVector w2 = Lanes.loadF16(w + (long) i * stride + 2L * 2 * COUNT);
            FloatVector w3 = Lanes.loadF16(w + (long) i * stride + 3L * 2 * COUNT);
            FloatVector v0 = FloatVector.broadcast(FLOATS, Memory.get(x0, i));
            s00 = v0.fma(w0, s00);
            s01 = v0.fma(w1, s01);
            s02 = v0.fma(w2, s02);
            s03 = v0.fma(w3, s03);
        }
        Lanes.store(s00, y + 0L * 4 * out + 0L * BYTES);
        Lanes.store(s01, y + 0L * 4 * out + 1L * BYTES);
        Lanes.store(s02, y + 0L * 4 * out + 2L * BYTES);
        Lanes.store(s03, y + 0L * 4 * out + 3L * BYTES);
    }

    private static void tailF16(long x, int in, long w, int out, long y, VectorMask<Float> mask) {
        long stride = 2L * out;
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int i = 0; i < in; i++) {
            FloatVector v = FloatVector.broadcast(FLOATS, Memory.get(x, i));
            sum = v.fma(Lanes.loadF16(w + (long) i * stride, mask), sum);
        }
        Lanes.store(sum, y, mask);
    }

    private static void projectBf16(long x, int rows, int in, long w, int out, int from, int to, long y) {
        int row = 0;
        for (; row < rows; row++) {
            boolean four = row + 4 <= rows;
            long xRow = x + 4L * row * in;
            long yRow = y + 4L * row * out;
            int o = from;
            for (; o + 4 * COUNT <= to; o += 4 * COUNT) {
                if (four) {
                    tile4x4Bf16(xRow, in, w + 2L * o, out, yRow + 4L * o);
                } else {
                    tile1x4Bf16(xRow, in, w + 2L * o, out, yRow + 4L * o);
                }
            }
            for (; o < to; o += COUNT) {
                VectorMask<Float> mask = Lanes.first(Math.min(COUNT, to - o));
                for (int r = 0; r < (four ? 4 : 1); r++) {
                    tailBf16(xRow + 4L * r * in, in, w + 2L * o, out, yRow + 4L * r * out + 4L * o, mask);
                }
            }
            if (four) {
                row += 3;
            }
        }
    }

    private static void tile4x4Bf16(long x, int in, long w, int out, long y) {
        long stride = 2L * out;
        long x0 = x + 0L * 4 * in;
        long x1 = x + 1L * 4 * in;
        long x2 = x + 2L * 4 * in;
        long x3 = x + 3L * 4 * in;
        FloatVector s00 = FloatVector.zero(FLOATS);
        FloatVector s01 = FloatVector.zero(FLOATS);
        FloatVector s02 = FloatVector.zero(FLOATS);
        FloatVector s03 = FloatVector.zero(FLOATS);
        FloatVector s10 = FloatVector.zero(FLOATS);
        FloatVector s11 = FloatVector.zero(FLOATS);
        FloatVector s12 = FloatVector.zero(FLOATS);
        FloatVector s13 = FloatVector.zero(FLOATS);
        FloatVector s20 = FloatVector.zero(FLOATS);
        FloatVector s21 = FloatVector.zero(FLOATS);
        FloatVector s22 = FloatVector.zero(FLOATS);
        FloatVector s23 = FloatVector.zero(FLOATS);
        FloatVector s30 = FloatVector.zero(FLOATS);
        FloatVector s31 = FloatVector.zero(FLOATS);
        FloatVector s32 = FloatVector.zero(FLOATS);
        FloatVector s33 = FloatVector.zero(FLOATS);
        for (int i = 0; i < in; i++) {
            FloatVector w0 = Lanes.loadBf16(w + (long) i * stride + 0L * 2 * COUNT);
            FloatVector w1 = Lanes.loadBf16(w + (long) i * stride + 1L * 2 * COUNT);
            FloatVector w2 = Lanes.loadBf16(w + (long) i * stride + 2L * 2 * COUNT);
            FloatVector w3 = Lanes.loadBf16(w + (long) i * stride + 3L * 2 * COUNT);
            FloatVector v0 = FloatVector.broadcast(FLOATS, Memory.get(x0, i));
            s00 = v0.fma(w0, s00);
            s01 = v0.fma(w1, s01);
            s02 = v0.fma(w2, s02);
            s03 = v0.fma(w3, s03);
            FloatVector v1 = FloatVector.broadcast(FLOATS, Memory.get(x1, i));
            s10 = v1.fma(w0, s10);
            s11 = v1.fma(w1, s11);
            s12 = v1.fma(w2, s12);
            s13 = v1.fma(w3, s13);
            FloatVector v2 = FloatVector.broadcast(FLOATS, Memory.get(x2, i));
            s20 = v2.fma(w0, s20);
            s21 = v2.fma(w1, s21);
            s22 = v2.fma(w2, s22);
            s23 = v2.fma(w3, s23);
            FloatVector v3 = FloatVector.broadcast(FLOATS, Memory.get(x3, i));
            s30 = v3.fma(w0, s30);
            s31 = v3.fma(w1, s31);
            s32 = v3.fma(w2, s32);
            s33 = v3.fma(w3, s33);
        }
        Lanes.store(s00, y + 0L * 4 * out + 0L * BYTES);
        Lanes.store(s01, y + 0L * 4 * out + 1L * BYTES);
        Lanes.store(s02, y + 0L * 4 * out + 2L * BYTES);
        Lanes.store(s03, y + 0L * 4 * out + 3L * BYTES);
        Lanes.store(s10, y + 1L * 4 * out + 0L * BYTES);
        Lanes.store(s11, y + 1L * 4 * out + 1L * BYTES);
        Lanes.store(s12, y + 1L * 4 * out + 2L * BYTES);
        Lanes.store(s13, y + 1L * 4 * out + 3L * BYTES);
        Lanes.store(s20, y + 2L * 4 * out + 0L * BYTES);
        Lanes.store(s21, y + 2L * 4 * out + 1L * BYTES);
        Lanes.store(s22, y + 2L * 4 * out + 2L * BYTES);
        Lanes.store(s23, y + 2L * 4 * out + 3L * BYTES);
        Lanes.store(s30, y + 3L * 4 * out + 0L * BYTES);
        Lanes.store(s31, y + 3L * 4 * out + 1L * BYTES);
        Lanes.store(s32, y + 3L * 4 * out + 2L * BYTES);
        Lanes.store(s33, y + 3L * 4 * out + 3L * BYTES);
    }

    private static void tile1x4Bf16(long x, int in, long w, int out, long y) {
        long stride = 2L * out;
        long x0 = x + 0L * 4 * in;
        FloatVector s00 = FloatVector.zero(FLOATS);
        FloatVector s01 = FloatVector.zero(FLOATS);
        FloatVector s02 = FloatVector.zero(FLOATS);
        FloatVector s03 = FloatVector.zero(FLOATS);
        for (int i = 0; i < in; i++) {
            FloatVector w0 = Lanes.loadBf16(w + (long) i * stride + 0L * 2 * COUNT);
            FloatVector w1 = Lanes.loadBf16(w + (long) i * stride + 1L * 2 * COUNT);
            FloatVector w2 = Lanes.loadBf16(w + (long) i * stride + 2L * 2 * COUNT);
            FloatVector w3 = Lanes.loadBf16(w + (long) i * stride + 3L * 2 * COUNT);
            FloatVector v0 = FloatVector.broadcast(FLOATS, Memory.get(x0, i));
            s00 = v0.fma(w0, s00);
            s01 = v0.fma(w1, s01);
            s02 = v0.fma(w2, s02);
            s03 = v0.fma(w3, s03);
        }
        Lanes.store(s00, y + 0L * 4 * out + 0L * BYTES);
        Lanes.store(s01, y + 0L * 4 * out + 1L * BYTES);
        Lanes.store(s02, y + 0L * 4 * out + 2L * BYTES);
        Lanes.store(s03, y + 0L * 4 * out + 3L * BYTES);
    }

    private static void tailBf16(long x, int in, long w, int out, long y, VectorMask<Float> mask) {
        long stride = 2L * out;
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int i = 0; i < in; i++) {
            FloatVector v = FloatVector.broadcast(FLOATS, Memory.get(x, i));
            sum = v.fma(Lanes.loadBf16(w + (long) i * stride, mask), sum);
        }
        Lanes.store(sum, y, mask);
    }
}
