package dev.anser.tensor;

import org.jspecify.annotations.Nullable;

/// `x · (bias + factor)` element by element, with `x` and `factor` (R, C) and a `bias` (C) that is
/// the same for every row.
public final class ProductWithBias extends Operation {
    private final Tensor x;
    private final Tensor factor;
    private final Tensor bias;
    private HeadKernels kernels = new ReferenceHeads();

    /// @param x (R, C)
    /// @param factor (R, C)
    /// @param bias (C)
    public ProductWithBias(Tensor x, Tensor factor, Tensor bias) {
        this.x = x;
        this.factor = factor;
        this.bias = bias;
    }

    @Override
    String name() {
        return "productWithBias";
    }

    @Override
    Tensor forward(Pass pass) {
        EagerOps.requireSame(x, factor, "productWithBias");
        EagerOps.requireVector(bias, x.columns(), "the bias of productWithBias");
        kernels = pass.kernels().heads();
        Kernels sums = pass.kernels();
        int columns = x.columns();
        Tensor y = pass.allocate(x.rows(), columns);
        pass.rows(
                x.rows(),
                columns,
                (from, to, _) -> {
                    for (int row = from; row < to; row++) {
                        long at = 4L * row * columns;
                        long own = y.address() + at;
                        sums.add(factor.address() + at, bias.address(), own, columns);
                        kernels.multiply(x.address() + at, own, 1, own, columns);
                    }
                });
        return y;
    }

    /// `dx = dy · (bias + factor)`, `dfactor = dy · x`, and `dbias` the sum of its rows.
    @Override
    void backward(Gradients gradients, Tensor y, Tensor dy) {
        Target dx = gradients.target(x);
        Target dFactor = gradients.target(factor);
        GradientKernels sums = gradients.kernels();
        int columns = x.columns();
        gradients.summedRows(
                x.rows(),
                columns,
                columns,
                new @Nullable Tensor[] {gradients.parameter(bias)},
                (from, to, share, scratch) -> {
                    for (int row = from; row < to; row++) {
                        long at = 4L * row * columns;
                        Memory.copy(factor.address() + at, scratch, 4L * columns);
                        sums.add(bias.address(), scratch, columns);
                        put(scratch, dy.address() + at, dx, at, columns);
                        put(x.address() + at, dy.address() + at, dFactor, at, columns);
                        kernels.addProduct(x.address() + at, dy.address() + at, 1, share, columns);
                    }
                });
    }

    private void put(long a, long b, Target target, long at, int columns) {
        if (target.add()) {
            kernels.addProduct(a, b, 1, target.address() + at, columns);
        } else {
            kernels.multiply(a, b, 1, target.address() + at, columns);
        }
    }
}
