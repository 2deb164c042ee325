package dev.anser.checkpoint;

import dev.anser.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Reads the elements of a tensor of any plain type as doubles.
final class Elements {
    private Elements() {}

    static double[] of(Tensor tensor) {
        double[] values = new double[Math.toIntExact(tensor.elements())];
        MemorySegment bytes = tensor.segment();
        for (int i = 0; i < values.length; i++) {
            values[i] =
                    switch (tensor.dtype()) {
                        case F32, F16, BF16 -> tensor.get(i);
                        case F64 -> bytes.get(ValueLayout.JAVA_DOUBLE_UNALIGNED, 8L * i);
                        case I64 -> bytes.get(ValueLayout.JAVA_LONG_UNALIGNED, 8L * i);
                        case I32 -> bytes.get(ValueLayout.JAVA_INT_UNALIGNED, 4L * i);
                        case I16 -> bytes.get(ValueLayout.JAVA_SHORT_UNALIGNED, 2L * i);
                        case I8 -> bytes.get(ValueLayout.JAVA_BYTE, i);
                        case U8, BOOL -> bytes.get(ValueLayout.JAVA_BYTE, i) & 0xff;
                        default -> throw new IllegalArgumentException(tensor + " is not plain");
                    };
        }
        return values;
    }
}
