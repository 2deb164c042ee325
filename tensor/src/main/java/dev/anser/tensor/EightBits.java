package dev.anser.tensor;

/// Rows rounded to 8 bits in blocks, as ggml rounds what it multiplies quantised weights with.
///
/// A block is as long as one of the weights, 32 or 256 elements. With `top` the largest magnitude
/// in it, element x becomes `q · scale`, where `q = rint(x · (127 / top))`, -127 to 127. The scale
/// is `top / 127`, rounded to binary16 for blocks of 32 where that is a normal number of binary16,
/// and `1 / (127 / top)` for those of 256 (ggml's Q8_0 and Q8_K). Nothing but zeros stays that; a
/// block with an infinity or a NaN becomes NaN throughout.
final class EightBits {
    private static final float SMALLEST_NORMAL_F16 = 0x1p-14f;
    private static final float LARGEST_F16 = 65504f;

    private EightBits() {}

    /// What elements are multiplied with to be rounded, in a block whose largest magnitude is
    /// `top`.
    static float inverse(float top) {
        return top == 0 ? 0 : 127 / top;
    }

    /// What the integers are to be multiplied with, in such a block.
    static float scale(DType weights, float top) {
        if (!Float.isFinite(top)) {
            return Float.NaN;
        }
        if (top == 0) {
            return 0;
        }
        if (weights.blockElements() > 32) {
            return 1 / inverse(top);
        }
        float scale = top / 127;
        return scale >= SMALLEST_NORMAL_F16 && scale <= LARGEST_F16
                ? Float.float16ToFloat(Float.floatToFloat16(scale))
                : scale;
    }

    /// `count` floats at `x`, whole blocks of `weights`, rounded and written to `y` as floats.
    static void round(DType weights, long x, long y, int count) {
        int block = weights.blockElements();
        for (int start = 0; start < count; start += block) {
            float top = 0;
            for (int i = start; i < start + block; i++) {
                top = Math.max(top, Math.abs(Memory.get(x, i)));
            }
            float inverse = inverse(top);
            float scale = scale(weights, top);
            for (int i = start; i < start + block; i++) {
                // Integers have no negative zero.
                float integer = (float) Math.rint(Memory.get(x, i) * inverse) + 0f;
                Memory.set(y, i, integer * scale);
            }
        }
    }
}
