package dev.anser.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// The bytes of quantised blocks as integer lanes of 16 bits, and sums of their products.
///
/// Vectors have 256 bits, or 128 where [Lanes] has no more: 256 are 16 lanes, and blocks of 32 with
/// 4 bits each have 16 bytes. Constants are vectors, not numbers: the compiler has less to inline.
final class IntegerLanes {
    private static final int BITS = Math.min(256, Lanes.FLOATS.vectorBitSize());

    static final VectorSpecies<Short> SHORTS =
            VectorSpecies.of(short.class, VectorShape.forBitSize(BITS));

    /// The lanes of sums, each of two neighbours.
    static final VectorSpecies<Float> SUMS =
            VectorSpecies.of(float.class, VectorShape.forBitSize(BITS));

    private static final VectorSpecies<Byte> BYTES =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(BITS / 2));

    static final int COUNT = SHORTS.length();

    static final ShortVector EIGHT = all(8);
    static final ShortVector SIXTEEN = all(16);
    static final ShortVector FORTY_EIGHT = all(48);
    private static final ShortVector FIFTEEN = all(15);
    private static final ShortVector ZERO = all(0);

    /// Bit i in lane i.
    private static final ShortVector LANE_BITS = laneBits();

    private static final ValueLayout.OfInt INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(LITTLE_ENDIAN);

    private IntegerLanes() {}

    private static ShortVector all(int value) {
        return ShortVector.broadcast(SHORTS, (short) value);
    }

    private static ShortVector laneBits() {
        short[] bits = new short[COUNT];
        for (int i = 0; i < COUNT; i++) {
            bits[i] = (short) (1 << i);
        }
        return ShortVector.fromArray(SHORTS, bits, 0);
    }

    /// [#COUNT] unsigned bytes.
    static ShortVector unsigned(long address) {
        return (ShortVector)
                bytes(address).convertShape(VectorOperators.ZERO_EXTEND_B2S, SHORTS, 0);
    }

    /// [#COUNT] signed bytes.
    static ShortVector signed(long address) {
        return (ShortVector) bytes(address).convertShape(VectorOperators.B2S, SHORTS, 0);
    }

    private static ByteVector bytes(long address) {
        return ByteVector.fromMemorySegment(BYTES, Memory.ALL, address, LITTLE_ENDIAN);
    }

    static ShortVector values(short[] values, int at) {
        return ShortVector.fromArray(SHORTS, values, at);
    }

    /// The lower four bits of each byte.
    static ShortVector low(ShortVector bytes) {
        return bytes.and(FIFTEEN);
    }

    /// The upper four bits of each byte.
    static ShortVector high(ShortVector bytes) {
        return bytes.lanewise(VectorOperators.LSHR, 4);
    }

    /// 16 in the lanes whose bit is set (`test` is NE) or clear (EQ), and 0 in the others; lane i
    /// has bit `first + i` of the integer at `address`.
    static ShortVector sixteens(long address, int first, VectorOperators.Comparison test) {
        ShortVector bits =
                ShortVector.broadcast(SHORTS, (short) (Memory.ALL.get(INT, address) >>> first));
        VectorMask<Short> lanes = bits.and(LANE_BITS).compare(test, ZERO);
        return ZERO.blend(SIXTEEN, lanes);
    }

    /// The sums of neighbours, where these fit 16 bits.
    static FloatVector pairs(ShortVector products) {
        IntVector ints = products.reinterpretAsInts();
        ShortVector low = ints.lanewise(VectorOperators.LSHL, 16).reinterpretAsShorts();
        return (FloatVector)
                products.add(low)
                        .reinterpretAsInts()
                        .lanewise(VectorOperators.ASHR, 16)
                        .convert(VectorOperators.I2F, 0);
    }

    /// The sums of neighbours, where these may need 17 bits.
    static FloatVector widePairs(ShortVector products) {
        IntVector ints = products.reinterpretAsInts();
        IntVector low = ints.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16);
        return (FloatVector)
                ints.lanewise(VectorOperators.ASHR, 16).add(low).convert(VectorOperators.I2F, 0);
    }

    /// The sum of the first vector of `sums`, from left to right.
    static float sum(float[] sums) {
        float sum = 0;
        for (int i = 0; i < SUMS.length(); i++) {
            sum += sums[i];
        }
        return sum;
    }
}
