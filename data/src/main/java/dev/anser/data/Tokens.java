package dev.anser.data;

/// One long row of token ids, in a file or in memory. May be read by many threads at once.
public interface Tokens extends AutoCloseable {
    /// How many tokens there are.
    long size();

    /// Reads `count` tokens from `position` on into `target[offset..]`.
    ///
    /// @throws DataException when a number there is no token id
    /// @throws IndexOutOfBoundsException when they are not all there
    void read(long position, int[] target, int offset, int count);

    /// The largest token id, 0 when there is none. The first call may read everything.
    ///
    /// @throws DataException when a number is no token id; the message says which and where
    int largest();

    /// A SHA-256 over what tells these tokens from others, in hexadecimal. Of files too large to be
    /// read at every start it covers the size and evenly spaced blocks.
    String digest();

    /// A part of these tokens, from and to given as shares of them; closing it closes these.
    ///
    /// @throws DataException unless 0 ≤ from < to ≤ 1
    default Tokens part(double from, double to) {
        return new PartOfTokens(this, from, to);
    }

    /// Closes the files.
    @Override
    void close();
}
