package dev.anser.train;

import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/// The length of all gradients as one vector.
final class GradientNorm {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final int GRAIN = 1 << 14;

    private GradientNorm() {}

    /// The square root of the summed squares, summed in double: within parts of a fixed size and
    /// then part after part, so that the number of threads has no influence.
    static double of(List<Parameter> parameters, Threads threads) {
        double sum = 0;
        for (Parameter parameter : parameters) {
            sum += squares(parameter.gradient(), threads);
        }
        return Math.sqrt(sum);
    }

    /// The first parameter with a value that is infinite or not a number.
    ///
    /// @param part which tensor of a parameter to look at
    static Optional<Parameter> firstNonFinite(
            List<Parameter> parameters, Function<Parameter, Tensor> part, Threads threads) {
        for (Parameter parameter : parameters) {
            // Squares of finite floats do not overflow a double.
            if (!Double.isFinite(squares(part.apply(parameter), threads))) {
                return Optional.of(parameter);
            }
        }
        return Optional.empty();
    }

    private static double squares(Tensor tensor, Threads threads) {
        MemorySegment segment = tensor.segment();
        int elements = Math.toIntExact(tensor.elements());
        double[] sums = new double[(elements + GRAIN - 1) / GRAIN];
        threads.run(
                (part, worker) ->
                        sums[part] =
                                squares(
                                        segment,
                                        part * GRAIN,
                                        Math.min(elements, (part + 1) * GRAIN)),
                sums.length);
        double sum = 0;
        for (double part : sums) {
            sum += part;
        }
        return sum;
    }

    private static double squares(MemorySegment segment, int from, int to) {
        // Four sums, for the processor to add at once; their order is fixed.
        double a = 0;
        double b = 0;
        double c = 0;
        double d = 0;
        int i = from;
        for (; i + 4 <= to; i += 4) {
            double w = segment.get(FLOAT, 4L * i);
            double x = segment.get(FLOAT, 4L * i + 4);
            double y = segment.get(FLOAT, 4L * i + 8);
            double z = segment.get(FLOAT, 4L * i + 12);
            a += w * w;
            b += x * x;
            c += y * y;
            d += z * z;
        }
        for (; i < to; i++) {
            double w = segment.get(FLOAT, 4L * i);
            a += w * w;
        }
        return (a + b) + (c + d);
    }
}
