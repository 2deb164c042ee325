package dev.anser.tensor;

/// `factor · x`.
public final class Scale extends Operation {
    private final Tensor x;
    private final float factor;
    private HeadKernels kernels = new ReferenceHeads();

    /// @param x (R, C)
    public Scale(Tensor x, float factor) {
        this.x = x;
        this.factor = factor;
    }

    @Override
    String name() {
        return "scale";
    }

    @Override
    Tensor forward(Pass pass) {
        kernels = pass.kernels().heads();
        Tensor y = pass.allocate(x.rows(), x.columns());
        int columns = x.columns();
        pass.parts(
                x.rows(),
                Math.max(1, (1 << 14) / columns),
                (from, to, _) -> {
                    long at = 4L * from * columns;
                    int count = (to - from) * columns;
                    kernels.scale(x.address() + at, factor, y.address() + at, count);
                });
        return y;
    }

    @Override
    void backward(Gradients gradients, Tensor y, Tensor dy) {
        Target dx = gradients.target(x);
        int columns = x.columns();
        gradients.parts(
                x.rows(),
                Math.max(1, (1 << 14) / columns),
                (from, to, _) -> {
                    long d = dy.address() + 4L * from * columns;
                    long own = dx.address() + 4L * from * columns;
                    int count = (to - from) * columns;
                    kernels.combination(d, factor, d, 0, own, dx.add(), count);
                });
    }
}
