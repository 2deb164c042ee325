package dev.anser.tensor;

import static dev.anser.tensor.Memory.get;
import static dev.anser.tensor.Memory.set;

/// A function of a vector of C numbers, or of H, one for each head of C / H channels: (1, C).
///
/// How RWKV-4 and RWKV-5 make the decay and the bonus of each channel from their parameters.
public final class PerChannel extends Operation {
    /// What is computed of each number.
    public enum Function {
        /// `x`.
        IDENTITY,
        /// `e^x`: the bonus of RWKV-5.0.
        EXP,
        /// `-e^x`: the exponent of RWKV-4's decay.
        MINUS_EXP,
        /// `e^(-e^x)`: the decay of RWKV-5.
        DECAY
    }

    /// Where `e^(-e^x)` has long been less than any float.
    private static final double FLAT = 20;

    private final Tensor vector;
    private final int columns;
    private final Function function;

    /// `function` of `vector`, for `columns` channels.
    public PerChannel(Tensor vector, int columns, Function function) {
        this.vector = vector;
        this.columns = columns;
        this.function = function;
    }

    @Override
    String name() {
        return "perChannel";
    }

    @Override
    Tensor forward(Pass pass) {
        EagerOps.requireF32(vector, "the vector of perChannel");
        long elements = vector.elements();
        if (elements < 1 || elements > columns || columns % elements != 0) {
            throw new ShapeException(
                    "perChannel of "
                            + vector
                            + " for "
                            + columns
                            + " channels: expected a divisor");
        }
        Tensor y = pass.allocate(1, columns);
        int each = channelsOfEach();
        for (int c = 0; c < columns; c++) {
            set(y.address(), c, get(vector.address(), c / each));
        }
        Kernels kernels = pass.kernels();
        switch (function) {
            case IDENTITY -> {}
            case EXP -> kernels.exp(y.address(), y.address(), columns);
            case MINUS_EXP -> minusExp(kernels, y.address(), columns);
            case DECAY -> decay(kernels, y.address(), columns);
        }
        return y;
    }

    private int channelsOfEach() {
        return columns / Math.toIntExact(vector.elements());
    }

    private static void minusExp(Kernels kernels, long y, int count) {
        kernels.exp(y, y, count);
        for (int i = 0; i < count; i++) {
            set(y, i, -get(y, i));
        }
    }

    /// `y = e^(-e^y)`.
    static void decay(Kernels kernels, long y, int count) {
        minusExp(kernels, y, count);
        kernels.exp(y, y, count);
    }

    @Override
    void backward(Gradients gradients, Tensor y, Tensor dy) {
        Tensor dVector = gradients.parameter(vector);
        if (dVector == null) {
            return;
        }
        int each = channelsOfEach();
        for (int n = 0; n < vector.elements(); n++) {
            float sum = 0;
            for (int c = n * each; c < (n + 1) * each; c++) {
                sum += get(dy.address(), c) * slope(get(vector.address(), n), get(y.address(), c));
            }
            set(dVector.address(), n, get(dVector.address(), n) + sum);
        }
    }

    /// The derivative at `x`, where the function is `y`.
    private float slope(float x, float y) {
        return switch (function) {
            case IDENTITY -> 1;
            case EXP, MINUS_EXP -> y;
            case DECAY -> decaySlope(x, y);
        };
    }

    /// The derivative of `e^(-e^x)` at `x`, where it is `y`: 0 where y is, however large e^x.
    static float decaySlope(double x, float y) {
        return x > FLAT ? 0 : (float) -Math.exp(x) * y;
    }
}
