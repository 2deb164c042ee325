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
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/// The vector widths that all vector kernels share, and how weights become float lanes.
///
/// The width is the machine's preferred one; the system property `anser.vector.bits` (128, 256,
/// 512) forces another, for tests.
final class Lanes {
    static final VectorSpecies<Float> FLOATS = floats();
    static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, FLOATS.vectorShape());

    /// As many shorts as [#FLOATS] has lanes.
    static final VectorSpecies<Short> SHORTS =
            VectorSpecies.of(short.class, VectorShape.forBitSize(FLOATS.vectorBitSize() / 2));

    /// As many bytes as [#FLOATS] has lanes; of no use at 128 bits, for there is no vector of four.
    private static final VectorSpecies<Byte> OCTETS =
            VectorSpecies.of(
                    byte.class, VectorShape.forBitSize(Math.max(64, FLOATS.vectorBitSize() / 4)));

    static final int COUNT = FLOATS.length();
    static final int BYTES = FLOATS.vectorByteSize();

    static final short EXPONENT_F16 = 0x7c00;

    private static final ValueLayout.OfInt INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(LITTLE_ENDIAN);

    /// Where the byte of each lane is in an integer of four.
    private static final IntVector BYTE_SHIFTS = IntVector.zero(INTS).addIndex(8);

    private static final VectorShuffle<Float> SWAP_1 = swap(1);
    private static final VectorShuffle<Float> SWAP_2 = swap(2);
    private static final VectorShuffle<Float> SWAP_4 = swap(4);
    private static final VectorShuffle<Float> SWAP_8 = swap(8);
    private static final VectorMask<Float> BIT_1 = bit(1);
    private static final VectorMask<Float> BIT_2 = bit(2);
    private static final VectorMask<Float> BIT_4 = bit(4);
    private static final VectorMask<Float> BIT_8 = bit(8);

    private Lanes() {}

    /// Lane i gets lane i XOR distance; the identity where there are not so many lanes.
    private static VectorShuffle<Float> swap(int distance) {
        return VectorShuffle.fromOp(FLOATS, lane -> distance < COUNT ? lane ^ distance : lane);
    }

    /// The lanes whose number has the bit `distance`.
    private static VectorMask<Float> bit(int distance) {
        long lanes = 0;
        for (int lane = 0; lane < COUNT; lane++) {
            lanes |= (lane & distance) == 0 ? 0 : 1L << lane;
        }
        return VectorMask.fromLong(FLOATS, lanes);
    }

    /// Sums the lanes of each of `rows` vectors, a multiple of [#COUNT], that follow each other at
    /// `source`: vector `n · COUNT` becomes the sums of vectors `n · COUNT` and following; the
    /// others are overwritten.
    static void sumLanes(long source, int rows) {
        // After the first loop the vector of an even row has in lane i the sum of two lanes of the
        // row i mod 2 further on, after the second every fourth that of four lanes of the row i
        // mod 4 further on, and so on. One method: too large to be inlined into a caller with so
        // much else that the compiler would give up half way, and put vectors on the heap.
        for (int row = 0; row < rows; row += 2) {
            long s = source + (long) row * BYTES;
            FloatVector x = load(s);
            FloatVector y = load(s + 1L * BYTES);
            store(x.blend(y, BIT_1).add(y.blend(x, BIT_1).rearrange(SWAP_1)), s);
        }
        for (int row = 0; row < rows; row += 4) {
            long s = source + (long) row * BYTES;
            FloatVector x = load(s);
            FloatVector y = load(s + 2L * BYTES);
            store(x.blend(y, BIT_2).add(y.blend(x, BIT_2).rearrange(SWAP_2)), s);
        }
        if (COUNT >= 8) {
            for (int row = 0; row < rows; row += 8) {
                long s = source + (long) row * BYTES;
                FloatVector x = load(s);
                FloatVector y = load(s + 4L * BYTES);
                store(x.blend(y, BIT_4).add(y.blend(x, BIT_4).rearrange(SWAP_4)), s);
            }
        }
        if (COUNT >= 16) {
            for (int row = 0; row < rows; row += 16) {
                long s = source + (long) row * BYTES;
                FloatVector x = load(s);
                FloatVector y = load(s + 8L * BYTES);
                store(x.blend(y, BIT_8).add(y.blend(x, BIT_8).rearrange(SWAP_8)), s);
            }
        }
    }

    private static VectorSpecies<Float> floats() {
        Integer bits = Integer.getInteger("anser.vector.bits");
        if (bits == null) {
            int preferred = Math.min(FloatVector.SPECIES_PREFERRED.vectorBitSize(), 512);
            return VectorSpecies.of(float.class, VectorShape.forBitSize(preferred));
        }
        return switch (bits) {
            case 128 -> FloatVector.SPECIES_128;
            case 256 -> FloatVector.SPECIES_256;
            case 512 -> FloatVector.SPECIES_512;
            default ->
                    throw new IllegalArgumentException(
                            "anser.vector.bits is " + bits + "; expected 128, 256 or 512");
        };
    }

    static FloatVector load(long address) {
        return FloatVector.fromMemorySegment(FLOATS, Memory.ALL, address, LITTLE_ENDIAN);
    }

    static FloatVector load(long address, VectorMask<Float> mask) {
        return FloatVector.fromMemorySegment(FLOATS, Memory.ALL, address, LITTLE_ENDIAN, mask);
    }

    /// Not for the last lines of a long method: once the compiler has inlined as much as it does
    /// (HotSpot's NodeCountInliningCutoff) it calls this, with `value` as an object on the heap.
    /// The Vector API's own methods are always inlined.
    static void store(FloatVector value, long address) {
        value.intoMemorySegment(Memory.ALL, address, LITTLE_ENDIAN);
    }

    /// The first `count` lanes.
    static VectorMask<Float> first(int count) {
        return FLOATS.indexInRange(0, count);
    }

    static FloatVector loadBf16(long address) {
        return widenBf16(loadShorts(address));
    }

    static FloatVector loadBf16(long address, VectorMask<Float> mask) {
        return widenBf16(
                ShortVector.fromMemorySegment(
                        SHORTS, Memory.ALL, address, LITTLE_ENDIAN, mask.cast(SHORTS)));
    }

    private static FloatVector widenBf16(ShortVector halves) {
        IntVector bits = (IntVector) halves.convertShape(VectorOperators.S2I, INTS, 0);
        return bits.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }

    static ShortVector loadShorts(long address) {
        return ShortVector.fromMemorySegment(SHORTS, Memory.ALL, address, LITTLE_ENDIAN);
    }

    /// The bits of the exponent of binary16 numbers: [#EXPONENT_F16] for infinities and NaN, less
    /// for all others.
    static ShortVector exponentF16(ShortVector halves) {
        return halves.and(EXPONENT_F16);
    }

    /// Finite binary16 numbers as floats, exactly; infinities and NaN come out as finite numbers.
    ///
    /// With sign, exponent and fraction moved to their places in a float, the number is too small
    /// by the difference of the exponents' biases, 127 - 15, whether it was subnormal or not: one
    /// product puts it right.
    static FloatVector finiteF16(ShortVector halves) {
        IntVector bits = (IntVector) halves.convertShape(VectorOperators.S2I, INTS, 0);
        return bits.lanewise(VectorOperators.LSHL, 13)
                .and(0x8fffe000)
                .reinterpretAsFloats()
                .mul(0x1p112f);
    }

    /// [#COUNT] unsigned bytes.
    static IntVector loadBytes(long address) {
        if (COUNT == 4) {
            return fourBytes(address).lanewise(VectorOperators.LSHR, BYTE_SHIFTS).and(0xff);
        }
        return (IntVector) octets(address).convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, 0);
    }

    /// [#COUNT] signed bytes.
    static IntVector loadSignedBytes(long address) {
        if (COUNT == 4) {
            // The byte of each lane goes to the top, and comes back with its sign.
            return fourBytes(address)
                    .lanewise(VectorOperators.LSHL, BYTE_SHIFTS.neg().add(24))
                    .lanewise(VectorOperators.ASHR, 24);
        }
        return (IntVector) octets(address).convertShape(VectorOperators.B2I, INTS, 0);
    }

    private static ByteVector octets(long address) {
        return ByteVector.fromMemorySegment(OCTETS, Memory.ALL, address, LITTLE_ENDIAN);
    }

    private static IntVector fourBytes(long address) {
        return IntVector.broadcast(INTS, Memory.ALL.get(INT, address));
    }
}
