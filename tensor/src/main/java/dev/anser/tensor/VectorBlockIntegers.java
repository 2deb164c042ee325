package dev.anser.tensor;

import static dev.anser.tensor.IntegerLanes.COUNT;
import static dev.anser.tensor.IntegerLanes.SUMS;
import static dev.anser.tensor.IntegerLanes.high;
import static dev.anser.tensor.IntegerLanes.low;
import static dev.anser.tensor.IntegerLanes.pairs;
import static dev.anser.tensor.IntegerLanes.signed;
import static dev.anser.tensor.IntegerLanes.unsigned;
import static dev.anser.tensor.IntegerLanes.values;
import static dev.anser.tensor.IntegerLanes.widePairs;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.NE;

import java.lang.invoke.MethodHandle;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.ShortVector;

/// One row of [EightBits] times a quantised weight matrix with the Vector API: decoding.
///
/// With integers q and scales d of a group of weights, and integers x and scales e of the row, an
/// output is the sum over all groups of `d · e · Σ q · x`. Two products are added in 16 bits, where
/// they fit, and as far as four do, four. What is added to all weights of a group is another
/// matter: see [IntegerScales].
///
/// There is a method for each type, all of one form: the compiler must know which bits to take.
/// Each has its [OwnCode]: inlined into the loop over the outputs, Q5_K and Q6_K became seven times
/// slower, the others a tenth to a fifth.
final class VectorBlockIntegers {
    /// Where [IntegerScales] begin in the array; before them is the vector of sums.
    private static final int SCALES = SUMS.length();

    /// The methods whose sums make up an output.
    private static final Map<DType, List<MethodHandle>> KERNELS = kernels();

    private VectorBlockIntegers() {}

    /// Adds the product of a row of `groups` groups with the weights at `w` to the first vector of
    /// `panel`.
    interface Kernel {
        void multiply(EightBitRow row, int groups, long w, float[] panel);
    }

    private static Map<DType, List<MethodHandle>> kernels() {
        Map<DType, List<MethodHandle>> kernels = new EnumMap<>(DType.class);
        kernels.put(DType.Q4_0, handles(VectorBlockIntegers::q4_0));
        kernels.put(DType.Q4_1, handles(VectorBlockIntegers::q4_1));
        kernels.put(DType.Q5_0, handles(VectorBlockIntegers::q5_0));
        kernels.put(DType.Q5_1, handles(VectorBlockIntegers::q5_1));
        kernels.put(DType.Q8_0, handles(VectorBlockIntegers::q8_0));
        kernels.put(DType.Q4_K, handles(VectorBlockIntegers::q4_K));
        kernels.put(
                DType.Q5_K, handles(VectorBlockIntegers::q5_KEven, VectorBlockIntegers::q5_KOdd));
        kernels.put(
                DType.Q6_K,
                handles(VectorBlockIntegers::q6_KLower, VectorBlockIntegers::q6_KUpper));
        return kernels;
    }

    private static List<MethodHandle> handles(Kernel... kernels) {
        return Arrays.stream(kernels).map(kernel -> OwnCode.of(Kernel.class, kernel)).toList();
    }

    /// Whether weights of `type` can be multiplied with integers here.
    static boolean multiplies(DType type) {
        return KERNELS.containsKey(type);
    }

    /// Outputs `from..to` at `y` of the row `x` of `in` elements times the rows of `w`. `panel` has
    /// room for 4 × `in` floats.
    static void linear(
            DType type, EightBitRow x, int in, long w, int from, int to, long y, float[] panel) {
        List<MethodHandle> kernels = KERNELS.getOrDefault(type, List.of());
        int groups = in / BlockScales.groupSize(type);
        long bytes = type.bytes(in);
        for (int o = from; o < to; o++) {
            long row = w + o * bytes;
            float offset = IntegerScales.prepare(type, row, x, groups, panel, SCALES);
            FloatVector.zero(SUMS).intoArray(panel, 0);
            multiply(kernels, x, groups, row, panel);
            Memory.set(y, o, IntegerLanes.sum(panel) + offset);
        }
    }

    private static void multiply(
            List<MethodHandle> kernels, EightBitRow x, int groups, long row, float[] panel) {
        try {
            for (int i = 0; i < kernels.size(); i++) {
                kernels.get(i).invokeExact(x, groups, row, panel);
            }
        } catch (Throwable e) {
            throw OwnCode.unchecked(e);
        }
    }

    /// The product of two scales of blocks of 32.
    private static FloatVector half(long block, float scale) {
        return FloatVector.broadcast(SUMS, Blocks32.half(Memory.ALL, block) * scale);
    }

    private static FloatVector scale(float[] panel, int group) {
        return FloatVector.broadcast(SUMS, panel[SCALES + group]);
    }

    private static FloatVector sums(float[] panel) {
        return FloatVector.fromArray(SUMS, panel, 0);
    }

    private static void q4_0(EightBitRow row, int groups, long w, float[] panel) {
        short[] x = row.values;
        float[] scales = row.scales;
        FloatVector sum = sums(panel);
        for (int g = 0; g < groups; g++) {
            FloatVector d = half(w + 18L * g, scales[g]);
            for (int i = 0; i < 16; i += COUNT) {
                int at = 32 * g + i;
                ShortVector q = unsigned(w + 18L * g + 2 + i);
                ShortVector a = low(q).sub(IntegerLanes.EIGHT).mul(values(x, at));
                ShortVector b = high(q).sub(IntegerLanes.EIGHT).mul(values(x, at + 16));
                sum = pairs(a.add(b)).fma(d, sum);
            }
        }
        sum.intoArray(panel, 0);
    }

    private static void q4_1(EightBitRow row, int groups, long w, float[] panel) {
        short[] x = row.values;
        float[] scales = row.scales;
        FloatVector sum = sums(panel);
        for (int g = 0; g < groups; g++) {
            FloatVector d = half(w + 20L * g, scales[g]);
            for (int i = 0; i < 16; i += COUNT) {
                int at = 32 * g + i;
                ShortVector q = unsigned(w + 20L * g + 4 + i);
                ShortVector a = low(q).mul(values(x, at));
                ShortVector b = high(q).mul(values(x, at + 16));
                sum = pairs(a.add(b)).fma(d, sum);
            }
        }
        sum.intoArray(panel, 0);
    }

    /// Of the weights without a fifth bit 16 is subtracted: of the others their 16 is gone.
    private static void q5_0(EightBitRow row, int groups, long w, float[] panel) {
        short[] x = row.values;
        float[] scales = row.scales;
        FloatVector sum = sums(panel);
        for (int g = 0; g < groups; g++) {
            long block = w + 22L * g;
            FloatVector d = half(block, scales[g]);
            for (int i = 0; i < 16; i += COUNT) {
                int at = 32 * g + i;
                ShortVector q = unsigned(block + 6 + i);
                ShortVector a = low(q).sub(IntegerLanes.sixteens(block + 2, i, EQ));
                ShortVector b = high(q).sub(IntegerLanes.sixteens(block + 2, 16 + i, EQ));
                ShortVector products = a.mul(values(x, at)).add(b.mul(values(x, at + 16)));
                sum = pairs(products).fma(d, sum);
            }
        }
        sum.intoArray(panel, 0);
    }

    private static void q5_1(EightBitRow row, int groups, long w, float[] panel) {
        short[] x = row.values;
        float[] scales = row.scales;
        FloatVector sum = sums(panel);
        for (int g = 0; g < groups; g++) {
            long block = w + 24L * g;
            FloatVector d = half(block, scales[g]);
            for (int i = 0; i < 16; i += COUNT) {
                int at = 32 * g + i;
                ShortVector q = unsigned(block + 8 + i);
                ShortVector a = low(q).or(IntegerLanes.sixteens(block + 4, i, NE));
                ShortVector b = high(q).or(IntegerLanes.sixteens(block + 4, 16 + i, NE));
                ShortVector products = a.mul(values(x, at)).add(b.mul(values(x, at + 16)));
                sum = pairs(products).fma(d, sum);
            }
        }
        sum.intoArray(panel, 0);
    }

    private static void q8_0(EightBitRow row, int groups, long w, float[] panel) {
        short[] x = row.values;
        float[] scales = row.scales;
        FloatVector sum = sums(panel);
        for (int g = 0; g < groups; g++) {
            FloatVector d = half(w + 34L * g, scales[g]);
            for (int i = 0; i < 16; i += COUNT) {
                int at = 32 * g + i;
                long q = w + 34L * g + 2 + i;
                ShortVector a = signed(q).mul(values(x, at));
                ShortVector b = signed(q + 16).mul(values(x, at + 16));
                sum = widePairs(a.add(b)).fma(d, sum);
            }
        }
        sum.intoArray(panel, 0);
    }

    /// Two groups at a time: they share their bytes.
    private static void q4_K(EightBitRow row, int groups, long w, float[] panel) {
        short[] x = row.values;
        FloatVector sum = sums(panel);
        for (int g = 0; g < groups; g += 2) {
            long q = w + 144L * (g >> 3) + 16 + 16L * (g & 7);
            for (int i = 0; i < 16; i += COUNT) {
                int at = 32 * g + i;
                ShortVector a = unsigned(q + i);
                ShortVector b = unsigned(q + 16 + i);
                ShortVector even = low(a).mul(values(x, at)).add(low(b).mul(values(x, at + 16)));
                sum = pairs(even).fma(scale(panel, g), sum);
                ShortVector odd =
                        high(a).mul(values(x, at + 32)).add(high(b).mul(values(x, at + 48)));
                sum = pairs(odd).fma(scale(panel, g + 1), sum);
            }
        }
        sum.intoArray(panel, 0);
    }

    /// Groups of the lower halves of bytes; with the others the method would be too long.
    private static void q5_KEven(EightBitRow row, int groups, long w, float[] panel) {
        short[] x = row.values;
        FloatVector sum = sums(panel);
        for (int g = 0; g < groups; g += 2) {
            long block = w + 176L * (g >> 3);
            long q = block + 48 + 16L * (g & 7);
            for (int i = 0; i < 16; i += COUNT) {
                int at = 32 * g + i;
                ShortVector a = low(unsigned(q + i)).or(fifth(block + 16 + i, g));
                ShortVector b = low(unsigned(q + 16 + i)).or(fifth(block + 32 + i, g));
                ShortVector products = a.mul(values(x, at)).add(b.mul(values(x, at + 16)));
                sum = pairs(products).fma(scale(panel, g), sum);
            }
        }
        sum.intoArray(panel, 0);
    }

    private static void q5_KOdd(EightBitRow row, int groups, long w, float[] panel) {
        short[] x = row.values;
        FloatVector sum = sums(panel);
        for (int g = 1; g < groups; g += 2) {
            long block = w + 176L * (g >> 3);
            long q = block + 48 + 16L * (g & 6);
            for (int i = 0; i < 16; i += COUNT) {
                int at = 32 * g + i;
                ShortVector a = high(unsigned(q + i)).or(fifth(block + 16 + i, g));
                ShortVector b = high(unsigned(q + 16 + i)).or(fifth(block + 32 + i, g));
                ShortVector products = a.mul(values(x, at)).add(b.mul(values(x, at + 16)));
                sum = pairs(products).fma(scale(panel, g), sum);
            }
        }
        sum.intoArray(panel, 0);
    }

    /// Bit `g` modulo 8 of each byte, as 16 or 0.
    private static ShortVector fifth(long bytes, int g) {
        ShortVector bits = unsigned(bytes).lanewise(LSHL, 4).lanewise(LSHR, g & 7);
        return bits.and(IntegerLanes.SIXTEEN);
    }

    /// The first half of each 128 weights; with the other the method would be too long.
    private static void q6_KLower(EightBitRow row, int groups, long w, float[] panel) {
        short[] x = row.values;
        FloatVector sum = sums(panel);
        for (int g = 0; g < groups; g += 8) {
            long q = w + 210L * (g >> 4) + 8L * (g & 8);
            long h = w + 210L * (g >> 4) + 128 + 4L * (g & 8);
            for (int i = 0; i < 32; i += COUNT) {
                int at = 16 * g + i;
                int group = g + (i >> 4);
                ShortVector bits = unsigned(h + i);
                ShortVector a = low(unsigned(q + i)).or(fifthAndSixth(bits.lanewise(LSHL, 4)));
                sum = pairs(a.mul(values(x, at))).fma(scale(panel, group), sum);
                ShortVector b = low(unsigned(q + 32 + i)).or(fifthAndSixth(bits.lanewise(LSHL, 2)));
                sum = pairs(b.mul(values(x, at + 32))).fma(scale(panel, group + 2), sum);
            }
        }
        sum.intoArray(panel, 0);
    }

    private static void q6_KUpper(EightBitRow row, int groups, long w, float[] panel) {
        short[] x = row.values;
        FloatVector sum = sums(panel);
        for (int g = 0; g < groups; g += 8) {
            long q = w + 210L * (g >> 4) + 8L * (g & 8);
            long h = w + 210L * (g >> 4) + 128 + 4L * (g & 8);
            for (int i = 0; i < 32; i += COUNT) {
                int at = 16 * g + i;
                int group = g + (i >> 4);
                ShortVector bits = unsigned(h + i);
                ShortVector a = high(unsigned(q + i)).or(fifthAndSixth(bits));
                sum = pairs(a.mul(values(x, at + 64))).fma(scale(panel, group + 4), sum);
                ShortVector b =
                        high(unsigned(q + 32 + i)).or(fifthAndSixth(bits.lanewise(LSHR, 2)));
                sum = pairs(b.mul(values(x, at + 96))).fma(scale(panel, group + 6), sum);
            }
        }
        sum.intoArray(panel, 0);
    }

    private static ShortVector fifthAndSixth(ShortVector bits) {
        return bits.and(IntegerLanes.FORTY_EIGHT);
    }
}
