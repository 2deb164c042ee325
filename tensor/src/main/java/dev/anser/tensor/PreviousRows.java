package dev.anser.tensor;

import org.jspecify.annotations.Nullable;

/// Token shift: for each row of `x` (R, C) the row before in the same sequence, or the carried
/// tensor `slot` (C) for a segment's first row. Result (R, C). Carries the last row.
public final class PreviousRows extends Operation {
    private final Tensor x;
    private final Segments segments;
    private final int slot;

    /// The rows before those of `x`.
    public PreviousRows(Tensor x, Segments segments, int slot) {
        this.x = x;
        this.segments = segments;
        this.slot = slot;
    }

    @Override
    String name() {
        return "previousRows";
    }

    @Override
    Tensor forward(Pass pass) {
        EagerOps.requireF32(x, "x");
        EagerOps.requireRows(x, segments);
        int columns = x.columns();
        for (int s = 0; s < segments.count(); s++) {
            EagerOps.requireVector(
                    segments.carried(s, slot), columns, "the carried row of previousRows");
        }
        Tensor y = pass.allocate(x.rows(), columns);
        long row = 4L * columns;
        for (int s = 0; s < segments.count(); s++) {
            long carried = segments.carried(s, slot).address();
            long from = segments.start(s) * row;
            long bytes = (segments.end(s) - segments.start(s) - 1) * row;
            Memory.copy(carried, y.address() + from, row);
            Memory.copy(x.address() + from, y.address() + from + row, bytes);
            Memory.copy(x.address() + from + bytes, carried, row);
        }
        return y;
    }

    /// A row's gradient is that of the result in the row behind it; the last one's comes from the
    /// state after the batch.
    @Override
    void backward(Gradients gradients, Tensor y, Tensor dy) {
        Target dx = gradients.target(x);
        int count = segments.count();
        @Nullable Tensor[] before = new Tensor[count];
        @Nullable Tensor[] after = new Tensor[count];
        for (int s = 0; s < count; s++) {
            before[s] = gradients.parameter(segments.carried(s, slot));
            after[s] = gradients.carried(segments.carried(s, slot));
        }
        gradients.parts(
                count,
                1,
                (from, to, _) -> {
                    for (int s = from; s < to; s++) {
                        backward(gradients.kernels(), dy, dx, s, before[s], after[s]);
                    }
                });
    }

    private void backward(
            GradientKernels kernels,
            Tensor dy,
            Target dx,
            int segment,
            @Nullable Tensor before,
            @Nullable Tensor after) {
        int columns = x.columns();
        int first = segments.start(segment);
        int last = segments.end(segment) - 1;
        long row = 4L * columns;
        if (before != null) {
            kernels.add(dy.address() + first * row, before.address(), columns);
        }
        for (int i = first; i < last; i++) {
            put(kernels, dy.address() + (i + 1) * row, dx, i, columns);
        }
        if (after != null) {
            put(kernels, after.address(), dx, last, columns);
        } else if (!dx.add()) {
            Memory.clear(dx.address() + last * row, row);
        }
    }

    private static void put(GradientKernels kernels, long source, Target dx, int row, int columns) {
        long target = dx.address() + 4L * row * columns;
        if (dx.add()) {
            kernels.add(source, target, columns);
        } else {
            Memory.copy(source, target, 4L * columns);
        }
    }
}
