package dev.anser.tensor;

/// The columns of `x` (R, n · C) in n groups, one behind the other: (n, R, C); see
/// [Tensor#part(int)].
public final class SplitColumns extends Operation {
    private final Tensor x;
    private final int groups;

    /// Splits the columns of `x` into `groups` of equal size.
    public SplitColumns(Tensor x, int groups) {
        this.x = x;
        this.groups = groups;
    }

    @Override
    String name() {
        return "splitColumns";
    }

    @Override
    Tensor forward(Pass pass) {
        EagerOps.requireF32(x, "x");
        if (groups < 1 || x.columns() % groups != 0) {
            throw new ShapeException(x + " cannot be split into " + groups + " groups of columns");
        }
        Tensor y = pass.allocate(groups, x.rows(), x.columns() / groups);
        pass.rows(
                x.rows(),
                x.columns(),
                (from, to, _) -> {
                    for (int row = from; row < to; row++) {
                        for (int group = 0; group < groups; group++) {
                            Memory.copy(whole(x, row, group), part(y, row, group), bytes());
                        }
                    }
                });
        return y;
    }

    private long bytes() {
        return 4L * (x.columns() / groups);
    }

    private long whole(Tensor tensor, int row, int group) {
        return tensor.address() + 4L * row * x.columns() + group * bytes();
    }

    private long part(Tensor tensor, int row, int group) {
        return tensor.address() + ((long) group * x.rows() + row) * bytes();
    }

    @Override
    void backward(Gradients gradients, Tensor y, Tensor dy) {
        Target dx = gradients.target(x);
        int columns = x.columns() / groups;
        gradients.rows(
                x.rows(),
                x.columns(),
                (from, to, _) -> {
                    for (int row = from; row < to; row++) {
                        for (int group = 0; group < groups; group++) {
                            long source = part(dy, row, group);
                            long target = whole(dx.gradient(), row, group);
                            if (dx.add()) {
                                gradients.kernels().add(source, target, columns);
                            } else {
                                Memory.copy(source, target, bytes());
                            }
                        }
                    }
                });
    }
}
