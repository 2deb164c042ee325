package dev.anser.tensor;

import java.util.function.DoubleSupplier;
import java.util.stream.Stream;

/// Normalisations of groups, rows and heads against their formulas in double, with what they divide
/// by near 0, and rows far from 0.
class NormTests extends OperationContract {
    private static final int[] LENGTHS = {1, 3, 9};
    private static final float EPSILON = 1e-5f;

    @Override
    Stream<Trial> trials() {
        // A norm of little is steep: gradients are large, and rounded by as much more.
        Stream<Trial> sizes =
                tails().boxed()
                        .flatMap(size ->
                                Stream.of(
                                        group(normal("groupNorm", 2, size), size),
                                        rms(normal("rmsNorm", 1, size), size),
                                        heads(normal("rmsNorm of heads", 3, size), size)));
        int size = 9;
        int many = 150; // so much that the team shares it
        return Stream.concat(
                sizes,
                Stream.of(
                        group(rows("groupNorm of many", 2, many), many),
                        rms(rows("rmsNorm of many", 1, many), many),
                        heads(rows("rmsNorm of many heads", 3, many), many),
                        group(equal("groupNorm of equal channels", 2, size), size),
                        group(far("groupNorm of what is far from 0", 2, size), size),
                        group(small("groupNorm of little", 2, size), size),
                        rms(equal("rmsNorm of equal channels", 1, size), size),
                        rms(small("rmsNorm of little", 1, size), size),
                        rms(large("rmsNorm of much", 1, size), size),
                        heads(zero("rmsNorm of zeros in heads", 3, size), size),
                        heads(large("rmsNorm of much in heads", 3, size), size)));
    }

    private static Trial.Builder normal(String name, int heads, int size) {
        Trial.Builder builder = named(name, heads, size);
        return builder.rows(heads * size, builder.gaussian(2));
    }

    private static Trial.Builder rows(String name, int heads, int size) {
        Trial.Builder builder = new Trial.Builder(name, 70);
        return builder.rows(heads * size, builder.gaussian(2));
    }

    private static Trial.Builder equal(String name, int heads, int size) {
        return named(name, heads, size).rows(heads * size, () -> 0.1).within(1e-4, 1e-4);
    }

    private static Trial.Builder zero(String name, int heads, int size) {
        return named(name, heads, size).rows(heads * size, () -> 0);
    }

    /// With a mean of 1000, rounded by 3e-5, beside a deviation of 1.
    private static Trial.Builder far(String name, int heads, int size) {
        Trial.Builder builder = named(name, heads, size);
        DoubleSupplier normal = builder.gaussian(1);
        return builder.rows(heads * size, () -> 1000 + normal.getAsDouble()).within(3e-4, 1e-4);
    }

    private static Trial.Builder small(String name, int heads, int size) {
        Trial.Builder builder = named(name, heads, size);
        return builder.rows(heads * size, builder.gaussian(1e-3));
    }

    private static Trial.Builder large(String name, int heads, int size) {
        Trial.Builder builder = named(name, heads, size);
        return builder.rows(heads * size, builder.gaussian(1e6));
    }

    private static Trial.Builder named(String name, int heads, int size) {
        return new Trial.Builder(name + ", " + heads + " times " + size, LENGTHS);
    }

    private static Trial group(Trial.Builder builder, int size) {
        return builder.vector(2 * size, builder.gaussian(1))
                .vector(2 * size, builder.gaussian(1))
                .build(
                        (in, _) -> new GroupNorm(in[0], in[1], in[2], EPSILON, size),
                        (at, _) -> {
                            double[] x = at.inputs()[0];
                            double[] y = new double[x.length];
                            for (int start = 0; start < x.length; start += size) {
                                double mean = 0;
                                double variance = 0;
                                for (int i = start; i < start + size; i++) {
                                    mean += x[i] / size;
                                }
                                for (int i = start; i < start + size; i++) {
                                    variance += (x[i] - mean) * (x[i] - mean) / size;
                                }
                                for (int i = start; i < start + size; i++) {
                                    double unit = (x[i] - mean) / Math.sqrt(variance + EPSILON);
                                    int c = i % (2 * size);
                                    y[i] = unit * at.inputs()[1][c] + at.inputs()[2][c];
                                }
                            }
                            return y;
                        });
    }

    private static Trial rms(Trial.Builder builder, int size) {
        return builder.vector(size, builder.gaussian(1))
                .build(
                        (in, _) -> new RmsNorm(in[0], in[1], EPSILON),
                        (at, _) -> {
                            double[] y = units(at.inputs()[0], size);
                            for (int i = 0; i < y.length; i++) {
                                y[i] *= at.inputs()[1][i % size];
                            }
                            return y;
                        });
    }

    private static Trial heads(Trial.Builder builder, int size) {
        return builder.build(
                (in, _) -> RmsNorm.ofHeads(in[0], size, EPSILON),
                (at, _) -> units(at.inputs()[0], size));
    }

    private static double[] units(double[] x, int size) {
        double[] y = new double[x.length];
        for (int start = 0; start < x.length; start += size) {
            double squares = 0;
            for (int i = start; i < start + size; i++) {
                squares += x[i] * x[i];
            }
            for (int i = start; i < start + size; i++) {
                y[i] = x[i] / Math.sqrt(squares / size + EPSILON);
            }
        }
        return y;
    }
}
