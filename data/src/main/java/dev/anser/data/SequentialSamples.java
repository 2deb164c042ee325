package dev.anser.data;

import java.util.Arrays;

/// Windows one after the other, for evaluation: every token but the first is a counted target
/// exactly once. The last window is filled up with token 0, which does not count.
public final class SequentialSamples implements Samples {
    private final Tokens tokens;
    private final int length;

    /// Reads `tokens`, which this closes.
    ///
    /// @param length T
    /// @throws DataException when there are fewer than two tokens
    public SequentialSamples(Tokens tokens, int length) {
        Windows.requireLength(length);
        if (tokens.size() < 2) {
            throw new DataException(
                    "the data has " + tokens.size() + " tokens; expected at least 2");
        }
        this.tokens = tokens;
        this.length = length;
    }

    @Override
    public int length() {
        return length;
    }

    @Override
    public long count() {
        return (tokens.size() - 2) / length + 1;
    }

    @Override
    public int largestToken() {
        return tokens.largest();
    }

    @Override
    public String fingerprint() {
        return tokens.digest() + " order=sequential context=" + length;
    }

    @Override
    public void read(long index, int[] target, boolean[] counts) {
        Windows.requireIndex(index);
        long from = index % count() * length;
        int there = (int) Math.min(length + 1L, tokens.size() - from);
        tokens.read(from, target, 0, there);
        Arrays.fill(target, there, length + 1, 0);
        Arrays.fill(counts, 0, there - 1, true);
        Arrays.fill(counts, there - 1, length, false);
    }

    @Override
    public void close() {
        tokens.close();
    }
}
