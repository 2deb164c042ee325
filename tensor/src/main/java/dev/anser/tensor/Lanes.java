package dev.anser.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
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

    static final int COUNT = FLOATS.length();
    static final int BYTES = FLOATS.vectorByteSize();

    private Lanes() {}

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

    static void store(FloatVector value, long address) {
        value.intoMemorySegment(Memory.ALL, address, LITTLE_ENDIAN);
    }

    /// The first `count` lanes.
    static VectorMask<Float> first(int count) {
        return FLOATS.indexInRange(0, count);
    }

    static FloatVector loadBf16(long address) {
        return widenBf16(ShortVector.fromMemorySegment(SHORTS, Memory.ALL, address, LITTLE_ENDIAN));
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
}
