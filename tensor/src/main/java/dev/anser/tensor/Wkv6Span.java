package dev.anser.tensor;

/// Addresses for the backward pass of [Wkv6] of one head of one sequence.
///
/// `r` to `v`, `dy` and the gradients `dr` to `dv` point at channel 0 of the head in the sequence's
/// first row, with `stride` floats from one token to the next, `decayStride` for `w` and `dw`;
/// `bonus` and `dBonus` are the same for all tokens. `checkpoints` is the key-major state before
/// every [#INTERVAL]-th token, `checkpointStride` floats apart.
///
/// Everything is added to what is there.
///
/// @param dFinal the gradient to the state after the last token (size, size), or 0 for none
/// @param dInitial where the gradient to the state before the first token is added, or 0
/// @param scratch [#scratchFloats] floats of this task, at a multiple of 64 bytes
record Wkv6Span(
        long r,
        long w,
        long k,
        long v,
        long bonus,
        long dy,
        long checkpoints,
        long checkpointStride,
        long dr,
        long dw,
        long dk,
        long dv,
        long dBonus,
        int size,
        int stride,
        int decayStride,
        int tokens,
        long dFinal,
        long dInitial,
        long scratch) {
    /// Tokens from one checkpoint to the next.
    static final int INTERVAL = 16;

    /// Floats that a backward pass over a head needs beside its results: the states of one interval
    /// and the state's gradient, rows of keys in whole vectors, a whole vector for each value, and
    /// a few rows.
    static long scratchFloats(int size) {
        long keys = wholeVectors(size);
        return (INTERVAL + 1L) * size * keys + 24 * keys;
    }

    /// `count` rounded up to a multiple of the widest vector.
    static int wholeVectors(int count) {
        return (count + 15) / 16 * 16;
    }

    /// Intervals that `tokens` tokens begin.
    static int intervals(int tokens) {
        return (tokens + INTERVAL - 1) / INTERVAL;
    }
}
