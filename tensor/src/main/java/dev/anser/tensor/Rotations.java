package dev.anser.tensor;

/// The angles that a rotary position embedding (arXiv 2104.09864) turns each row by, for all layers
/// of a pass: for position p and pair i, `cos(p · frequency_i)`, and behind all cosines of the row
/// the sines. Result (R, 2 · pairs). It has no gradient.
public final class Rotations extends Operation {
    private final double[] frequencies;
    private final Segments segments;
    private final int positionSlot;

    /// @param frequencies radians a position, one for each pair of channels; borrowed
    /// @param positionSlot the carried tensor that counts tokens, those of the batch included
    public Rotations(double[] frequencies, Segments segments, int positionSlot) {
        this.frequencies = frequencies;
        this.segments = segments;
        this.positionSlot = positionSlot;
    }

    @Override
    String name() {
        return "rotations";
    }

    @Override
    Tensor forward(Pass pass) {
        int pairs = frequencies.length;
        Tensor y = pass.allocate(segments.rows(), 2 * pairs);
        for (int s = 0; s < segments.count(); s++) {
            int start = segments.start(s);
            int first = Positions.first(segments, s, positionSlot);
            pass.parts(
                    segments.end(s) - start,
                    16,
                    (from, to, _) -> {
                        for (int row = from; row < to; row++) {
                            fill(first + row, y.address() + 8L * (start + row) * pairs);
                        }
                    });
        }
        return y;
    }

    private void fill(int position, long row) {
        int pairs = frequencies.length;
        for (int i = 0; i < pairs; i++) {
            double angle = position * frequencies[i];
            Memory.set(row, i, (float) Math.cos(angle));
            Memory.set(row, pairs + i, (float) Math.sin(angle));
        }
    }

    @Override
    void backward(Gradients gradients, Tensor y, Tensor dy) {
        // Positions are no operand.
    }
}
