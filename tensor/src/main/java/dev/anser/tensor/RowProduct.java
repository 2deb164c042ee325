package dev.anser.tensor;

/// The product of every row with a matrix of its own: `y_r = x_r · M_r`, with `x` (R, D) and in row
/// r of `matrices` (R, D · E) the matrix `M_r` (D, E), row after row. Result (R, E).
///
/// How the DeepEmbed of RWKV-7a lets each token change what its channel mix does.
public final class RowProduct extends Operation {
    private final Tensor x;
    private final Tensor matrices;
    private HeadKernels kernels = new ReferenceHeads();

    /// @param x (R, D)
    /// @param matrices (R, D · E)
    public RowProduct(Tensor x, Tensor matrices) {
        this.x = x;
        this.matrices = matrices;
    }

    @Override
    String name() {
        return "rowProduct";
    }

    @Override
    Tensor forward(Pass pass) {
        EagerOps.requireF32(x, "x");
        EagerOps.requireF32(matrices, "the matrices of rowProduct");
        if (matrices.rows() != x.rows() || matrices.columns() % x.columns() != 0) {
            throw new ShapeException(
                    "rowProduct of "
                            + x
                            + " and "
                            + matrices
                            + ": expected as many rows, each a matrix of "
                            + x.columns()
                            + " rows");
        }
        kernels = pass.kernels().heads();
        int inner = x.columns();
        int columns = matrices.columns() / inner;
        Tensor y = pass.allocate(x.rows(), columns);
        pass.rows(
                x.rows(),
                matrices.columns(),
                (from, to, _) -> {
                    for (int row = from; row < to; row++) {
                        long target = at(y, row);
                        Memory.clear(target, 4L * columns);
                        kernels.addRows(
                                at(x, row), at(matrices, row), columns, inner, columns, target);
                    }
                });
        return y;
    }

    private static long at(Tensor tensor, int row) {
        return tensor.address() + 4L * row * tensor.columns();
    }

    /// `dx_r = M_r · dy_r`, `dM_r = x_rᵀ · dy_r`.
    @Override
    void backward(Gradients gradients, Tensor y, Tensor dy) {
        Target dx = gradients.target(x);
        Target dMatrices = gradients.target(matrices);
        GradientKernels sums = gradients.kernels();
        int inner = x.columns();
        int columns = y.columns();
        Tensor scratch = gradients.temporary(gradients.workers(), inner);
        gradients.rows(
                x.rows(),
                matrices.columns(),
                (from, to, worker) -> {
                    for (int row = from; row < to; row++) {
                        long d = at(dy, row);
                        long own = at(dx.gradient(), row);
                        long products = dx.add() ? at(scratch, worker) : own;
                        kernels.dots(d, at(matrices, row), columns, inner, columns, products);
                        if (dx.add()) {
                            sums.add(products, own, inner);
                        }
                        long matrix = at(dMatrices.gradient(), row);
                        if (!dMatrices.add()) {
                            Memory.clear(matrix, 4L * inner * columns);
                        }
                        kernels.addOuter(at(x, row), d, inner, columns, matrix, columns);
                    }
                });
        gradients.release(scratch);
    }
}
