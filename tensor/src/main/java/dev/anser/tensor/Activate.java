package dev.anser.tensor;

import org.jspecify.annotations.Nullable;

/// An activation, and its product with a gate: `f(x)`, or `f(x) · gate` (arXiv 2002.05202: SwiGLU
/// with SiLU, GEGLU with GELU).
public final class Activate extends Operation {
    private final Activation activation;
    private final Tensor x;
    private final @Nullable Tensor gate;
    private HeadKernels kernels = new ReferenceHeads();

    /// `f(x)` of every element.
    public Activate(Activation activation, Tensor x) {
        this.activation = activation;
        this.x = x;
        this.gate = null;
    }

    /// `f(x) · gate`, equal shapes.
    public Activate(Activation activation, Tensor x, Tensor gate) {
        this.activation = activation;
        this.x = x;
        this.gate = gate;
    }

    @Override
    String name() {
        return gate == null ? "activate" : "gated";
    }

    @Override
    Tensor forward(Pass pass) {
        if (gate != null && (gate.rows() != x.rows() || gate.columns() != x.columns())) {
            throw new ShapeException("a gate " + gate + " on " + x + ": expected the same shape");
        }
        kernels = pass.kernels().heads();
        Tensor y = pass.allocate(x.rows(), x.columns());
        int columns = x.columns();
        pass.parts(
                x.rows(),
                grain(),
                (from, to, _) -> {
                    for (int row = from; row < to; row++) {
                        long at = 4L * row * columns;
                        long own = y.address() + at;
                        activation.value(kernels, x.address() + at, own, columns);
                        if (gate != null) {
                            kernels.multiply(own, gate.address() + at, 1, own, columns);
                        }
                    }
                });
        return y;
    }

    private int grain() {
        return Math.max(1, (1 << 12) / x.columns());
    }

    /// `dx = dy · gate · f'(x)`, `dgate = dy · f(x)`.
    @Override
    void backward(Gradients gradients, Tensor y, Tensor dy) {
        Target dx = gradients.target(x);
        Target dGate = gate == null ? dx : gradients.target(gate);
        int columns = x.columns();
        Tensor scratch = gradients.temporary(gradients.workers(), columns);
        gradients.parts(
                x.rows(),
                grain(),
                (from, to, worker) -> {
                    long own = scratch.address() + 4L * worker * columns;
                    for (int row = from; row < to; row++) {
                        long at = 4L * row * columns;
                        activation.slope(kernels, x.address() + at, own, columns);
                        if (gate != null) {
                            kernels.multiply(own, gate.address() + at, 1, own, columns);
                        }
                        put(own, dy.address() + at, dx, at, columns);
                        if (gate != null) {
                            activation.value(kernels, x.address() + at, own, columns);
                            put(own, dy.address() + at, dGate, at, columns);
                        }
                    }
                });
        gradients.release(scratch);
    }

    private void put(long a, long b, Target target, long at, int columns) {
        if (target.add()) {
            kernels.addProduct(a, b, 1, target.address() + at, columns);
        } else {
            kernels.multiply(a, b, 1, target.address() + at, columns);
        }
    }
}
