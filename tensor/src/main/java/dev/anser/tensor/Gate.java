package dev.anser.tensor;

import static dev.anser.tensor.Memory.get;
import static dev.anser.tensor.Memory.set;

import org.jspecify.annotations.Nullable;

/// `x` times a function of `g`, equal shapes: what a gate lets through.
public final class Gate extends Operation {
    private final Tensor x;
    private final Tensor g;
    private final boolean linear;
    private @Nullable Tensor kept;

    private Gate(Tensor x, Tensor g, boolean linear) {
        this.x = x;
        this.g = g;
        this.linear = linear;
    }

    /// `x · sigmoid(g)`.
    public static Gate sigmoid(Tensor x, Tensor g) {
        return new Gate(x, g, false);
    }

    /// `x · g · sigmoid(g)`, where `g · sigmoid(g)` is called SiLU or swish.
    public static Gate silu(Tensor x, Tensor g) {
        return new Gate(x, g, true);
    }

    @Override
    String name() {
        return linear ? "siluGate" : "sigmoidGate";
    }

    @Override
    Tensor forward(Pass pass) {
        EagerOps.requireSame(x, g, name());
        Kernels kernels = pass.kernels();
        int columns = x.columns();
        Tensor y = pass.allocate(x.rows(), columns);
        Tensor sigma = pass.recorded() ? pass.keep(x.rows(), columns) : y;
        pass.rows(
                x.rows(),
                columns,
                (from, to, _) -> {
                    long at = 4L * from * columns;
                    int count = (to - from) * columns;
                    long target = y.address() + at;
                    long factor = sigma.address() + at;
                    kernels.sigmoid(g.address() + at, factor, count);
                    if (linear) {
                        kernels.multiply(factor, g.address() + at, target, count);
                        factor = target;
                    }
                    kernels.multiply(factor, x.address() + at, target, count);
                });
        kept = sigma;
        return y;
    }

    /// With `s = sigmoid(g)`: `s' = s (1 - s)` and `(g s)' = s + g s (1 - s)`.
    @Override
    void backward(Gradients gradients, Tensor y, Tensor dy) {
        Tensor sigma = kept;
        if (sigma == null) {
            throw new IllegalStateException("the gate has not run forwards");
        }
        Target dx = gradients.target(x);
        Target dg = gradients.target(g);
        gradients.rows(
                dy.rows(),
                dy.columns(),
                (first, last, _) -> {
                    for (long i = (long) first * dy.columns();
                            i < (long) last * dy.columns();
                            i++) {
                        float s = get(sigma.address(), i);
                        float gate = get(g.address(), i);
                        float gradient = get(dy.address(), i);
                        float slope = s * (1 - s);
                        put(dx, i, gradient * (linear ? gate * s : s));
                        put(
                                dg,
                                i,
                                gradient
                                        * get(x.address(), i)
                                        * (linear ? Math.fma(gate, slope, s) : slope));
                    }
                });
    }

    private static void put(Target target, long index, float value) {
        set(target.address(), index, target.add() ? get(target.address(), index) + value : value);
    }
}
