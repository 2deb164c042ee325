package dev.anser.tensor;

import java.lang.foreign.ValueLayout;

/// The scales of a row of quantised weights as floats, with what is added to scale · weight where
/// the type has that. The layouts are those of [Blocks32] and [BlocksK].
final class BlockScales {
    private BlockScales() {}

    /// How many weights share a scale.
    static int groupSize(DType type) {
        return type == DType.Q6_K ? 16 : 32;
    }

    /// Of `groups` groups from `row` on, the scales to `target[scales...]`, and what is added to
    /// `target[offsets...]`.
    static void unpack(DType type, long row, int groups, float[] target, int scales, int offsets) {
        switch (type) {
            case Q4_0, Q5_0, Q8_0 -> halves(row, type.blockBytes(), groups, target, scales);
            case Q4_1, Q5_1 -> {
                halves(row, type.blockBytes(), groups, target, scales);
                halves(row + 2, type.blockBytes(), groups, target, offsets);
            }
            case Q4_K, Q5_K -> {
                for (int g = 0; g < groups; g += 8, row += type.blockBytes()) {
                    sixBits(row, target, scales + g, offsets + g);
                }
            }
            case Q6_K -> {
                for (int g = 0; g < groups; g += 16, row += type.blockBytes()) {
                    eightBits(row, target, scales + g);
                }
            }
            default -> throw new ShapeException("no scales are unpacked of " + type);
        }
    }

    private static void halves(long block, int bytes, int groups, float[] target, int at) {
        for (int g = 0; g < groups; g++, block += bytes) {
            target[at + g] = Blocks32.half(Memory.ALL, block);
        }
    }

    /// Of a Q4_K or Q5_K block; ggml subtracts the minima.
    private static void sixBits(long block, float[] target, int scales, int offsets) {
        float d = Blocks32.half(Memory.ALL, block);
        float dmin = Blocks32.half(Memory.ALL, block + 2);
        for (int g = 0; g < 8; g++) {
            target[scales + g] = d * BlocksK.scale(Memory.ALL, block + 4, g);
            target[offsets + g] = -(dmin * BlocksK.minimum(Memory.ALL, block + 4, g));
        }
    }

    /// Of a Q6_K block.
    private static void eightBits(long block, float[] target, int at) {
        float d = Blocks32.half(Memory.ALL, block + 208);
        for (int g = 0; g < 16; g++) {
            target[at + g] = d * Memory.ALL.get(ValueLayout.JAVA_BYTE, block + 192 + g);
        }
    }
}
