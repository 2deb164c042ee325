package dev.anser.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// The weights of the K types, with blocks of 256, one by one: what their bits mean.
///
/// A block has groups of 16 or 32 weights; a group has a scale of few bits, and the block a
/// binary16 `d` for all of them. The blocks in ggml's terms, little-endian:
///
///     Q2_K  uint8_t scales[16]; uint8_t qs[64]; ggml_half d, dmin;
///     Q3_K  uint8_t hmask[32]; uint8_t qs[64]; uint8_t scales[12]; ggml_half d;
///     Q4_K  ggml_half d, dmin; uint8_t scales[12]; uint8_t qs[128];
///     Q5_K  ggml_half d, dmin; uint8_t scales[12]; uint8_t qh[32]; uint8_t qs[128];
///     Q6_K  uint8_t ql[128]; uint8_t qh[64]; int8_t scales[16]; ggml_half d;
///
/// Weight i is, with group g = i / 16 (i / 32 for Q4_K and Q5_K), scale s and minimum m of g:
///
///     Q2_K  d · s · q - dmin · m; q: 2 bits of byte 32 · (i / 128) + i % 32 of qs, the lowest for
///           the first 32 weights of each 128; s and m: the low and high four bits of scales[g]
///     Q3_K  d · (s - 32) · (q - 4); the lower bits of q as in Q2_K; the third: bit i / 32 of
///           hmask[i % 32]; s: four bits in scales[g % 8], two in scales[8 + g % 4]
///     Q4_K  d · s · q - dmin · m; q: four bits of byte 32 · (i / 64) + i % 32 of qs, the low ones
///           for the first 32 weights of each 64; s and m: six bits each, see [#scale] and
///           [#minimum]
///     Q5_K  as Q4_K; the fifth bit of q: bit i / 32 of qh[i % 32]
///     Q6_K  d · s · (q - 32); the low four bits of q in byte 64 · (i / 128) + i % 64 of ql, its
///           low half for the first 64 weights of each 128; the others: two bits of byte 32 · (i /
///           128) + i % 32 of qh, the lowest for the first 32 of each 128
///
/// The products have at most 24 bits and are exact, so an element has one rounding at most, that of
/// the subtraction, whoever computes it.
final class BlocksK {
    private BlocksK() {}

    /// Weight `i` of the block at `block` of `memory`.
    static float get(DType type, MemorySegment memory, long block, int i) {
        return switch (type) {
            case Q2_K -> {
                int group = octet(memory, block + i / 16);
                float d = Blocks32.half(memory, block + 80) * (group & 15);
                float m = Blocks32.half(memory, block + 82) * (group >> 4);
                yield d * twoBits(memory, block + 16, i) - m;
            }
            case Q3_K -> {
                float d = Blocks32.half(memory, block + 108) * scale3(memory, block + 96, i / 16);
                int third = octet(memory, block + i % 32) >> i / 32 & 1;
                yield d * ((twoBits(memory, block + 32, i) | third << 2) - 4);
            }
            case Q4_K -> {
                float d = Blocks32.half(memory, block) * scale(memory, block + 4, i / 32);
                float m = Blocks32.half(memory, block + 2) * minimum(memory, block + 4, i / 32);
                yield d * fourBits(memory, block + 16, i) - m;
            }
            case Q5_K -> {
                float d = Blocks32.half(memory, block) * scale(memory, block + 4, i / 32);
                float m = Blocks32.half(memory, block + 2) * minimum(memory, block + 4, i / 32);
                int fifth = octet(memory, block + 16 + i % 32) >> i / 32 & 1;
                yield d * (fourBits(memory, block + 48, i) | fifth << 4) - m;
            }
            case Q6_K -> {
                float d =
                        Blocks32.half(memory, block + 208)
                                * memory.get(ValueLayout.JAVA_BYTE, block + 192 + i / 16);
                int low = octet(memory, block + 64L * (i / 128) + i % 64) >> i % 128 / 64 * 4 & 15;
                int high = twoBits(memory, block + 128, i);
                yield d * ((low | high << 4) - 32);
            }
            default -> throw new ShapeException(type + " has no blocks of 256");
        };
    }

    /// Scale `group`, of 8, in the 12 bytes at `scales`: six bits in one byte for the first four,
    /// then four bits in one and two in another.
    static int scale(MemorySegment memory, long scales, int group) {
        return group < 4
                ? octet(memory, scales + group) & 63
                : octet(memory, scales + group + 4) & 15
                        | octet(memory, scales + group - 4) >> 6 << 4;
    }

    /// Minimum `group`, of 8, in the same 12 bytes as [#scale].
    static int minimum(MemorySegment memory, long scales, int group) {
        return group < 4
                ? octet(memory, scales + group + 4) & 63
                : octet(memory, scales + group + 4) >> 4 | octet(memory, scales + group) >> 6 << 4;
    }

    /// Scale `group`, of 16, of [DType#Q3_K], in the 12 bytes at `scales`: -32 to 31.
    static int scale3(MemorySegment memory, long scales, int group) {
        int low = octet(memory, scales + group % 8) >> group / 8 * 4 & 15;
        int high = octet(memory, scales + 8 + group % 4) >> group / 4 * 2 & 3;
        return (low | high << 4) - 32;
    }

    static int octet(MemorySegment memory, long at) {
        return memory.get(ValueLayout.JAVA_BYTE, at) & 0xff;
    }

    private static int twoBits(MemorySegment memory, long qs, int i) {
        return octet(memory, qs + 32L * (i / 128) + i % 32) >> i % 128 / 32 * 2 & 3;
    }

    private static int fourBits(MemorySegment memory, long qs, int i) {
        return octet(memory, qs + 32L * (i / 64) + i % 32) >> i % 64 / 32 * 4 & 15;
    }
}
