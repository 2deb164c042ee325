package dev.anser.tensor;

import static dev.anser.tensor.Lanes.INTS;

import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/// The weights of quantised blocks as float lanes, before scale and minimum, and these.
///
/// The layouts are those of [Blocks32] and [BlocksK]. `i` is a multiple of [Lanes#COUNT], which
/// divides 16, so that all lanes of a vector have one scale. Every method is a few instructions for
/// the compiler to inline.
final class BlockLanes {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

    private static final IntVector LANE = IntVector.zero(INTS).addIndex(1);

    private BlockLanes() {}

    /// The `ggml_half` at `address` in all lanes.
    static FloatVector half(long address) {
        return FloatVector.broadcast(Lanes.FLOATS, Blocks32.half(Memory.ALL, address));
    }

    private static FloatVector floats(IntVector ints) {
        return (FloatVector) ints.convert(VectorOperators.I2F, 0);
    }

    static FloatVector q4_0(long block, int i) {
        return floats(nibbles(block + 2, i).sub(8));
    }

    static FloatVector q4_1(long block, int i) {
        return floats(nibbles(block + 4, i));
    }

    static FloatVector q5_0(long block, int i) {
        return floats(nibbles(block + 6, i).or(fifthBits(block + 2, i)).sub(16));
    }

    static FloatVector q5_1(long block, int i) {
        return floats(nibbles(block + 8, i).or(fifthBits(block + 4, i)));
    }

    static FloatVector q8_0(long block, int i) {
        return floats(Lanes.loadSignedBytes(block + 2 + i));
    }

    static FloatVector q2_K(long block, int i) {
        return floats(twoBits(block + 16, i));
    }

    static FloatVector q3_K(long block, int i) {
        IntVector third = Lanes.loadBytes(block + (i & 31)).lanewise(VectorOperators.LSHR, i >> 5);
        IntVector bits = third.and(1).lanewise(VectorOperators.LSHL, 2);
        return floats(twoBits(block + 32, i).or(bits).sub(4));
    }

    static FloatVector q4_K(long block, int i) {
        return floats(fourBits(block + 16, i));
    }

    static FloatVector q5_K(long block, int i) {
        IntVector fifth = Lanes.loadBytes(block + 16 + (i & 31));
        IntVector bits =
                fifth.lanewise(VectorOperators.LSHL, 4)
                        .lanewise(VectorOperators.LSHR, i >> 5)
                        .and(16);
        return floats(fourBits(block + 48, i).or(bits));
    }

    static FloatVector q6_K(long block, int i) {
        IntVector low = Lanes.loadBytes(block + 64L * (i >> 7) + (i & 63));
        IntVector high = Lanes.loadBytes(block + 128 + 32L * (i >> 7) + (i & 31));
        IntVector four = low.lanewise(VectorOperators.LSHR, (i >> 6 & 1) << 2).and(15);
        IntVector two =
                high.lanewise(VectorOperators.LSHL, 4)
                        .lanewise(VectorOperators.LSHR, (i >> 5 & 3) << 1)
                        .and(48);
        return floats(four.or(two).sub(32));
    }

    /// Four bits each of the blocks of 32.
    private static IntVector nibbles(long qs, int i) {
        return Lanes.loadBytes(qs + (i & 15)).lanewise(VectorOperators.LSHR, i >> 4 << 2).and(15);
    }

    /// Bits `i` and following of an integer in memory, each as 16 or 0.
    private static IntVector fifthBits(long qh, int i) {
        int bits = Memory.ALL.get(INT, qh) >>> i << 4;
        return IntVector.broadcast(INTS, bits).lanewise(VectorOperators.LSHR, LANE).and(16);
    }

    private static IntVector twoBits(long qs, int i) {
        IntVector bytes = Lanes.loadBytes(qs + 32L * (i >> 7) + (i & 31));
        return bytes.lanewise(VectorOperators.LSHR, (i >> 5 & 3) << 1).and(3);
    }

    private static IntVector fourBits(long qs, int i) {
        IntVector bytes = Lanes.loadBytes(qs + 32L * (i >> 6) + (i & 31));
        return bytes.lanewise(VectorOperators.LSHR, (i >> 5 & 1) << 2).and(15);
    }

    /// The scale of weights `32 · group` and following of a Q4_K or Q5_K block, in all lanes.
    static FloatVector scale(long block, int group) {
        float scale =
                Blocks32.half(Memory.ALL, block) * BlocksK.scale(Memory.ALL, block + 4, group);
        return FloatVector.broadcast(Lanes.FLOATS, scale);
    }

    /// What is to be added to them: their minimum, which ggml subtracts.
    static FloatVector offset(long block, int group) {
        float minimum =
                Blocks32.half(Memory.ALL, block + 2)
                        * BlocksK.minimum(Memory.ALL, block + 4, group);
        return FloatVector.broadcast(Lanes.FLOATS, -minimum);
    }

    /// The scale of weights `16 · group` and following of a Q6_K block, in all lanes.
    static FloatVector scale6(long block, int group) {
        float scale =
                Blocks32.half(Memory.ALL, block + 208)
                        * Memory.ALL.get(ValueLayout.JAVA_BYTE, block + 192 + group);
        return FloatVector.broadcast(Lanes.FLOATS, scale);
    }
}
