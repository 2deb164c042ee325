package dev.anser.tensor;

/// Segments of given lengths, each with its carried tensors.
final class TestSegments implements Segments {
    private final int[] starts;
    private final Tensor[][] carried;

    /// With one carried tensor for each segment.
    TestSegments(int[] lengths, Tensor[] carried) {
        this(lengths, new Tensor[lengths.length][]);
        for (int i = 0; i < lengths.length; i++) {
            this.carried[i] = new Tensor[] {carried[i]};
        }
    }

    /// With the carried tensors of each segment in their slots.
    TestSegments(int[] lengths, Tensor[][] carried) {
        this.carried = carried;
        starts = new int[lengths.length + 1];
        for (int i = 0; i < lengths.length; i++) {
            starts[i + 1] = starts[i] + lengths[i];
        }
    }

    @Override
    public int rows() {
        return starts[starts.length - 1];
    }

    @Override
    public int count() {
        return starts.length - 1;
    }

    @Override
    public int start(int segment) {
        return starts[segment];
    }

    @Override
    public int end(int segment) {
        return starts[segment + 1];
    }

    @Override
    public int segment(int row) {
        int segment = 0;
        while (row >= end(segment)) {
            segment++;
        }
        return segment;
    }

    @Override
    public Tensor carried(int segment, int slot) {
        return carried[segment][slot];
    }
}
