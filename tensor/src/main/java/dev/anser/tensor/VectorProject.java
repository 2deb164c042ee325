package dev.anser.tensor;

import static dev.anser.tensor.Lanes.BYTES;
import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;

/// `x · w` with the Vector API.
///
/// Weight rows are contiguous along the outputs, so lanes are outputs and each input is broadcast:
/// no reduction. Every output is summed over the inputs in ascending order by one accumulator,
/// whatever tile it falls into.
///
/// The inputs are taken in blocks whose weights, widened to floats, make a panel of the size of the
/// first-level cache. Between blocks the accumulators wait in `y`, which loses nothing; it starts
/// as zeros.
final class VectorProject {
    /// Floats in a panel: half of a first-level cache of 48 KB.
    static final int PANEL_FLOATS = 6 * 1024;

    private VectorProject() {}

    /// `panel` has room for [#PANEL_FLOATS], or for `to - from` floats when that is more.
    static void project(
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
        int width = to - from;
        for (int row = 0; row < rows; row++) {
            long yRow = y + 4L * ((long) row * out + from);
            for (int o = 0; o < width; o++) {
                Memory.set(yRow, o, 0);
            }
        }
        int blockInputs = Math.max(1, PANEL_FLOATS / width);
        for (int start = 0; start < in; start += blockInputs) {
            int count = Math.min(blockInputs, in - start);
            fill(type, w, out, from, width, start, count, panel);
            long xBlock = x + 4L * start;
            for (int row = 0; row < rows; ) {
                int taken = row + 4 <= rows ? 4 : 1;
                rows(
                        taken,
                        xBlock + 4L * row * in,
                        4L * in,
                        count,
                        panel,
                        width,
                        y + 4L * ((long) row * out + from),
                        4L * out);
                row += taken;
            }
        }
    }

    /// Columns `from..from + width` of `count` weight rows as floats.
    private static void fill(
            DType type, long w, int out, int from, int width, int start, int count, float[] panel) {
        if (width == out) {
            Widen.toFloats(type, w + type.bytes((long) start * out), panel, 0, count * width);
            return;
        }
        if (from % type.blockElements() != 0 || width % type.blockElements() != 0) {
            fillPartsOfBlocks(type, w, out, from, width, start, count, panel);
            return;
        }
        for (int i = 0; i < count; i++) {
            long row = type.bytes((long) (start + i) * out + from);
            Widen.toFloats(type, w + row, panel, i * width, width);
        }
    }

    /// As [#fill], of a range that cuts blocks: for any range to work, not for speed.
    private static void fillPartsOfBlocks(
            DType type, long w, int out, int from, int width, int start, int count, float[] panel) {
        int block = type.blockElements();
        int before = from % block;
        float[] blocks = new float[(before + width + block - 1) / block * block];
        for (int i = 0; i < count; i++) {
            long row = type.bytes((long) (start + i) * out + from - before);
            Widen.toFloats(type, w + row, blocks, blocks.length);
            System.arraycopy(blocks, before, panel, i * width, width);
        }
    }

    /// `taken` rows (4 or 1) against a panel.
    private static void rows(
            int taken, long x, long xRow, int count, float[] panel, int width, long y, long yRow) {
        int o = 0;
        for (; o + 4 * COUNT <= width; o += 4 * COUNT) {
            if (taken == 4) {
                tile4x4(x, xRow, count, panel, o, width, y + 4L * o, yRow);
            } else {
                tile1x4(x, count, panel, o, width, y + 4L * o);
            }
        }
        for (; o + COUNT <= width; o += COUNT) {
            for (int r = 0; r < taken; r++) {
                oneVector(x + r * xRow, count, panel, o, width, y + 4L * o + r * yRow);
            }
        }
        for (; o < width; o++) {
            for (int r = 0; r < taken; r++) {
                oneColumn(x + r * xRow, count, panel, o, width, y + 4L * o + r * yRow);
            }
        }
    }

    private static void tile4x4(
            long x, long xRow, int count, float[] panel, int at, int width, long y, long yRow) {
        long x0 = x;
        long y0 = y;
        long x1 = x + xRow;
        long y1 = y + yRow;
        long x2 = x + 2L * xRow;
        long y2 = y + 2L * yRow;
        long x3 = x + 3L * xRow;
        long y3 = y + 3L * yRow;
        FloatVector s00 = Lanes.load(y0);
        FloatVector s01 = Lanes.load(y0 + 1L * BYTES);
        FloatVector s02 = Lanes.load(y0 + 2L * BYTES);
        FloatVector s03 = Lanes.load(y0 + 3L * BYTES);
        FloatVector s10 = Lanes.load(y1);
        FloatVector s11 = Lanes.load(y1 + 1L * BYTES);
        FloatVector s12 = Lanes.load(y1 + 2L * BYTES);
        FloatVector s13 = Lanes.load(y1 + 3L * BYTES);
        FloatVector s20 = Lanes.load(y2);
        FloatVector s21 = Lanes.load(y2 + 1L * BYTES);
        FloatVector s22 = Lanes.load(y2 + 2L * BYTES);
        FloatVector s23 = Lanes.load(y2 + 3L * BYTES);
        FloatVector s30 = Lanes.load(y3);
        FloatVector s31 = Lanes.load(y3 + 1L * BYTES);
        FloatVector s32 = Lanes.load(y3 + 2L * BYTES);
        FloatVector s33 = Lanes.load(y3 + 3L * BYTES);
        for (int i = 0; i < count; i++, at += width) {
            FloatVector w0 = FloatVector.fromArray(FLOATS, panel, at);
            FloatVector w1 = FloatVector.fromArray(FLOATS, panel, at + 1 * COUNT);
            FloatVector w2 = FloatVector.fromArray(FLOATS, panel, at + 2 * COUNT);
            FloatVector w3 = FloatVector.fromArray(FLOATS, panel, at + 3 * COUNT);
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
        Lanes.store(s00, y0);
        Lanes.store(s01, y0 + 1L * BYTES);
        Lanes.store(s02, y0 + 2L * BYTES);
        Lanes.store(s03, y0 + 3L * BYTES);
        Lanes.store(s10, y1);
        Lanes.store(s11, y1 + 1L * BYTES);
        Lanes.store(s12, y1 + 2L * BYTES);
        Lanes.store(s13, y1 + 3L * BYTES);
        Lanes.store(s20, y2);
        Lanes.store(s21, y2 + 1L * BYTES);
        Lanes.store(s22, y2 + 2L * BYTES);
        Lanes.store(s23, y2 + 3L * BYTES);
        Lanes.store(s30, y3);
        Lanes.store(s31, y3 + 1L * BYTES);
        Lanes.store(s32, y3 + 2L * BYTES);
        Lanes.store(s33, y3 + 3L * BYTES);
    }

    private static void tile1x4(long x, int count, float[] panel, int at, int width, long y) {
        long x0 = x;
        long y0 = y;
        FloatVector s00 = Lanes.load(y0);
        FloatVector s01 = Lanes.load(y0 + 1L * BYTES);
        FloatVector s02 = Lanes.load(y0 + 2L * BYTES);
        FloatVector s03 = Lanes.load(y0 + 3L * BYTES);
        for (int i = 0; i < count; i++, at += width) {
            FloatVector w0 = FloatVector.fromArray(FLOATS, panel, at);
            FloatVector w1 = FloatVector.fromArray(FLOATS, panel, at + 1 * COUNT);
            FloatVector w2 = FloatVector.fromArray(FLOATS, panel, at + 2 * COUNT);
            FloatVector w3 = FloatVector.fromArray(FLOATS, panel, at + 3 * COUNT);
            FloatVector v0 = FloatVector.broadcast(FLOATS, Memory.get(x0, i));
            s00 = v0.fma(w0, s00);
            s01 = v0.fma(w1, s01);
            s02 = v0.fma(w2, s02);
            s03 = v0.fma(w3, s03);
        }
        Lanes.store(s00, y0);
        Lanes.store(s01, y0 + 1L * BYTES);
        Lanes.store(s02, y0 + 2L * BYTES);
        Lanes.store(s03, y0 + 3L * BYTES);
    }

    private static void oneVector(long x, int count, float[] panel, int at, int width, long y) {
        FloatVector sum = Lanes.load(y);
        for (int i = 0; i < count; i++, at += width) {
            FloatVector v = FloatVector.broadcast(FLOATS, Memory.get(x, i));
            sum = v.fma(FloatVector.fromArray(FLOATS, panel, at), sum);
        }
        Lanes.store(sum, y);
    }

    private static void oneColumn(long x, int count, float[] panel, int at, int width, long y) {
        float sum = Memory.get(y, 0);
        for (int i = 0; i < count; i++, at += width) {
            sum = Math.fma(Memory.get(x, i), panel[at], sum);
        }
        Memory.set(y, 0, sum);
    }
}
