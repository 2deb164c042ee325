package dev.anser.tensor;

/// Big matrix products by a native library, one block at a time.
///
/// [EagerOps] cuts a product into blocks by its shape alone and hands them to its team, so a
/// library needs no threads of its own, and results do not depend on how many there are. A backend
/// gives its library to [EagerOps#of(Products, Threads)].
///
/// All matrices are row-major, at raw addresses that the caller has checked, with the number of
/// elements from one row to the next given (the leading dimension).
public interface Products extends AutoCloseable {
    /// Whether operands of `type` (F32 or BF16) are multiplied as they are. F32 always is; BF16
    /// only where that is faster than widening them first.
    boolean multiplies(DType type);

    /// `c = op(a) · op(b)`, or `c += op(a) · op(b)` when `accumulate`, on the calling thread alone.
    ///
    /// `op(a)` is (m, k): `a` itself, or its transpose where `a` is stored (k, m). `op(b)` is (k,
    /// n): `b` itself, or its transpose where `b` is stored (n, k). Both have elements of `type`;
    /// `c` (m, n) is F32, and sums are taken in F32. Equal calls give equal bits.
    ///
    /// @param worker the member of the team that calls, from 0 to the number that these products
    ///   were made for - 1; no two calls at once have the same
    void multiply(
            int worker,
            DType type,
            int m,
            int n,
            int k,
            long a,
            boolean transposedA,
            long strideA,
            long b,
            boolean transposedB,
            long strideB,
            long c,
            long strideC,
            boolean accumulate);

    /// Frees what was kept for repeated calls.
    @Override
    void close();
}
