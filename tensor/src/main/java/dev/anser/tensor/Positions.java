package dev.anser.tensor;

/// Where in its sequence a segment stands, by the carried tensor that counts a sequence's tokens,
/// those of the batch included.
final class Positions {
    private Positions() {}

    /// The position of the first row of `segment`.
    ///
    /// @throws ShapeException when the carried tensor `slot` counts fewer tokens than the segment
    ///   has
    static int first(Segments segments, int segment, int slot) {
        Tensor counter = segments.carried(segment, slot);
        int rows = segments.end(segment) - segments.start(segment);
        int count = (int) Memory.get(counter.address(), 0);
        if (count < rows) {
            throw new ShapeException(
                    "the state of segment "
                            + segment
                            + " counts "
                            + count
                            + " tokens; expected at least the "
                            + rows
                            + " of the batch");
        }
        return count - rows;
    }

    /// Refuses a pass that wants a gradient to what the state in `slot` was before it, or has one
    /// to what it was after it.
    ///
    /// @throws ShapeException when it does
    static void refuseGradients(Gradients gradients, Segments segments, int slot) {
        for (int s = 0; s < segments.count(); s++) {
            Tensor state = segments.carried(s, slot);
            if (gradients.parameter(state) != null || gradients.carried(state) != null) {
                throw new ShapeException(
                        "there is no gradient to the state "
                                + state
                                + " before a batch; cut documents into chunks that hand on the"
                                + " state alone");
            }
        }
    }
}
