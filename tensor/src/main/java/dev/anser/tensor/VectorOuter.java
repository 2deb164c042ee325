package dev.anser.tensor;

import static dev.anser.tensor.Lanes.BYTES;
import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;

/// `target += aᵀ · b` with the Vector API: the gradient of a weight.
///
/// Lanes run along the columns of `b`; each element of the target has one accumulator, which takes
/// the rows in order.
final class VectorOuter {
    private VectorOuter() {}

    static void addOuter(long a, long b, int rows, int out, int in, int from, int to, long target) {
        int step = 4 * COUNT;
        int i = 0;
        for (; i + step <= in; i += step) {
            int o = from;
            for (; o + 4 <= to; o += 4) {
                tile(a + 4L * o, b + 4L * i, rows, out, in, target + 4L * ((long) o * in + i));
            }
            for (; o < to; o++) {
                for (int j = i; j < i + step; j += COUNT) {
                    oneVector(
                            a + 4L * o,
                            b + 4L * j,
                            rows,
                            out,
                            in,
                            target + 4L * ((long) o * in + j));
                }
            }
        }
        for (; i + COUNT <= in; i += COUNT) {
            for (int o = from; o < to; o++) {
                oneVector(a + 4L * o, b + 4L * i, rows, out, in, target + 4L * ((long) o * in + i));
            }
        }
        for (; i < in; i++) {
            for (int o = from; o < to; o++) {
                oneElement(
                        a + 4L * o, b + 4L * i, rows, out, in, target + 4L * ((long) o * in + i));
            }
        }
    }

    private static void tile(long a, long b, int rows, int out, int in, long target) {
        long stride = 4L * in;
        long t0 = target;
        long t1 = t0 + stride;
        long t2 = t1 + stride;
        long t3 = t2 + stride;
        FloatVector s00 = Lanes.load(t0);
        FloatVector s01 = Lanes.load(t0 + 1L * BYTES);
        FloatVector s02 = Lanes.load(t0 + 2L * BYTES);
        FloatVector s03 = Lanes.load(t0 + 3L * BYTES);
        FloatVector s10 = Lanes.load(t1);
        FloatVector s11 = Lanes.load(t1 + 1L * BYTES);
        FloatVector s12 = Lanes.load(t1 + 2L * BYTES);
        FloatVector s13 = Lanes.load(t1 + 3L * BYTES);
        FloatVector s20 = Lanes.load(t2);
        FloatVector s21 = Lanes.load(t2 + 1L * BYTES);
        FloatVector s22 = Lanes.load(t2 + 2L * BYTES);
        FloatVector s23 = Lanes.load(t2 + 3L * BYTES);
        FloatVector s30 = Lanes.load(t3);
        FloatVector s31 = Lanes.load(t3 + 1L * BYTES);
        FloatVector s32 = Lanes.load(t3 + 2L * BYTES);
        FloatVector s33 = Lanes.load(t3 + 3L * BYTES);
        long aRow = a;
        long bRow = b;
        for (int row = 0; row < rows; row++, aRow += 4L * out, bRow += stride) {
            FloatVector v0 = Lanes.load(bRow);
            FloatVector v1 = Lanes.load(bRow + 1L * BYTES);
            FloatVector v2 = Lanes.load(bRow + 2L * BYTES);
            FloatVector v3 = Lanes.load(bRow + 3L * BYTES);
            FloatVector c0 = FloatVector.broadcast(FLOATS, Memory.get(aRow, 0));
            s00 = c0.fma(v0, s00);
            s01 = c0.fma(v1, s01);
            s02 = c0.fma(v2, s02);
            s03 = c0.fma(v3, s03);
            FloatVector c1 = FloatVector.broadcast(FLOATS, Memory.get(aRow, 1));
            s10 = c1.fma(v0, s10);
            s11 = c1.fma(v1, s11);
            s12 = c1.fma(v2, s12);
            s13 = c1.fma(v3, s13);
            FloatVector c2 = FloatVector.broadcast(FLOATS, Memory.get(aRow, 2));
            s20 = c2.fma(v0, s20);
            s21 = c2.fma(v1, s21);
            s22 = c2.fma(v2, s22);
            s23 = c2.fma(v3, s23);
            FloatVector c3 = FloatVector.broadcast(FLOATS, Memory.get(aRow, 3));
            s30 = c3.fma(v0, s30);
            s31 = c3.fma(v1, s31);
            s32 = c3.fma(v2, s32);
            s33 = c3.fma(v3, s33);
        }
        Lanes.store(s00, t0);
        Lanes.store(s01, t0 + 1L * BYTES);
        Lanes.store(s02, t0 + 2L * BYTES);
        Lanes.store(s03, t0 + 3L * BYTES);
        Lanes.store(s10, t1);
        Lanes.store(s11, t1 + 1L * BYTES);
        Lanes.store(s12, t1 + 2L * BYTES);
        Lanes.store(s13, t1 + 3L * BYTES);
        Lanes.store(s20, t2);
        Lanes.store(s21, t2 + 1L * BYTES);
        Lanes.store(s22, t2 + 2L * BYTES);
        Lanes.store(s23, t2 + 3L * BYTES);
        Lanes.store(s30, t3);
        Lanes.store(s31, t3 + 1L * BYTES);
        Lanes.store(s32, t3 + 2L * BYTES);
        Lanes.store(s33, t3 + 3L * BYTES);
    }

    private static void oneVector(long a, long b, int rows, int out, int in, long target) {
        FloatVector sum = Lanes.load(target);
        for (int row = 0; row < rows; row++) {
            FloatVector factor = FloatVector.broadcast(FLOATS, Memory.get(a, (long) row * out));
            sum = factor.fma(Lanes.load(b + 4L * row * in), sum);
        }
        Lanes.store(sum, target);
    }

    private static void oneElement(long a, long b, int rows, int out, int in, long target) {
        float sum = Memory.get(target, 0);
        for (int row = 0; row < rows; row++) {
            sum = Math.fma(Memory.get(a, (long) row * out), Memory.get(b, (long) row * in), sum);
        }
        Memory.set(target, 0, sum);
    }
}
