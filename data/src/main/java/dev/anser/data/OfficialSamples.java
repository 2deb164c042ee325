package dev.anser.data;

import java.util.Arrays;

/// Samples in the order of RWKV's trainer: windows of T tokens, drawn by the magic prime, each once
/// before the order starts anew. Every target counts.
public final class OfficialSamples implements Samples {
    private final Tokens tokens;
    private final int length;
    private final long prime;

    /// Draws from `tokens`, which this closes.
    ///
    /// @param length T
    /// @throws DataException when there are fewer than three windows of T tokens
    public OfficialSamples(Tokens tokens, int length) {
        Windows.requireLength(length);
        this.tokens = tokens;
        this.length = length;
        this.prime = MagicPrime.of(tokens.size(), length);
        if (prime < 0) {
            throw new DataException(
                    "the data has "
                            + tokens.size()
                            + " tokens, too few for the official order at context "
                            + length
                            + "; expected at least "
                            + 3L * length
                            + ": use a shorter context or the random order");
        }
    }

    /// The magic prime, which is also [#count()].
    public long prime() {
        return prime;
    }

    @Override
    public int length() {
        return length;
    }

    @Override
    public long count() {
        return prime;
    }

    @Override
    public int largestToken() {
        return tokens.largest();
    }

    @Override
    public String fingerprint() {
        return tokens.digest() + " order=official context=" + length;
    }

    @Override
    public void read(long index, int[] target, boolean[] counts) {
        Windows.requireIndex(index);
        // The official numbers start at 1.
        long ii = index % prime + 1;
        tokens.read(MagicPrime.window(prime, ii) * length, target, 0, length + 1);
        Arrays.fill(counts, 0, length, true);
    }

    @Override
    public void close() {
        tokens.close();
    }
}
