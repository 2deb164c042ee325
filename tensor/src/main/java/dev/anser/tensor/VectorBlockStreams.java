package dev.anser.tensor;

import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;

import java.lang.invoke.MethodHandle;
import java.util.EnumMap;
import java.util.Map;
import jdk.incubator.vector.FloatVector;

/// One row times a quantised weight matrix with the Vector API: decoding, which reads every block
/// once and widens it in registers.
///
/// Where that takes few instructions (Q4_0, Q4_1, Q8_0), two outputs are summed at once, half of
/// the range apart, for the reason that [VectorStreams] gives; four are no faster. The other types
/// wait for the arithmetic, not for memory, and have one output at a time. Every output has the
/// additions of [VectorLinear], in the same order.
///
/// A method for each type, all of one form: the compiler must know which bits to take. They must be
/// short, for in a longer one the compiler stops inlining before the end and puts vectors on the
/// heap, and each has its [OwnCode]. So [BlockScales] unpacks the scales of the weight rows before,
/// and the lanes are summed after, by way of an array.
final class VectorBlockStreams {
    /// Where the scales begin in the array; before them are two vectors of sums.
    private static final int SCALES = 2 * COUNT;

    private static final Map<DType, MethodHandle> PAIRS = pairs();
    private static final Map<DType, MethodHandle> SINGLES = singles();

    private VectorBlockStreams() {}

    /// Multiplies the row `x` of `groups` groups with two rows of weights, to the first two vectors
    /// of `panel`.
    interface Pair {
        void multiply(long x, int groups, long w0, long w1, float[] panel);
    }

    /// Multiplies the row `x` of `groups` groups with a row of weights, to the first vector of
    /// `panel`.
    interface Single {
        void multiply(long x, int groups, long w, float[] panel);
    }

    private static Map<DType, MethodHandle> pairs() {
        Map<DType, MethodHandle> pairs = new EnumMap<>(DType.class);
        pairs.put(DType.Q4_0, OwnCode.of(Pair.class, VectorBlockStreams::q4_0));
        pairs.put(DType.Q4_1, OwnCode.of(Pair.class, VectorBlockStreams::q4_1));
        pairs.put(DType.Q8_0, OwnCode.of(Pair.class, VectorBlockStreams::q8_0));
        return pairs;
    }

    private static Map<DType, MethodHandle> singles() {
        Map<DType, MethodHandle> singles = new EnumMap<>(DType.class);
        singles.put(DType.Q5_0, OwnCode.of(Single.class, VectorBlockStreams::q5_0));
        singles.put(DType.Q5_1, OwnCode.of(Single.class, VectorBlockStreams::q5_1));
        singles.put(DType.Q4_K, OwnCode.of(Single.class, VectorBlockStreams::q4_K));
        singles.put(DType.Q5_K, OwnCode.of(Single.class, VectorBlockStreams::q5_K));
        singles.put(DType.Q6_K, OwnCode.of(Single.class, VectorBlockStreams::q6_K));
        return singles;
    }

    /// Outputs of `from..to`, all but at most one at the end; none for IQ4_NL, Q2_K and Q3_K.
    /// `panel` has room for 4 × `in` floats.
    ///
    /// @return the first output not computed
    static int linear(DType type, long x, int in, long w, int from, int to, long y, float[] panel) {
        MethodHandle pair = PAIRS.get(type);
        if (pair != null) {
            return pairs(pair, type, x, in, w, from, to, y, panel);
        }
        MethodHandle single = SINGLES.get(type);
        return single == null ? from : singles(single, type, x, in, w, from, to, y, panel);
    }

    private static int pairs(
            MethodHandle kernel,
            DType type,
            long x,
            int in,
            long w,
            int from,
            int to,
            long y,
            float[] panel) {
        int half = (to - from) / 2;
        int groups = in / BlockScales.groupSize(type);
        long row = type.bytes(in);
        for (int o = from; o < from + half; o++) {
            long w0 = w + o * row;
            long w1 = w0 + half * row;
            BlockScales.unpack(type, w0, groups, panel, SCALES, SCALES + 2 * groups);
            BlockScales.unpack(type, w1, groups, panel, SCALES + groups, SCALES + 3 * groups);
            try {
                kernel.invokeExact(x, groups, w0, w1, panel);
            } catch (Throwable e) {
                throw OwnCode.unchecked(e);
            }
            Memory.set(y, o, sum(panel, 0));
            Memory.set(y, o + half, sum(panel, COUNT));
        }
        return from + 2 * half;
    }

    private static int singles(
            MethodHandle kernel,
            DType type,
            long x,
            int in,
            long w,
            int from,
            int to,
            long y,
            float[] panel) {
        int groups = in / BlockScales.groupSize(type);
        long row = type.bytes(in);
        for (int o = from; o < to; o++) {
            long w0 = w + o * row;
            BlockScales.unpack(type, w0, groups, panel, SCALES, SCALES + groups);
            try {
                kernel.invokeExact(x, groups, w0, panel);
            } catch (Throwable e) {
                throw OwnCode.unchecked(e);
            }
            Memory.set(y, o, sum(panel, 0));
        }
        return to;
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

    private static void q5_0(long x, int groups, long w, float[] panel) {
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int g = 0; g < groups; g++, x += 4 * 32, w += 22) {
            FloatVector d = all(panel[SCALES + g]);
            for (int i = 0; i < 32; i += COUNT) {
                FloatVector v = Lanes.load(x + 4L * i);
                sum = BlockLanes.q5_0(w, i).mul(d).fma(v, sum);
            }
        }
        sum.intoArray(panel, 0);
    }

    private static void q5_1(long x, int groups, long w, float[] panel) {
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int g = 0; g < groups; g++, x += 4 * 32, w += 24) {
            FloatVector d = all(panel[SCALES + g]);
            FloatVector m = all(panel[SCALES + groups + g]);
            for (int i = 0; i < 32; i += COUNT) {
                FloatVector v = Lanes.load(x + 4L * i);
                sum = BlockLanes.q5_1(w, i).fma(d, m).fma(v, sum);
            }
        }
        sum.intoArray(panel, 0);
    }

    private static void q4_K(long x, int groups, long w, float[] panel) {
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int g = 0; g < groups; g++, x += 4 * 32) {
            FloatVector d = all(panel[SCALES + g]);
            FloatVector m = all(panel[SCALES + groups + g]);
            long block = w + 144L * (g / 8);
            int first = 32 * (g % 8);
            for (int i = 0; i < 32; i += COUNT) {
                FloatVector v = Lanes.load(x + 4L * i);
                sum = BlockLanes.q4_K(block, first + i).fma(d, m).fma(v, sum);
            }
        }
        sum.intoArray(panel, 0);
    }

    private static void q5_K(long x, int groups, long w, float[] panel) {
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int g = 0; g < groups; g++, x += 4 * 32) {
            FloatVector d = all(panel[SCALES + g]);
            FloatVector m = all(panel[SCALES + groups + g]);
            long block = w + 176L * (g / 8);
            int first = 32 * (g % 8);
            for (int i = 0; i < 32; i += COUNT) {
                FloatVector v = Lanes.load(x + 4L * i);
                sum = BlockLanes.q5_K(block, first + i).fma(d, m).fma(v, sum);
            }
        }
        sum.intoArray(panel, 0);
    }

    private static void q6_K(long x, int groups, long w, float[] panel) {
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int g = 0; g < groups; g++, x += 4 * 16) {
            FloatVector d = all(panel[SCALES + g]);
            long block = w + 210L * (g / 16);
            int first = 16 * (g % 16);
            for (int i = 0; i < 16; i += COUNT) {
                FloatVector v = Lanes.load(x + 4L * i);
                sum = BlockLanes.q6_K(block, first + i).mul(d).fma(v, sum);
            }
        }
        sum.intoArray(panel, 0);
    }
}
