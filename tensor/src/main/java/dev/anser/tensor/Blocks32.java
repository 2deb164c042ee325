package dev.anser.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// The weights of the types with blocks of 32, one by one: what their bits mean.
///
/// The blocks in ggml's terms, little-endian, `ggml_half` a binary16:
///
///     Q4_0    ggml_half d;                         uint8_t qs[16];   (q - 8) · d
///     Q4_1    ggml_half d, m;                      uint8_t qs[16];   q · d + m
///     Q5_0    ggml_half d;    uint8_t qh[4];       uint8_t qs[16];   (q - 16) · d
///     Q5_1    ggml_half d, m; uint8_t qh[4];       uint8_t qs[16];   q · d + m
///     Q8_0    ggml_half d;                         int8_t  qs[32];   q · d
///     IQ4_NL  ggml_half d;                         uint8_t qs[16];   VALUES[q] · d
///
/// Byte j of `qs` of 16 has the weights j (low four bits) and j + 16 (high four bits); bit i of
/// `qh`, read as one integer, is the fifth bit of weight i. The products are exact: a scale has 11
/// bits, a weight at most 8. So an element has one rounding at most, whoever computes it.
final class Blocks32 {
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

    /// What the 16 indices of [DType#IQ4_NL] stand for: closer together around zero.
    private static final byte[] VALUES = {
        -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113
    };

    private Blocks32() {}

    /// Weight `i` of the block at `block` of `memory`.
    static float get(DType type, MemorySegment memory, long block, int i) {
        float d = half(memory, block);
        return switch (type) {
            case Q4_0 -> (nibble(memory, block + 2, i) - 8) * d;
            case Q4_1 -> nibble(memory, block + 4, i) * d + half(memory, block + 2);
            case Q5_0 -> ((nibble(memory, block + 6, i) | fifthBit(memory, block + 2, i)) - 16) * d;
            case Q5_1 ->
                    (nibble(memory, block + 8, i) | fifthBit(memory, block + 4, i)) * d
                            + half(memory, block + 2);
            case Q8_0 -> memory.get(ValueLayout.JAVA_BYTE, block + 2 + i) * d;
            case IQ4_NL -> VALUES[nibble(memory, block + 2, i)] * d;
            default -> throw new ShapeException(type + " has no blocks of 32");
        };
    }

    static float half(MemorySegment memory, long at) {
        return Float.float16ToFloat(memory.get(SHORT, at));
    }

    /// What index `index` of [DType#IQ4_NL] stands for.
    static int value(int index) {
        return VALUES[index];
    }

    private static int nibble(MemorySegment memory, long qs, int i) {
        return memory.get(ValueLayout.JAVA_BYTE, qs + (i & 15)) >> (i >> 4 << 2) & 15;
    }

    private static int fifthBit(MemorySegment memory, long qh, int i) {
        return (memory.get(INT, qh) >>> i & 1) << 4;
    }
}
