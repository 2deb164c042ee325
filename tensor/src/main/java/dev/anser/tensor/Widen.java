package dev.anser.tensor;

import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.VectorMask;

/// Weights of any computable type as floats in an array.
///
/// bfloat16 is the upper half of a float: one shift. For binary16 the processor has an instruction
/// that the Vector API of JDK 25 cannot name; the compiler finds it in a plain loop over
/// [Float#float16ToFloat(short)], and with it converts twice as fast as the best emulation in
/// vector integers (8 against 3.5 GB/s a core). Hence the panel: plain loops fill it, vectors read
/// it.
final class Widen {
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private Widen() {}

    /// `count` elements of `type` at `source` to the start of `target`.
    static void toFloats(DType type, long source, float[] target, int count) {
        toFloats(type, source, target, 0, count);
    }

    /// `count` elements of `type` at `source` to `target[at...]`.
    static void toFloats(DType type, long source, float[] target, int at, int count) {
        switch (type) {
            case F32 -> MemorySegment.copy(Memory.ALL, FLOAT, source, target, at, count);
            case F16 -> halves(Memory.ALL.asSlice(source, 2L * count), target, at, count);
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
            default ->
                    throw new ShapeException("kernels cannot compute with weights of type " + type);
        }
    }

    private static void halves(MemorySegment source, float[] target, int at, int count) {
        for (int i = 0; i < count; i++) {
            target[at + i] = Float.float16ToFloat(source.get(SHORT, 2L * i));
        }
    }
}
