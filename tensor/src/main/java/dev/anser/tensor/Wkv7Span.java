package dev.anser.tensor;

/// Addresses for the backward pass of [Ops#wkv7] of one head of one sequence, value columns
/// `from..to`.
///
/// `r` to `b`, `dy`, `removed` (the forward pass's u) and the gradients `dr` to `db` point at
/// channel 0 of the head in the sequence's first row, with `stride` floats from one token to the
/// next. `checkpoints` is the key-major state before every [#INTERVAL]-th token, `checkpointStride`
/// floats apart.
///
/// Everything is added to what is there.
///
/// @param dFinal the gradient to the state after the last token (size, size), or 0 for none
/// @param dInitial where the gradient to the state before the first token is added, or 0
/// @param scratch [#scratchFloats] floats of this task, at a multiple of 64 bytes
record Wkv7Span(
        long r,
        long w,
        long k,
        long v,
        long a,
        long b,
        long dy,
        long removed,
        long checkpoints,
        long checkpointStride,
        long dr,
        long dw,
        long dk,
        long dv,
        long da,
        long db,
        int size,
        int from,
        int to,
        int stride,
        int tokens,
        long dFinal,
        long dInitial,
        long scratch) {
    /// Tokens from one checkpoint to the next.
    static final int INTERVAL = 16;

    /// Floats that a backward pass over `columns` value columns of a head needs beside its results:
    /// the states of one interval, the state's gradient, and the inputs and results of one interval
    /// in rows of whole vectors.
    static long scratchFloats(int size, int columns) {
        long keys = wholeVectors(size);
        long values = wholeVectors(columns);
        return (INTERVAL + 1) * keys * values + 40 * values + 10 * INTERVAL * keys + 4 * INTERVAL;
    }

    /// `count` rounded up to a multiple of the widest vector.
    static long wholeVectors(int count) {
        return (count + 15L) / 16 * 16;
    }

    /// Intervals that `tokens` tokens begin.
    static int intervals(int tokens) {
        return (tokens + INTERVAL - 1) / INTERVAL;
    }
}
