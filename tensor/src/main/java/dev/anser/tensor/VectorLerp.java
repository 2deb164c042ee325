package dev.anser.tensor;

import org.jspecify.annotations.Nullable;

/// `from + (to - from) · (share + more)` with `from`, `to` and `more` (R, C) and a vector `share`
/// (C): the mixing of token shift. `more`, the share that depends on the data, may be missing.
public final class VectorLerp extends Operation {
    private final Tensor from;
    private final Tensor to;
    private final Tensor share;
    private final @Nullable Tensor more;

    /// Goes the way from `from` to `to` by `share` of each channel.
    public VectorLerp(Tensor from, Tensor to, Tensor share) {
        this(from, to, share, null);
    }

    /// Goes the way from `from` to `to` by `share` of each channel and `more` of each element.
    public VectorLerp(Tensor from, Tensor to, Tensor share, @Nullable Tensor more) {
        this.from = from;
        this.to = to;
        this.share = share;
        this.more = more;
    }

    @Override
    String name() {
        return "vectorLerp";
    }

    @Override
    Tensor forward(Pass pass) {
        EagerOps.requireSame(from, to, "vectorLerp");
        EagerOps.requireVector(share, from.columns(), "the share of vectorLerp");
        if (more != null) {
            EagerOps.requireSame(from, more, "vectorLerp");
        }
        Kernels kernels = pass.kernels();
        int columns = from.columns();
        Tensor y = pass.allocate(from.rows(), columns);
        pass.rows(
                y.rows(),
                columns,
                (first, last, _) -> {
                    for (int row = first; row < last; row++) {
                        long at = 4L * row * columns;
                        long target = y.address() + at;
                        long weight = share.address();
                        if (more != null) { // the row of y holds its weights first
                            kernels.add(weight, more.address() + at, target, columns);
                            weight = target;
                        }
                        kernels.lerp(
                                from.address() + at, to.address() + at, weight, target, columns);
                    }
                });
        return y;
    }

    /// As that of [Ops#lerp], and the gradient of the vector is summed over the rows.
    @Override
    void backward(Gradients gradients, Tensor y, Tensor dy) {
        GradientKernels kernels = gradients.kernels();
        int rows = dy.rows();
        int columns = dy.columns();
        Target dFrom = gradients.target(from);
        Target dTo = gradients.target(to);
        Target dMore = more == null ? null : gradients.target(more);
        Tensor weights = gradients.temporary(rows, columns);
        Tensor dWeights = gradients.temporary(rows, columns);
        Target into = new Target(dWeights, false);
        gradients.rows(
                rows,
                columns,
                (first, last, _) -> {
                    for (int row = first; row < last; row++) {
                        long at = 4L * row * columns;
                        Memory.copy(share.address(), weights.address() + at, 4L * columns);
                    }
                    int start = first * columns;
                    int end = last * columns;
                    if (more != null) {
                        kernels.pass(more, new Target(weights, true), start, end);
                    }
                    kernels.lerp(from, to, weights, dy, dFrom, dTo, into, start, end);
                    if (dMore != null) {
                        kernels.pass(dWeights, dMore, start, end);
                    }
                });
        gradients.summedRows(
                rows,
                columns,
                0,
                new @Nullable Tensor[] {gradients.parameter(share)},
                (first, last, sums, _) -> {
                    for (int row = first; row < last; row++) {
                        kernels.add(dWeights.address() + 4L * row * columns, sums, columns);
                    }
                });
        gradients.release(dWeights);
        gradients.release(weights);
    }
}
