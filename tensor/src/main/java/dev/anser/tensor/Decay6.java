package dev.anser.tensor;

import static dev.anser.tensor.Memory.get;
import static dev.anser.tensor.Memory.set;

import org.jspecify.annotations.Nullable;

/// RWKV-6 decay: `exp(-exp(bias + x))` with `x` (R, C) and `bias` (C), each between 0 and 1.
/// (RWKV-6 paper, arXiv 2404.05892, section 4.2, Finch time mixing.)
public final class Decay6 extends Operation {
    private final Tensor x;
    private final Tensor bias;

    /// The decay of every token and channel.
    public Decay6(Tensor x, Tensor bias) {
        this.x = x;
        this.bias = bias;
    }

    @Override
    String name() {
        return "decay6";
    }

    @Override
    Tensor forward(Pass pass) {
        EagerOps.requireF32(x, "x");
        EagerOps.requireVector(bias, x.columns(), "the bias of decay6");
        Kernels kernels = pass.kernels();
        int columns = x.columns();
        Tensor y = pass.allocate(x.rows(), columns);
        pass.rows(
                x.rows(),
                4 * columns,
                (from, to, _) -> {
                    for (int row = from; row < to; row++) {
                        long target = y.address() + 4L * row * columns;
                        kernels.add(
                                bias.address(), x.address() + 4L * row * columns, target, columns);
                        PerChannel.decay(kernels, target, columns);
                    }
                });
        return y;
    }

    /// With `e = exp(bias + x)`: `dy/dx = -e y`.
    @Override
    void backward(Gradients gradients, Tensor y, Tensor dy) {
        Target dx = gradients.target(x);
        int columns = y.columns();
        gradients.summedRows(
                y.rows(),
                columns,
                0,
                new @Nullable Tensor[] {gradients.parameter(bias)},
                (from, to, sums, _) -> {
                    for (int row = from; row < to; row++) {
                        for (int c = 0; c < columns; c++) {
                            long i = (long) row * columns + c;
                            double raw = get(bias.address(), c) + get(x.address(), i);
                            float slope = PerChannel.decaySlope(raw, get(y.address(), i));
                            float gradient = get(dy.address(), i) * slope;
                            set(
                                    dx.address(),
                                    i,
                                    dx.add() ? get(dx.address(), i) + gradient : gradient);
                            set(sums, c, get(sums, c) + gradient);
                        }
                    }
                });
    }
}
