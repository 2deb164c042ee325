package dev.anser.tensor;

import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.VectorMask;

/// Weights of any computable type as floats in an array; those of quantised types in whole blocks.
///
/// bfloat16 is the upper half of a float: one shift. For binary16 the processor has an instruction
/// that the Vector API of JDK 25 cannot name; the compiler finds it in a plain loop over
/// [Float#float16ToFloat(short)], and with it converts twice as fast as the best emulation in
/// vector integers that is right for all numbers (8 against 3.5 GB/s a core). Hence the panel:
/// plain loops fill it, vectors read it. [VectorStreams] does without.
final class Widen {
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private static final int PART_SIZE = 4096;
    private static final ThreadLocal<short[]> PART =
            ThreadLocal.withInitial(() -> new short[PART_SIZE]);

    private Widen() {}

    /// `count` elements of `type` at `source` to the start of `target`.
    static void toFloats(DType type, long source, float[] target, int count) {
        toFloats(type, source, target, 0, count);
    }

    /// `count` elements of `type` at `source` to `target[at...]`.
    static void toFloats(DType type, long source, float[] target, int at, int count) {
        switch (type) {
            case F32 -> MemorySegment.copy(Memory.ALL, FLOAT, source, target, at, count);
            case F16 -> halves(source, target, at, count);
            case BF16 -> {
                int whole = FLOATS.loopBound(count);
                for (int i = 0; i < whole; i += COUNT) {
                    Lanes.loadBf16(source + 2L * i).intoArray(target, at + i);
                }
                if (whole < count) {
                    VectorMask<Float> rest = Lanes.first(count - whole);
                    Lanes.loadBf16(source + 2L * whole, rest).intoArray(target, at + whole, rest);
                }
            }
            default -> WidenBlocks.toFloats(type, source, target, at, count);
        }
    }

    /// By way of a short array of a part of the first-level cache: over arrays the compiler finds
    /// the loop whatever else it has seen, over memory segments not always.
    private static void halves(long source, float[] target, int at, int count) {
        short[] part = PART.get();
        for (int start = 0; start < count; start += PART_SIZE) {
            int size = Math.min(PART_SIZE, count - start);
            MemorySegment.copy(Memory.ALL, SHORT, source + 2L * start, part, 0, size);
            convert(part, target, at + start, size);
        }
    }

    private static void convert(short[] halves, float[] target, int at, int count) {
        for (int i = 0; i < count; i++) {
            target[at + i] = Float.float16ToFloat(halves[i]);
        }
    }
}
