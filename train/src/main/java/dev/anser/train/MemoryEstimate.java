package dev.anser.train;

import java.util.Locale;

/// What a run takes of the machine's memory, before it begins. Everything in bytes.
///
/// @param weights F32 weights
/// @param gradients of the weights that learn
/// @param moments two numbers for each weight that learns
/// @param activations of one batch, with their gradients
public record MemoryEstimate(long weights, long gradients, long moments, long activations) {
    /// The JVM with its code, its heap and the libraries that it loads.
    private static final long PROGRAM = 400_000_000;

    /// Floats of width C that a block of RWKV-7 keeps for each row: its results, and the state and
    /// u of WKV. Blocks of the other families keep fewer, unless their feed-forward part is much
    /// wider than usual.
    private static final int KEPT = 44;

    /// Floats of width C in the gradients that are alive at once, for each row.
    private static final int GRADIENTS = 24;

    /// Floats of width C that a block keeps when it is computed again: what goes in and out.
    private static final int KEPT_OF_RECOMPUTED = 2;

    /// The estimate of a run.
    ///
    /// @param parameters of the model
    /// @param learning how many of them learn
    /// @param rows tokens that run at once
    /// @param recompute whether blocks are computed again in the backward pass
    static MemoryEstimate of(
            long parameters,
            long learning,
            int layers,
            int width,
            int vocabulary,
            long rows,
            boolean recompute) {
        long kept =
                recompute ? 2 * KEPT + (long) layers * KEPT_OF_RECOMPUTED : (long) layers * KEPT;
        long blocks = rows * width * (kept + GRADIENTS);
        long logits = rows * vocabulary;
        return new MemoryEstimate(
                4 * parameters, 4 * learning, 8 * learning, 4 * (blocks + logits));
    }

    /// All of it, the program included.
    public long bytes() {
        return weights + gradients + moments + activations + PROGRAM;
    }

    /// Refuses a run that the machine has no memory for.
    ///
    /// @param available bytes that the machine could give
    /// @throws TrainingException when it is more than `available`
    public void requireBelow(long available) {
        if (bytes() > available) {
            throw new TrainingException(
                    "the run needs about "
                            + this
                            + ", but only "
                            + gigabytes(available)
                            + " are free; take fewer batch.sequences with more batch.accumulate,"
                            + " a shorter data.context or a smaller model");
        }
    }

    /// `1.23 GB of memory (weights 0.2, …)`.
    @Override
    public String toString() {
        return gigabytes(bytes())
                + " of memory (weights "
                + gigabytes(weights)
                + ", gradients "
                + gigabytes(gradients)
                + ", moments "
                + gigabytes(moments)
                + ", activations "
                + gigabytes(activations)
                + ", program "
                + gigabytes(PROGRAM)
                + ")";
    }

    private static String gigabytes(long bytes) {
        return bytes < 1_000_000_000
                ? String.format(Locale.ROOT, "%.1f MB", bytes / 1e6)
                : String.format(Locale.ROOT, "%.2f GB", bytes / 1e9);
    }
}
