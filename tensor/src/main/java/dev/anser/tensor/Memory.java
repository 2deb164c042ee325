package dev.anser.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// All of native memory as one segment.
///
/// Kernels address it by absolute address. A constant segment without end costs no bounds or
/// lifetime check in a hot loop, where a tensor's own segment costs both; [EagerOps] has checked
/// every shape before.
final class Memory {
    @SuppressWarnings("restricted")
    static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

    private Memory() {}

    static float get(long address, long index) {
        return ALL.get(FLOAT, address + index * 4);
    }

    static void set(long address, long index, float value) {
        ALL.set(FLOAT, address + index * 4, value);
    }

    /// Element `index` of a weight of any computable type.
    static float get(DType type, long address, long index) {
        return switch (type) {
            case F32 -> ALL.get(FLOAT, address + index * 4);
            case F16 -> Float.float16ToFloat(ALL.get(SHORT, address + index * 2));
            case BF16 -> Float.intBitsToFloat(ALL.get(SHORT, address + index * 2) << 16);
            default -> getQuantised(type, ALL, address, index);
        };
    }

    /// Element `index` of the blocks of `type` that begin at `start` of `memory`.
    ///
    /// @throws ShapeException when `type` is not a quantised one
    static float getQuantised(DType type, MemorySegment memory, long start, long index) {
        int elements = type.blockElements();
        long block = start + index / elements * type.blockBytes();
        int i = (int) (index % elements);
        return switch (elements) {
            case 32 -> Blocks32.get(type, memory, block, i);
            case 256 -> BlocksK.get(type, memory, block, i);
            default -> throw new ShapeException("elements of " + type + " are not read as floats");
        };
    }

    static void setShort(long address, long index, short value) {
        ALL.set(SHORT, address + index * 2, value);
    }

    static void clear(long address, long bytes) {
        ALL.asSlice(address, bytes).fill((byte) 0);
    }

    static void copy(long source, long target, long bytes) {
        MemorySegment.copy(ALL, source, ALL, target, bytes);
    }
}
