package dev.anser.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Numbers to blocks of 32, bit for bit as ggml's reference quantiser makes them. The layouts are
/// those of [Blocks32].
final class Quantise32 {
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

    private Quantise32() {}

    /// Writes `x[at...]`, which are finite, to the block at `block` of `memory`.
    ///
    /// @return whether the block's scale is a finite binary16
    static boolean block(DType type, float[] x, int at, MemorySegment memory, long block) {
        return switch (type) {
            case Q4_0 -> signed(x, at, 4, memory, block);
            case Q5_0 -> signed(x, at, 5, memory, block);
            case Q4_1 -> withMinimum(x, at, 4, memory, block);
            case Q5_1 -> withMinimum(x, at, 5, memory, block);
            case Q8_0 -> eightBits(x, at, memory, block);
            default -> throw new ShapeException(type + " is not written in blocks of 32");
        };
    }

    /// The number with the largest magnitude becomes the lowest code, -8 or -16, of which there is
    /// no positive: so the scale has the other sign.
    private static boolean signed(float[] x, int at, int bits, MemorySegment memory, long block) {
        float largest = 0;
        for (int i = at; i < at + 32; i++) {
            largest = Math.abs(x[i]) > Math.abs(largest) ? x[i] : largest;
        }
        int zero = 1 << bits - 1;
        float d = largest / -zero;
        float inverse = d == 0 ? 0 : 1 / d;
        int[] codes = new int[32];
        for (int i = 0; i < 32; i++) {
            codes[i] = Math.clamp((int) (x[at + i] * inverse + (zero + 0.5f)), 0, 2 * zero - 1);
        }
        pack(codes, bits, memory, block + 2);
        return half(d, memory, block);
    }

    private static boolean withMinimum(
            float[] x, int at, int bits, MemorySegment memory, long block) {
        float smallest = x[at];
        float largest = x[at];
        for (int i = at; i < at + 32; i++) {
            smallest = x[i] < smallest ? x[i] : smallest;
            largest = x[i] > largest ? x[i] : largest;
        }
        int top = (1 << bits) - 1;
        float d = (largest - smallest) / top;
        float inverse = d == 0 ? 0 : 1 / d;
        int[] codes = new int[32];
        for (int i = 0; i < 32; i++) {
            codes[i] = Math.clamp((int) ((x[at + i] - smallest) * inverse + 0.5f), 0, top);
        }
        pack(codes, bits, memory, block + 4);
        boolean fits = half(d, memory, block);
        return half(smallest, memory, block + 2) && fits;
    }

    private static boolean eightBits(float[] x, int at, MemorySegment memory, long block) {
        float largest = 0;
        for (int i = at; i < at + 32; i++) {
            largest = Math.max(largest, Math.abs(x[i]));
        }
        float d = largest / 127;
        float inverse = d == 0 ? 0 : 1 / d;
        for (int i = 0; i < 32; i++) {
            float scaled = x[at + i] * inverse;
            // C's roundf: halves go away from zero. A float of this size and a half add exactly.
            int code = (int) ((double) scaled + Math.copySign(0.5, scaled));
            memory.set(ValueLayout.JAVA_BYTE, block + 2 + i, (byte) code);
        }
        return half(d, memory, block);
    }

    /// The fifth bits, if there are, then the lower four.
    private static void pack(int[] codes, int bits, MemorySegment memory, long at) {
        long qs = at;
        if (bits == 5) {
            int fifth = 0;
            for (int i = 0; i < 32; i++) {
                fifth |= (codes[i] >> 4) << i;
            }
            memory.set(INT, at, fifth);
            qs += 4;
        }
        for (int i = 0; i < 16; i++) {
            int both = codes[i] & 15 | (codes[i + 16] & 15) << 4;
            memory.set(ValueLayout.JAVA_BYTE, qs + i, (byte) both);
        }
    }

    /// Writes `value` as binary16.
    ///
    /// @return whether it is finite as such
    static boolean half(float value, MemorySegment memory, long at) {
        short half = Float.floatToFloat16(value);
        memory.set(SHORT, at, half);
        return Float.isFinite(Float.float16ToFloat(half));
    }
}
