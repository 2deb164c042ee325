package dev.anser.tensor;

/// The normal distribution within 2e-7 of the result, by the polynomials that the Cephes library
/// has for the error function (`erff`, `erfcf`): for |x| below 1 in x², beyond that, up to 2 and
/// above, in 1 / x² times `e^-x² / x`.
final class ErrorFunction {
    /// `erf(x) / x` in x², |x| < 1, highest power first.
    static final float[] NEAR = {
        0,
        0,
        7.853861353153693e-5f,
        -8.010193625184903e-4f,
        5.188327685732524e-3f,
        -2.685381193529856e-2f,
        1.128358514861418e-1f,
        -3.761262582423300e-1f,
        1.128379165726710f
    };

    /// `erfc(x) x e^x²` in 1 / x², 1 ≤ x < 2.
    static final float[] MIDDLE = {
        2.326819970068386e-2f,
        -1.387039388740657e-1f,
        3.687424674597105e-1f,
        -5.824733027278666e-1f,
        6.210004621745983e-1f,
        -4.944515323274145e-1f,
        3.404879937665872e-1f,
        -2.741127028184656e-1f,
        5.638259427386472e-1f
    };

    /// `erfc(x) x e^x²` in 1 / x², 2 ≤ x.
    static final float[] FAR = {
        0,
        -1.047766399936249e1f,
        1.297719955372516e1f,
        -7.495518717768503f,
        2.921019019210786f,
        -1.015265279202700f,
        4.218463358204948e-1f,
        -2.820767439740514e-1f,
        5.641895067754075e-1f
    };

    private ErrorFunction() {}

    /// The normal distribution `Φ(x) = (1 + erf(x / √2)) / 2`.
    static double normal(double x) {
        double z = Math.abs(x) * Math.sqrt(0.5);
        if (z < 1) {
            double half = 0.5 * z * polynomial(NEAR, z * z);
            return x < 0 ? 0.5 - half : 0.5 + half;
        }
        double inverse = 1 / z;
        double polynomial = polynomial(z < 2 ? MIDDLE : FAR, inverse * inverse);
        double tail = 0.5 * Math.exp(-z * z) * inverse * polynomial;
        return x < 0 ? tail : 1 - tail;
    }

    private static double polynomial(float[] coefficients, double x) {
        double sum = 0;
        for (float coefficient : coefficients) {
            sum = sum * x + coefficient;
        }
        return sum;
    }
}
