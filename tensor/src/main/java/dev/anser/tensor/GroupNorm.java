package dev.anser.tensor;

import static dev.anser.tensor.Memory.get;
import static dev.anser.tensor.Memory.set;

import org.jspecify.annotations.Nullable;

/// Group normalisation of each row of `x` (R, C), one group of C / H channels per head: `(x - mean)
/// / sqrt(variance + epsilon) · weight + bias`, biased variance, `weight` and `bias` (C).
public final class GroupNorm extends Operation {
    private final Tensor x;
    private final Tensor weight;
    private final Tensor bias;
    private final float epsilon;
    private final int headSize;

    /// Normalises groups of `headSize` channels.
    public GroupNorm(Tensor x, Tensor weight, Tensor bias, float epsilon, int headSize) {
        this.x = x;
        this.weight = weight;
        this.bias = bias;
        this.epsilon = epsilon;
        this.headSize = headSize;
    }

    @Override
    String name() {
        return "groupNorm";
    }

    @Override
    Tensor forward(Pass pass) {
        EagerOps.requireF32(x, "x");
        EagerOps.requireHeads(x, headSize);
        EagerOps.requireVector(weight, x.columns(), "the weight of groupNorm");
        EagerOps.requireVector(bias, x.columns(), "the bias of groupNorm");
        Kernels kernels = pass.kernels();
        int columns = x.columns();
        Tensor y = pass.allocate(x.rows(), columns);
        pass.rows(
                x.rows(),
                columns,
                (from, to, _) -> {
                    for (int row = from; row < to; row++) {
                        for (int channel = 0; channel < columns; channel += headSize) {
                            long at = 4L * ((long) row * columns + channel);
                            kernels.layerNorm(
                                    x.address() + at,
                                    weight.address() + 4L * channel,
                                    bias.address() + 4L * channel,
                                    epsilon,
                                    y.address() + at,
                                    headSize);
                        }
                    }
                });
        return y;
    }

    /// As that of [Ops#layerNorm], for each group.
    @Override
    void backward(Gradients gradients, Tensor y, Tensor dy) {
        Target dx = gradients.target(x);
        int columns = x.columns();
        gradients.summedRows(
                x.rows(),
                columns,
                0,
                new @Nullable Tensor[] {gradients.parameter(weight), gradients.parameter(bias)},
                (from, to, sums, _) -> {
                    for (int row = from; row < to; row++) {
                        for (int channel = 0; channel < columns; channel += headSize) {
                            backward(dy, dx, row, channel, sums);
                        }
                    }
                });
    }

    /// With `u = (x - mean) · s` and `du = dy · weight`: `dx = s (du - mean(du) - u · mean(du ·
    /// u))`.
    private void backward(Tensor dy, Target dx, int row, int channel, long dWeight) {
        long dBias = dWeight + 4L * x.columns();
        long base = (long) row * x.columns() + channel;
        double mean = 0;
        for (int i = 0; i < headSize; i++) {
            mean += get(x.address(), base + i);
        }
        mean /= headSize;
        double squares = 0;
        for (int i = 0; i < headSize; i++) {
            double difference = get(x.address(), base + i) - mean;
            squares += difference * difference;
        }
        double scale = 1 / Math.sqrt(squares / headSize + epsilon);
        double sum = 0;
        double projection = 0;
        for (int i = 0; i < headSize; i++) {
            float gradient = get(dy.address(), base + i);
            double u = (get(x.address(), base + i) - mean) * scale;
            float du = gradient * get(weight.address(), channel + i);
            sum += du;
            projection += du * u;
            add(dWeight, channel + i, (float) (gradient * u));
            add(dBias, channel + i, gradient);
        }
        for (int i = 0; i < headSize; i++) {
            double u = (get(x.address(), base + i) - mean) * scale;
            float du = get(dy.address(), base + i) * get(weight.address(), channel + i);
            float value = (float) (scale * (du - sum / headSize - u * (projection / headSize)));
            set(dx.address(), base + i, dx.add() ? get(dx.address(), base + i) + value : value);
        }
    }

    private static void add(long address, long index, float value) {
        set(address, index, get(address, index) + value);
    }
}
