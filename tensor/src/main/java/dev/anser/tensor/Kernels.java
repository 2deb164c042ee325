package dev.anser.tensor;

/// The arithmetic of one backend, on raw addresses and one thread.
///
/// [ReferenceKernels] says what each one means, in plain Java; every other implementation is tested
/// against it. Ranges are half open. Callers have checked all shapes; kernels check nothing.
/// Activations and vectors are F32; only weight matrices have a type.
///
/// A result element depends on the operands alone: each is summed in one fixed order, whatever the
/// range or the number of rows. So the same row gives the same bits alone or in a batch, in one
/// range or cut into many.
interface Kernels {
    /// The backward steps of the same backend.
    GradientKernels gradients();

    /// The kernels of attention and retention of the same backend.
    HeadKernels heads();

    /// `count` elements of `type` at `source` to floats at `target`. For team member `worker`,
    /// which has scratch memory of its own.
    void toFloat(DType type, long source, long target, int count, int worker);

    /// `count` floats at `x` rounded to bfloat16 at `y`, to nearest even.
    void toBfloat16(long x, long y, int count);

    /// `count` floats at `x` rounded to bfloat16 and written to `y` as floats.
    void roundToBfloat16(long x, long y, int count);

    /// Whether no element is infinite or NaN.
    boolean allFinite(long x, int count);

    /// For each of `rows` rows of `x` (rows, in): outputs `from..to` of `x · wᵀ`, with `w` (out,
    /// in), into `y` (rows, out). For team member `worker`, which has scratch memory of its own.
    void linear(
            DType type,
            long x,
            int rows,
            int in,
            long w,
            int out,
            int from,
            int to,
            long y,
            int worker);

    /// `count` floats at `x`, whole blocks of `weights`, rounded as [EightBits] says and written to
    /// `y` as floats.
    void roundToEightBits(DType weights, long x, long y, int count);

    /// Whether [#linear(DType, EightBitRow, int, long, int, int, long, int)] knows weights of
    /// `type`. It is never called otherwise.
    default boolean multipliesEightBits(DType type) {
        return false;
    }

    /// `count` floats at `x`, whole blocks of `weights`, rounded to `row`.
    default void roundToEightBits(DType weights, long x, int count, EightBitRow row) {
        throw new UnsupportedOperationException("no products of integers");
    }

    /// Outputs `from..to` of the row `x` times `wᵀ`, with `w` (out, in) and `x` rounded for its
    /// `type`, into `y` (out): what [#linear(DType, long, int, int, long, int, int, int, long,
    /// int)] makes of the same row as floats, but for the roundings of its sums.
    default void linear(
            DType type, EightBitRow x, int in, long w, int from, int to, long y, int worker) {
        throw new UnsupportedOperationException("no products of integers");
    }

    /// For each of `rows` rows of `x` (rows, in): outputs `from..to` of `x · w`, with `w` (in,
    /// out), into `y` (rows, out). For team member `worker`, which has scratch memory of its own.
    void project(
            DType type,
            long x,
            int rows,
            int in,
            long w,
            int out,
            int from,
            int to,
            long y,
            int worker);

    /// Rows `from..to` of `target += aᵀ · b`, with `a` (rows, out), `b` (rows, in) and `target`
    /// (out, in).
    void addOuter(long a, long b, int rows, int out, int in, int from, int to, long target);

    /// `y = a + b`.
    void add(long a, long b, long y, int count);

    /// `y = e^x`; `x` and `y` may be the same.
    void exp(long x, long y, int count);

    /// `y = tanh(x)`.
    void tanh(long x, long y, int count);

    /// `y = sigmoid(x)`.
    void sigmoid(long x, long y, int count);

    /// `y = max(x, 0)²`.
    void reluSquared(long x, long y, int count);

    /// `y = sigmoid(bias + x)`.
    void sigmoidWithBias(long x, long bias, long y, int count);

    /// `y = from + (to - from) · weight`.
    void lerp(long from, long to, long weight, long y, int count);

    /// `y = exp(-e^(-1/2) · sigmoid(bias + x))`.
    void decay7(long x, long bias, long y, int count);

    /// One row of layer normalisation.
    void layerNorm(long x, long weight, long bias, float epsilon, long y, int count);

    /// One head of [Ops#keys7]: `size` channels.
    void keys7(
            long k,
            long a,
            long keyScale,
            long keyRate,
            long key,
            long removal,
            long inContext,
            int size);

    /// `tokens` steps of one head of [Ops#wkv7], each of `size` channels with `stride` floats
    /// between tokens, for the value columns `from..to`; `state` is (size, size), key-major. All
    /// addresses are those of the head's channel 0. Keeps each token's `u = aᵀ · state` at
    /// `removed`, in the shape of `y`, unless that is 0.
    void wkv7(
            long r,
            long w,
            long k,
            long v,
            long a,
            long b,
            long y,
            int size,
            int from,
            int to,
            int stride,
            int tokens,
            long state,
            long removed);

    /// The backward pass of [#wkv7] over one sequence, head and range of value columns.
    void wkv7Gradient(Wkv7Span span);

    /// `tokens` steps of one head of [Wkv6], each of `size` channels with `stride` floats between
    /// tokens, and `decayStride` between those of `w`, for the value columns `from..to`; `state` is
    /// (size, size), key-major. All addresses are those of the head's channel 0.
    void wkv6(
            long r,
            long w,
            long k,
            long v,
            long bonus,
            long y,
            int size,
            int from,
            int to,
            int stride,
            int decayStride,
            int tokens,
            long state);

    /// One token of `count` channels of [Wkv4]. `scratch` has `count` floats.
    void wkv4(
            long w,
            long u,
            long k,
            long v,
            long y,
            long numerator,
            long denominator,
            long exponent,
            int count,
            long scratch);

    /// One head of [Ops#gatedGroupNorm7]: `size` channels.
    void gatedGroupNorm7(
            long x,
            long weight,
            long bias,
            float epsilon,
            long r,
            long k,
            long v,
            long bonus,
            long g,
            long y,
            int size);
}
