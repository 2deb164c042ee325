package dev.anser.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Numbers to blocks of 256, bit for bit as ggml's reference quantiser makes them. The layouts are
/// those of [BlocksK].
///
/// Each group gets the scale (and minimum) of least weighted squared error, [GroupFit]; these are
/// rounded to few bits against the largest of the block; then every weight is rounded once more
/// against what its group's scale has become.
final class QuantiseK {
    /// More than scales of the largest binary16 reach; the sums of a fit stay finite below.
    private static final float BEYOND = 3e8f;

    private QuantiseK() {}

    /// Writes `x[at...]`, which are finite, to the block at `block` of `memory`.
    ///
    /// @return whether the block's scales are finite in binary16
    static boolean block(DType type, float[] x, int at, MemorySegment memory, long block) {
        for (int i = at; i < at + 256; i++) {
            if (Math.abs(x[i]) > BEYOND) {
                return false;
            }
        }
        return switch (type) {
            case Q4_K -> withMinimum(type, x, at, memory, block);
            case Q5_K -> withMinimum(type, x, at, memory, block);
            case Q6_K -> sixBits(x, at, memory, block);
            default -> throw new ShapeException(type + " is not written in blocks of 256");
        };
    }

    private static boolean withMinimum(
            DType type, float[] x, int at, MemorySegment memory, long block) {
        boolean five = type == DType.Q5_K;
        int top = five ? 31 : 15;
        GroupFit fit = new GroupFit(32);
        int[] codes = new int[256];
        float[] scales = new float[8];
        float[] minima = new float[8];
        float largestScale = 0;
        float largestMinimum = 0;
        for (int g = 0; g < 8; g++) {
            if (five) {
                fit.withMinimum(x, at + 32 * g, top, -0.5f, 15);
            } else {
                fit.withMinimum(x, at + 32 * g, top, -1, 20);
            }
            System.arraycopy(fit.codes(), 0, codes, 32 * g, 32);
            scales[g] = fit.scale();
            minima[g] = fit.minimum();
            largestScale = Math.max(largestScale, scales[g]);
            largestMinimum = Math.max(largestMinimum, minima[g]);
        }
        float perScale = largestScale > 0 ? 63 / largestScale : 0;
        float perMinimum = largestMinimum > 0 ? 63 / largestMinimum : 0;
        int[] s = new int[8];
        int[] m = new int[8];
        for (int g = 0; g < 8; g++) {
            s[g] = Math.min(63, nearest(perScale * scales[g]));
            m[g] = Math.min(63, nearest(perMinimum * minima[g]));
        }
        boolean scaleFits = Quantise32.half(largestScale / 63, memory, block);
        boolean minimumFits = Quantise32.half(largestMinimum / 63, memory, block + 2);
        packScales(s, m, memory, block + 4);
        for (int i = 0; i < 256; i++) {
            float d = Blocks32.half(memory, block) * s[i / 32];
            if (d != 0) {
                float minimum = Blocks32.half(memory, block + 2) * m[i / 32];
                codes[i] = Math.clamp(nearest((x[at + i] + minimum) / d), 0, top);
            }
        }
        if (five) {
            packFifthBits(codes, memory, block + 16);
        }
        packFourBits(codes, memory, five ? block + 48 : block + 16);
        return scaleFits && minimumFits;
    }

    /// Six bits each of eight scales and eight minima in 12 bytes.
    private static void packScales(int[] s, int[] m, MemorySegment memory, long at) {
        for (int g = 0; g < 4; g++) {
            set(memory, at + g, s[g] | s[g + 4] >> 4 << 6);
            set(memory, at + 4 + g, m[g] | m[g + 4] >> 4 << 6);
            set(memory, at + 8 + g, s[g + 4] & 15 | (m[g + 4] & 15) << 4);
        }
    }

    private static void packFourBits(int[] codes, MemorySegment memory, long qs) {
        for (int i = 0; i < 128; i++) {
            int low = i / 32 * 64 + i % 32;
            set(memory, qs + i, codes[low] & 15 | (codes[low + 32] & 15) << 4);
        }
    }

    private static void packFifthBits(int[] codes, MemorySegment memory, long qh) {
        for (int i = 0; i < 32; i++) {
            int bits = 0;
            for (int g = 0; g < 8; g++) {
                bits |= codes[32 * g + i] >> 4 << g;
            }
            set(memory, qh + i, bits);
        }
    }

    private static boolean sixBits(float[] x, int at, MemorySegment memory, long block) {
        GroupFit fit = new GroupFit(16);
        int[] codes = new int[256];
        float[] scales = new float[16];
        float largest = 0;
        for (int g = 0; g < 16; g++) {
            fit.signed(x, at + 16 * g, 32);
            System.arraycopy(fit.codes(), 0, codes, 16 * g, 16);
            scales[g] = fit.scale();
            largest = Math.abs(scales[g]) > Math.abs(largest) ? scales[g] : largest;
        }
        if (Math.abs(largest) < GroupFit.NOTHING) {
            memory.asSlice(block, DType.Q6_K.blockBytes()).fill((byte) 0);
            return true;
        }
        float perScale = -128 / largest;
        boolean fits = Quantise32.half(1 / perScale, memory, block + 208);
        for (int g = 0; g < 16; g++) {
            int scale = Math.min(127, nearest(perScale * scales[g]));
            set(memory, block + 192 + g, scale);
            float d = Blocks32.half(memory, block + 208) * scale;
            for (int i = 16 * g; d != 0 && i < 16 * g + 16; i++) {
                codes[i] = Math.clamp(nearest(x[at + i] / d), -32, 31);
            }
        }
        packSixBits(codes, memory, block);
        return fits;
    }

    private static void packSixBits(int[] codes, MemorySegment memory, long block) {
        for (int half = 0; half < 2; half++) {
            for (int i = 0; i < 64; i++) {
                int first = codes[128 * half + i] + 32;
                int second = codes[128 * half + 64 + i] + 32;
                set(memory, block + 64L * half + i, first & 15 | (second & 15) << 4);
            }
            for (int i = 0; i < 32; i++) {
                int bits = 0;
                for (int j = 0; j < 4; j++) {
                    bits |= codes[128 * half + 32 * j + i] + 32 >> 4 << 2 * j;
                }
                set(memory, block + 128 + 32L * half + i, bits);
            }
        }
    }

    private static void set(MemorySegment memory, long at, int value) {
        memory.set(ValueLayout.JAVA_BYTE, at, (byte) value);
    }

    /// To the nearest integer, halves to the even one.
    static int nearest(float value) {
        return (int) Math.rint(value);
    }
}
