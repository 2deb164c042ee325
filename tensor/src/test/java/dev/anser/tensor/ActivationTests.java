package dev.anser.tensor;

import java.util.function.DoubleUnaryOperator;
import java.util.stream.Stream;

/// Activations, alone and with a gate, and functions of parameters against their formulas in
/// double, far from 0 too.
class ActivationTests extends OperationContract {
    private static final int[] LENGTHS = {1, 3, 9};

    @Override
    Stream<Trial> trials() {
        Stream<Trial> activations =
                Stream.of(Activation.values())
                        .flatMap(activation ->
                                Stream.of(
                                        tails().mapToObj(c -> alone(activation, c, 6)),
                                        tails().mapToObj(c -> gated(activation, c)),
                                        Stream.of(gated(activation, 700)),
                                        Stream.of(alone(activation, 9, 100), ofItself(activation))))
                        .flatMap(trials -> trials);
        Stream<Trial> parameters =
                Stream.of(PerChannel.Function.values())
                        .flatMap(function ->
                                Stream.of(
                                        perChannel(function, 1, 1, 3),
                                        perChannel(function, Lanes.COUNT + 1, 1, 3),
                                        perChannel(function, 2, Lanes.COUNT - 1, 3),
                                        perChannel(function, 40, 2, 100)));
        return Stream.concat(activations, parameters);
    }

    private static double value(Activation activation, double x) {
        return switch (activation) {
            case SIGMOID -> 1 / (1 + Math.exp(-x));
            case SILU -> x / (1 + Math.exp(-x));
            case GELU -> x * normal(x);
        };
    }

    /// The normal distribution by the series of its integral, which converges everywhere, and is 0
    /// or 1 where that cancels.
    private static double normal(double x) {
        if (Math.abs(x) > 7) {
            return x < 0 ? 0 : 1;
        }
        double term = x;
        double sum = x;
        for (int n = 1; n < 200; n++) {
            term *= x * x / (2 * n + 1);
            sum += term;
        }
        return 0.5 + sum * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
    }

    private static Trial alone(Activation activation, int columns, double largest) {
        Trial.Builder builder =
                new Trial.Builder(activation + " to " + largest + " of " + columns, LENGTHS);
        return builder.rows(columns, builder.uniform(-largest, largest))
                .build(
                        (in, _) -> new Activate(activation, in[0]),
                        (at, _) -> map(at.inputs()[0], x -> value(activation, x)));
    }

    private static Trial gated(Activation activation, int columns) {
        Trial.Builder builder = new Trial.Builder(activation + " gated, of " + columns, LENGTHS);
        return builder.rows(columns, builder.gaussian(2))
                .rows(columns, builder.gaussian(1))
                .build(
                        (in, _) -> new Activate(activation, in[0], in[1]),
                        (at, _) -> {
                            double[] y = map(at.inputs()[0], x -> value(activation, x));
                            for (int i = 0; i < y.length; i++) {
                                y[i] *= at.inputs()[1][i];
                            }
                            return y;
                        });
    }

    private static Trial ofItself(Activation activation) {
        Trial.Builder builder = new Trial.Builder(activation + " gated by its operand", LENGTHS);
        return builder.rows(7, builder.gaussian(2))
                .build(
                        (in, _) -> new Activate(activation, in[0], in[0]),
                        (at, _) -> map(at.inputs()[0], x -> x * value(activation, x)));
    }

    private static double[] map(double[] x, DoubleUnaryOperator function) {
        double[] y = new double[x.length];
        for (int i = 0; i < y.length; i++) {
            y[i] = function.applyAsDouble(x[i]);
        }
        return y;
    }

    /// One number for each of `count` groups of `each` channels.
    private static Trial perChannel(
            PerChannel.Function function, int count, int each, double largest) {
        // e^87 is the largest that both backends have.
        double high = function == PerChannel.Function.DECAY ? largest : Math.min(87, largest);
        Trial.Builder builder =
                new Trial.Builder(
                        "%s to %s, %d for %d channels each"
                                .formatted(function, largest, count, each),
                        1);
        return builder.vector(count, builder.uniform(-largest, high))
                .build(
                        (in, _) -> new PerChannel(in[0], count * each, function),
                        (at, _) -> {
                            double[] y = new double[count * each];
                            for (int c = 0; c < y.length; c++) {
                                y[c] = value(function, at.inputs()[0][c / each]);
                            }
                            return y;
                        });
    }

    private static double value(PerChannel.Function function, double x) {
        return switch (function) {
            case IDENTITY -> x;
            case EXP -> Math.exp(x);
            case MINUS_EXP -> -Math.exp(x);
            case DECAY -> Math.exp(-Math.exp(x));
        };
    }
}
