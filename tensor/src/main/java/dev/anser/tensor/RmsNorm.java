package dev.anser.tensor;

import org.jspecify.annotations.Nullable;

/// Root mean square normalisation (arXiv 1910.07467): `x / sqrt(mean(x²) + ε) · weight`, over each
/// row, or over each head of a row.
public final class RmsNorm extends Operation {
    private final Tensor x;
    private final @Nullable Tensor weight;
    private final int size;
    private final float epsilon;
    private HeadKernels kernels = new ReferenceHeads();

    /// Over rows.
    ///
    /// @param x (R, C)
    /// @param weight (C)
    public RmsNorm(Tensor x, Tensor weight, float epsilon) {
        this(x, weight, x.columns(), epsilon);
    }

    private RmsNorm(Tensor x, @Nullable Tensor weight, int size, float epsilon) {
        this.x = x;
        this.weight = weight;
        this.size = size;
        this.epsilon = epsilon;
    }

    /// Over heads of `headSize` channels, without a weight.
    ///
    /// @param x (R, H · N)
    public static RmsNorm ofHeads(Tensor x, int headSize, float epsilon) {
        return new RmsNorm(x, null, headSize, epsilon);
    }

    @Override
    String name() {
        return "rmsNorm";
    }

    @Override
    Tensor forward(Pass pass) {
        if (size < 1 || x.columns() % size != 0 || (weight != null && weight.elements() != size)) {
            throw new ShapeException(
                    "RMS normalisation of " + x + " over " + size + " channels, by " + weight);
        }
        kernels = pass.kernels().heads();
        Tensor y = pass.allocate(x.rows(), x.columns());
        pass.parts(x.rows(), 4, (from, to, _) -> normalise(y, from, to));
        return y;
    }

    private void normalise(Tensor y, int from, int to) {
        long end = 4L * to * x.columns();
        for (long at = 4L * from * x.columns(); at < end; at += 4L * size) {
            long own = x.address() + at;
            if (weight == null) {
                kernels.scale(own, factor(own), y.address() + at, size);
            } else {
                kernels.multiply(own, weight.address(), factor(own), y.address() + at, size);
            }
        }
    }

    private float factor(long own) {
        return (float) (1 / Math.sqrt(kernels.dot(own, own, size) / size + epsilon));
    }

    /// With the factor `f = 1 / sqrt(mean(x²) + ε)` and `t = dy · weight`: `dx = f t - x f³ (t · x)
    /// / size`, and `dweight = Σ_rows dy x f`.
    @Override
    void backward(Gradients gradients, Tensor y, Tensor dy) {
        Target dx = gradients.target(x);
        if (weight == null) {
            gradients.parts(x.rows(), 4, (from, to, _) -> step(dy, dy, dx, from, to));
            return;
        }
        Tensor scaled = gradients.temporary(x.rows(), size);
        Tensor gain = weight;
        gradients.summedRows(
                x.rows(),
                size,
                0,
                new @Nullable Tensor[] {gradients.parameter(gain)},
                (from, to, sums, _) -> {
                    for (int row = from; row < to; row++) {
                        long at = 4L * row * size;
                        long own = x.address() + at;
                        long d = dy.address() + at;
                        kernels.addProduct(d, own, factor(own), sums, size);
                        kernels.multiply(d, gain.address(), 1, scaled.address() + at, size);
                    }
                    step(dy, scaled, dx, from, to);
                });
        gradients.release(scaled);
    }

    private void step(Tensor dy, Tensor t, Target dx, int from, int to) {
        long end = 4L * to * dy.columns();
        for (long at = 4L * from * dy.columns(); at < end; at += 4L * size) {
            long own = x.address() + at;
            long d = t.address() + at;
            float f = factor(own);
            float along = -f * f * f * kernels.dot(d, own, size) / size;
            kernels.combination(d, f, own, along, dx.address() + at, dx.add(), size);
        }
    }
}
