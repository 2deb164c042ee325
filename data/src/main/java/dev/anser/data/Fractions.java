package dev.anser.data;

/// Parts of data, given as shares of it.
final class Fractions {
    private Fractions() {}

    static void require(double from, double to) {
        if (!(from >= 0 && from < to && to <= 1)) {
            throw new DataException(
                    "the part of the data is "
                            + from
                            + " to "
                            + to
                            + "; expected 0 ≤ from < to ≤ 1");
        }
    }

    /// `share` of `size`, rounded down.
    static long position(double share, long size) {
        return (long) (size * share);
    }
}
