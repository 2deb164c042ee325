package dev.anser.tensor;

import static dev.anser.tensor.IntegerLanes.SUMS;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// What goes before a row of quantised weights can be multiplied with an [EightBitRow]: scales that
/// must be unpacked, and what the offsets of the weights add to the product, which is `Σ m · s`
/// with offset m of a group of weights and sum s of the row in it.
///
/// The layouts are those of [Blocks32] and [BlocksK]. Scales of blocks of 32 stay where they are:
/// to read them on the spot is faster than from an array just written.
final class IntegerScales {
    private static final int COUNT = SUMS.length();

    private static final VectorSpecies<Integer> INTS =
            VectorSpecies.of(int.class, SUMS.vectorShape());

    /// Where the byte of each lane is in an integer of four.
    private static final IntVector SHIFTS = IntVector.zero(INTS).addIndex(8).and(31);

    private static final VectorMask<Integer> UPPER = VectorMask.fromLong(INTS, 0xf0);

    private static final ValueLayout.OfInt INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(LITTLE_ENDIAN);

    private IntegerScales() {}

    /// For the weights of `groups` groups from `row` on: of K types, scale of the weights times
    /// scale of `x` to `panel[at...]`. The first vector of `panel` is scratch.
    ///
    /// @return what all offsets add
    static float prepare(DType type, long row, EightBitRow x, int groups, float[] panel, int at) {
        return switch (type) {
            case Q4_1 -> offsets(row + 2, 20, x.sums, groups);
            case Q5_1 -> offsets(row + 2, 24, x.sums, groups);
            case Q4_K -> sixBits(row, 144, x, groups, panel, at);
            case Q5_K -> sixBits(row, 176, x, groups, panel, at);
            case Q6_K -> eightBits(row, x, groups, panel, at);
            default -> 0;
        };
    }

    private static float offsets(long first, long bytes, float[] sums, int groups) {
        float sum = 0;
        for (int g = 0; g < groups; g++) {
            sum = Math.fma(Blocks32.half(Memory.ALL, first + bytes * g), sums[g], sum);
        }
        return sum;
    }

    /// Of Q4_K or Q5_K: eight scales and eight minima in 12 bytes, as [BlocksK#scale] and
    /// [BlocksK#minimum] have them one by one.
    private static float sixBits(
            long row, long bytes, EightBitRow x, int groups, float[] panel, int at) {
        FloatVector sum = FloatVector.zero(SUMS);
        for (int g = 0; g < groups; g += 8) {
            long block = row + bytes * (g >> 3);
            int first = Memory.ALL.get(INT, block + 4);
            int second = Memory.ALL.get(INT, block + 8);
            int third = Memory.ALL.get(INT, block + 12);
            int upperScales = third & 0x0f0f0f0f | (first >>> 6 & 0x03030303) << 4;
            int upperMinima = third >>> 4 & 0x0f0f0f0f | (second >>> 6 & 0x03030303) << 4;
            float scale = Blocks32.half(Memory.ALL, block) * x.scales[g];
            float minimum = -Blocks32.half(Memory.ALL, block + 2);
            for (int i = 0; i < 8; i += COUNT) {
                sixBits(first, upperScales, i).mul(scale).intoArray(panel, at + g + i);
                FloatVector offset = sixBits(second, upperMinima, i).mul(minimum);
                sum = offset.fma(FloatVector.fromArray(SUMS, x.sums, g + i), sum);
            }
        }
        sum.intoArray(panel, 0);
        return IntegerLanes.sum(panel);
    }

    /// The lower six bits of four bytes in `low` and of four in `high`, from the `from`th on.
    private static FloatVector sixBits(int low, int high, int from) {
        IntVector bytes =
                COUNT == 4
                        ? IntVector.broadcast(INTS, from == 0 ? low : high)
                        : IntVector.broadcast(INTS, low).blend(high, UPPER);
        return (FloatVector)
                bytes.lanewise(VectorOperators.LSHR, SHIFTS)
                        .and(63)
                        .convert(VectorOperators.I2F, 0);
    }

    /// Of Q6_K, whose weights are stored 32 too large.
    private static float eightBits(long row, EightBitRow x, int groups, float[] panel, int at) {
        FloatVector sum = FloatVector.zero(SUMS);
        for (int g = 0; g < groups; g += 8) {
            long block = row + 210L * (g >> 4);
            float d = Blocks32.half(Memory.ALL, block + 208);
            ByteVector scales =
                    ByteVector.fromMemorySegment(
                            ByteVector.SPECIES_64,
                            Memory.ALL,
                            block + 192 + (g & 8),
                            LITTLE_ENDIAN);
            for (int i = 0; i < 8; i += COUNT) {
                FloatVector scale =
                        ((FloatVector) scales.convertShape(VectorOperators.B2F, SUMS, i / COUNT))
                                .mul(d);
                sum = scale.fma(FloatVector.fromArray(SUMS, x.sums, g + i), sum);
                scale.mul(x.scales[g]).intoArray(panel, at + g + i);
            }
        }
        sum.intoArray(panel, 0);
        return -32 * IntegerLanes.sum(panel);
    }
}
