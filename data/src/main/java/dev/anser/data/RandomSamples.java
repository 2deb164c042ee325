package dev.anser.data;

import java.util.Arrays;

/// Windows that begin anywhere, drawn with replacement, as nanoGPT does. The place of a sample
/// follows from the seed and its number alone. Every target counts.
public final class RandomSamples implements Samples {
    private final Tokens tokens;
    private final int length;
    private final long seed;

    /// Draws from `tokens`, which this closes.
    ///
    /// @param length T
    /// @throws DataException when there are not T + 1 tokens
    public RandomSamples(Tokens tokens, int length, long seed) {
        Windows.requireLength(length);
        if (tokens.size() <= length) {
            throw new DataException(
                    "the data has "
                            + tokens.size()
                            + " tokens; expected at least "
                            + (length + 1L)
                            + " for context "
                            + length);
        }
        this.tokens = tokens;
        this.length = length;
        this.seed = seed;
    }

    @Override
    public int length() {
        return length;
    }

    /// [Long#MAX_VALUE]: the order never starts anew.
    @Override
    public long count() {
        return Long.MAX_VALUE;
    }

    @Override
    public int largestToken() {
        return tokens.largest();
    }

    @Override
    public String fingerprint() {
        return tokens.digest() + " order=random context=" + length + " seed=" + seed;
    }

    @Override
    public void read(long index, int[] target, boolean[] counts) {
        Windows.requireIndex(index);
        long from = SplitMix.at(seed, index, tokens.size() - length);
        tokens.read(from, target, 0, length + 1);
        Arrays.fill(counts, 0, length, true);
    }

    @Override
    public void close() {
        tokens.close();
    }
}
