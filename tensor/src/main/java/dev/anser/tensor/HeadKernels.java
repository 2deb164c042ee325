package dev.anser.tensor;

/// The arithmetic of attention, retention and the gates around them on one backend, on raw
/// addresses and one thread: mostly inner products and sums over the channels of one head.
///
/// [ReferenceHeads] says what each one means, in plain Java. A `stride` is the number of floats
/// from one row to the next. Every result has one fixed order of additions, which depends on the
/// sizes alone.
interface HeadKernels {
    /// `Σ a_i b_i`.
    float dot(long a, long b, int size);

    /// `sums_j = x · rows_j` for `count` rows of `size`. `sums` has room for `count` floats.
    void dots(long x, long rows, long stride, int count, int size, long sums);

    /// `sum += Σ_j weights_j rows_j` for `count` rows of `size`.
    void addRows(long weights, long rows, long stride, int count, int size, long sum);

    /// `rows_j += weights_j x` for `count` rows of `size`.
    void addOuter(long weights, long x, int count, int size, long rows, long stride);

    /// `y = factor x`; `x` and `y` may be the same.
    void scale(long x, float factor, long y, int size);

    /// `y = factor a b`; `y` may be one of them.
    void multiply(long a, long b, float factor, long y, int size);

    /// `y += factor a b`.
    void addProduct(long a, long b, float factor, long y, int size);

    /// `target = x a + y b`, or adds it.
    void combination(long x, float a, long y, float b, long target, boolean add, int size);

    /// `y = e^(factor x - shift)`; `x` and `y` may be the same.
    void exponentials(long x, float factor, float shift, long y, int size);

    /// `y = 1 / (1 + e^-x)`.
    void sigmoid(long x, long y, int size);

    /// `y = sigmoid'(x)`.
    void sigmoidSlope(long x, long y, int size);

    /// `y = x / (1 + e^-x)`.
    void silu(long x, long y, int size);

    /// `y = silu'(x)`.
    void siluSlope(long x, long y, int size);

    /// `y = x Φ(x)` with the normal distribution Φ, by the error function.
    void gelu(long x, long y, int size);

    /// `y = gelu'(x)`.
    void geluSlope(long x, long y, int size);

    /// One step of one row of a retention state: `state = decay state + added key`.
    ///
    /// @return `query · state`, of the new one
    float retain(long state, float decay, float added, long key, long query, int size);
}
