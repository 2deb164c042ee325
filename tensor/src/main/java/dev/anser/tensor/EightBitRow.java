package dev.anser.tensor;

/// One row rounded by [EightBits], in the form that integer products read. Grows, never shrinks.
final class EightBitRow {
    /// The integers, of type `short` so that products of two need no conversion.
    short[] values = {};

    /// The scale of each group of weights, of [BlockScales#groupSize(DType)] elements.
    float[] scales = {};

    /// The sum of each group, of rounded elements: what an offset of all its weights is multiplied
    /// with.
    float[] sums = {};

    /// Makes room for `in` elements that meet weights of `type`.
    void size(DType type, int in) {
        int groups = in / BlockScales.groupSize(type);
        if (values.length < in) {
            values = new short[in];
        }
        if (scales.length < groups) {
            scales = new float[groups];
            sums = new float[groups];
        }
    }
}
