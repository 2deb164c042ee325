package dev.anser.tensor;

import org.jspecify.annotations.Nullable;

/// `x + bias`, the bias the same for every row.
public final class AddBias extends Operation {
    private final Tensor x;
    private final Tensor bias;

    /// @param x (R, C)
    /// @param bias (C)
    public AddBias(Tensor x, Tensor bias) {
        this.x = x;
        this.bias = bias;
    }

    @Override
    String name() {
        return "addBias";
    }

    @Override
    Tensor forward(Pass pass) {
        int columns = x.columns();
        if (bias.elements() != columns) {
            throw new ShapeException("a bias " + bias + " on " + x + ": expected " + columns);
        }
        Kernels kernels = pass.kernels();
        Tensor y = pass.allocate(x.rows(), columns);
        pass.parts(
                x.rows(),
                Math.max(1, (1 << 14) / columns),
                (from, to, _) -> {
                    for (int row = from; row < to; row++) {
                        long at = 4L * row * columns;
                        kernels.add(x.address() + at, bias.address(), y.address() + at, columns);
                    }
                });
        return y;
    }

    @Override
    void backward(Gradients gradients, Tensor y, Tensor dy) {
        Target dx = gradients.target(x);
        int columns = x.columns();
        GradientKernels kernels = gradients.kernels();
        gradients.summedRows(
                x.rows(),
                columns,
                0,
                new @Nullable Tensor[] {gradients.parameter(bias)},
                (from, to, sums, _) -> {
                    kernels.pass(dy, dx, from * columns, to * columns);
                    for (int row = from; row < to; row++) {
                        kernels.add(dy.address() + 4L * row * columns, sums, columns);
                    }
                });
    }
}
