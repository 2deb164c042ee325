package dev.anser.generate;

/// The exponential function in float, for the softmax over a large vocabulary.
///
/// `exp(x) = 2^n · exp(r)` with n the whole number nearest to `x / ln 2` and a polynomial of degree
/// 7 for the rest, as in Cephes' `expf`: within two units in the last place, and without the call
/// that [Math#exp] costs for every token.
final class FastExp {
    private static final float LOG2_E = 1.44269504f;
    // Their sum is ln 2; the first has so few bits that n times it is exact.
    private static final float LN2_HIGH = 0.693359375f;
    private static final float LN2_LOW = -2.12194440e-4f;

    private FastExp() {}

    /// `exp(x)` for x ≤ 0; 0 below -87, where the result would not be a normal float.
    static float ofNegative(float x) {
        if (x < -87) {
            return 0;
        }
        int n = (int) (x * LOG2_E - 0.5f);
        float r = x - n * LN2_HIGH - n * LN2_LOW;
        float p = 1.9875691500e-4f;
        p = p * r + 1.3981999507e-3f;
        p = p * r + 8.3334519073e-3f;
        p = p * r + 4.1665795894e-2f;
        p = p * r + 1.6666665459e-1f;
        p = p * r + 5.0000001201e-1f;
        return (p * r * r + r + 1) * Float.intBitsToFloat((n + 127) << 23);
    }
}
