package dev.anser.tensor;

/// How the rows of a ragged batch belong to sequences.
///
/// Segment `s` owns the rows `[start(s), end(s))`: consecutive tokens of one sequence. It continues
/// from its own carried tensors (the sequence's state) and leaves them as they are after its last
/// row.
public interface Segments {
    /// Number of rows of all segments together.
    int rows();

    /// Number of segments.
    int count();

    /// First row of segment `segment`.
    int start(int segment);

    /// One past the last row of segment `segment`; always greater than its start.
    int end(int segment);

    /// The segment that `row` belongs to.
    int segment(int row);

    /// The carried tensor of `segment` in `slot`: read before its first row, overwritten after its
    /// last.
    Tensor carried(int segment, int slot);
}
