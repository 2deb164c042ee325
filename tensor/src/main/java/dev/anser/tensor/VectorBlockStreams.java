package dev.anser.tensor;

import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;

/// One row times a quantised weight matrix with the Vector API: decoding, which reads every block
/// once and widens it in registers.
///
/// Two outputs are summed at once, half of the range apart, for the reason that [VectorStreams]
/// gives; unpacking leaves too much to do for four to be faster. Every output has the additions of
/// [VectorLinear], in the same order.
///
/// A method for each type, all of one form: the compiler must know which bits to take. They must be
/// short, for in a longer one it stops inlining before the end and puts vectors on the heap. So
/// [BlockScales] unpacks the scales of both weight rows before, and the lanes are summed after, by
/// way of an array.
final class VectorBlockStreams {
    /// Where the scales begin in the array; before them are two vectors of sums.
    private static final int SCALES = 2 * COUNT;

    private VectorBlockStreams() {}

    /// Outputs of `from..to`, all but at most one at the end; none for IQ4_NL, Q2_K and Q3_K.
    /// `panel` has room for 4 × `in` floats.
    ///
    /// @return the first output not computed
    static int linear(DType type, long x, int in, long w, int from, int to, long y, float[] panel) {
        int half = (to - from) / 2;
        if (half == 0 || !BlockScales.knows(type)) {
            return from;
        }
        int groups = in / BlockScales.groupSize(type);
        long row = type.bytes(in);
        for (int o = from; o < from + half; o++) {
            long w0 = w + o * row;
            long w1 = w0 + half * row;
            BlockScales.unpack(type, w0, groups, panel, SCALES, SCALES + 2 * groups);
            BlockScales.unpack(type, w1, groups, panel, SCALES + groups, SCALES + 3 * groups);
            switch (type) {
                case Q4_0 -> q4_0(x, groups, w0, w1, panel);
                case Q4_1 -> q4_1(x, groups, w0, w1, panel);
                case Q5_0 -> q5_0(x, groups, w0, w1, panel);
                case Q5_1 -> q5_1(x, groups, w0, w1, panel);
                case Q8_0 -> q8_0(x, groups, w0, w1, panel);
                case Q4_K -> q4_K(x, groups, w0, w1, panel);
                case Q5_K -> q5_K(x, groups, w0, w1, panel);
                default -> q6_K(x, groups, w0, w1, panel);
            }
            Memory.set(y, o, sum(panel, 0));
            Memory.set(y, o + half, sum(panel, COUNT));
        }
        return from + 2 * half;
    }

    private static float sum(float[] panel, int at) {
        return VectorMath.sum(FloatVector.fromArray(FLOATS, panel, at));
    }

    private static FloatVector all(float value) {
        return FloatVector.broadcast(FLOATS, value);
    }

    private static void q4_0(long x, int groups, long w0, long w1, float[] panel) {
        FloatVector s0 = FloatVector.zero(FLOATS);
        FloatVector s1 = s0;
        for (int g = 0; g < groups; g++, x += 4 * 32, w0 += 18, w1 += 18) {
            FloatVector d0 = all(panel[SCALES + g]);
            FloatVector d1 = all(panel[SCALES + groups + g]);
            for (int i = 0; i < 32; i += COUNT) {
                FloatVector v = Lanes.load(x + 4L * i);
                s0 = BlockLanes.q4_0(w0, i).mul(d0).fma(v, s0);
                s1 = BlockLanes.q4_0(w1, i).mul(d1).fma(v, s1);
            }
        }
        s0.intoArray(panel, 0);
        s1.intoArray(panel, COUNT);
    }

    private static void q4_1(long x, int groups, long w0, long w1, float[] panel) {
        FloatVector s0 = FloatVector.zero(FLOATS);
        FloatVector s1 = s0;
        for (int g = 0; g < groups; g++, x += 4 * 32, w0 += 20, w1 += 20) {
            FloatVector d0 = all(panel[SCALES + g]);
            FloatVector d1 = all(panel[SCALES + groups + g]);
            FloatVector m0 = all(panel[SCALES + 2 * groups + g]);
            FloatVector m1 = all(panel[SCALES + 3 * groups + g]);
            for (int i = 0; i < 32; i += COUNT) {
                FloatVector v = Lanes.load(x + 4L * i);
                s0 = BlockLanes.q4_1(w0, i).fma(d0, m0).fma(v, s0);
                s1 = BlockLanes.q4_1(w1, i).fma(d1, m1).fma(v, s1);
            }
        }
        s0.intoArray(panel, 0);
        s1.intoArray(panel, COUNT);
    }

    private static void q5_0(long x, int groups, long w0, long w1, float[] panel) {
        FloatVector s0 = FloatVector.zero(FLOATS);
        FloatVector s1 = s0;
        for (int g = 0; g < groups; g++, x += 4 * 32, w0 += 22, w1 += 22) {
            FloatVector d0 = all(panel[SCALES + g]);
            FloatVector d1 = all(panel[SCALES + groups + g]);
            for (int i = 0; i < 32; i += COUNT) {
                FloatVector v = Lanes.load(x + 4L * i);
                s0 = BlockLanes.q5_0(w0, i).mul(d0).fma(v, s0);
                s1 = BlockLanes.q5_0(w1, i).mul(d1).fma(v, s1);
            }
        }
        s0.intoArray(panel, 0);
        s1.intoArray(panel, COUNT);
    }

    private static void q5_1(long x, int groups, long w0, long w1, float[] panel) {
        FloatVector s0 = FloatVector.zero(FLOATS);
        FloatVector s1 = s0;
        for (int g = 0; g < groups; g++, x += 4 * 32, w0 += 24, w1 += 24) {
            FloatVector d0 = all(panel[SCALES + g]);
            FloatVector d1 = all(panel[SCALES + groups + g]);
            FloatVector m0 = all(panel[SCALES + 2 * groups + g]);
            FloatVector m1 = all(panel[SCALES + 3 * groups + g]);
            for (int i = 0; i < 32; i += COUNT) {
                FloatVector v = Lanes.load(x + 4L * i);
                s0 = BlockLanes.q5_1(w0, i).fma(d0, m0).fma(v, s0);
                s1 = BlockLanes.q5_1(w1, i).fma(d1, m1).fma(v, s1);
            }
        }
        s0.intoArray(panel, 0);
        s1.intoArray(panel, COUNT);
    }

    private static void q8_0(long x, int groups, long w0, long w1, float[] panel) {
        FloatVector s0 = FloatVector.zero(FLOATS);
        FloatVector s1 = s0;
        for (int g = 0; g < groups; g++, x += 4 * 32, w0 += 34, w1 += 34) {
            FloatVector d0 = all(panel[SCALES + g]);
            FloatVector d1 = all(panel[SCALES + groups + g]);
            for (int i = 0; i < 32; i += COUNT) {
                FloatVector v = Lanes.load(x + 4L * i);
                s0 = BlockLanes.q8_0(w0, i).mul(d0).fma(v, s0);
                s1 = BlockLanes.q8_0(w1, i).mul(d1).fma(v, s1);
            }
        }
        s0.intoArray(panel, 0);
        s1.intoArray(panel, COUNT);
    }

    private static void q4_K(long x, int groups, long w0, long w1, float[] panel) {
        FloatVector s0 = FloatVector.zero(FLOATS);
        FloatVector s1 = s0;
        for (int g = 0; g < groups; g++, x += 4 * 32) {
            FloatVector d0 = all(panel[SCALES + g]);
            FloatVector d1 = all(panel[SCALES + groups + g]);
            FloatVector m0 = all(panel[SCALES + 2 * groups + g]);
            FloatVector m1 = all(panel[SCALES + 3 * groups + g]);
            long b0 = w0 + 144L * (g / 8);
            long b1 = w1 + 144L * (g / 8);
            int first = 32 * (g % 8);
            for (int i = 0; i < 32; i += COUNT) {
                FloatVector v = Lanes.load(x + 4L * i);
                s0 = BlockLanes.q4_K(b0, first + i).fma(d0, m0).fma(v, s0);
                s1 = BlockLanes.q4_K(b1, first + i).fma(d1, m1).fma(v, s1);
            }
        }
        s0.intoArray(panel, 0);
        s1.intoArray(panel, COUNT);
    }

    private static void q5_K(long x, int groups, long w0, long w1, float[] panel) {
        FloatVector s0 = FloatVector.zero(FLOATS);
        FloatVector s1 = s0;
        for (int g = 0; g < groups; g++, x += 4 * 32) {
            FloatVector d0 = all(panel[SCALES + g]);
            FloatVector d1 = all(panel[SCALES + groups + g]);
            FloatVector m0 = all(panel[SCALES + 2 * groups + g]);
            FloatVector m1 = all(panel[SCALES + 3 * groups + g]);
            long b0 = w0 + 176L * (g / 8);
            long b1 = w1 + 176L * (g / 8);
            int first = 32 * (g % 8);
            for (int i = 0; i < 32; i += COUNT) {
                FloatVector v = Lanes.load(x + 4L * i);
                s0 = BlockLanes.q5_K(b0, first + i).fma(d0, m0).fma(v, s0);
                s1 = BlockLanes.q5_K(b1, first + i).fma(d1, m1).fma(v, s1);
            }
        }
        s0.intoArray(panel, 0);
        s1.intoArray(panel, COUNT);
    }

    private static void q6_K(long x, int groups, long w0, long w1, float[] panel) {
        FloatVector s0 = FloatVector.zero(FLOATS);
        FloatVector s1 = s0;
        for (int g = 0; g < groups; g++, x += 4 * 16) {
            FloatVector d0 = all(panel[SCALES + g]);
            FloatVector d1 = all(panel[SCALES + groups + g]);
            long b0 = w0 + 210L * (g / 16);
            long b1 = w1 + 210L * (g / 16);
            int first = 16 * (g % 16);
            for (int i = 0; i < 16; i += COUNT) {
                FloatVector v = Lanes.load(x + 4L * i);
                s0 = BlockLanes.q6_K(b0, first + i).mul(d0).fma(v, s0);
                s1 = BlockLanes.q6_K(b1, first + i).mul(d1).fma(v, s1);
            }
        }
        s0.intoArray(panel, 0);
        s1.intoArray(panel, COUNT);
    }
}
