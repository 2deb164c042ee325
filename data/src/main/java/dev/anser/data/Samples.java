package dev.anser.data;

/// Training samples of one length, each found by its number alone: a run that is resumed needs to
/// know only how many it has drawn.
///
/// May be read by many threads at once.
public interface Samples extends AutoCloseable {
    /// Inputs of a sample, T; it has T + 1 tokens.
    int length();

    /// How many samples there are before the order starts anew.
    long count();

    /// The largest token id in the data; a model needs a vocabulary above it.
    int largestToken();

    /// What tells this data and its order from others: a digest of the contents, with the settings
    /// that decide the order. A run that is resumed refuses data of another fingerprint.
    String fingerprint();

    /// Reads sample `index`, any number from 0; from [#count()] on the order starts anew.
    ///
    /// @param tokens gets the T + 1 token ids
    /// @param counts gets for each of T targets (`tokens[1..]`) whether it counts in the loss
    void read(long index, int[] tokens, boolean[] counts);

    /// Closes the files.
    @Override
    void close();
}
