package dev.anser.tensor;

import java.util.function.DoubleSupplier;
import java.util.stream.Stream;

/// The recurrence of RWKV-4 against its sums as the paper writes them, without a running maximum:
/// in double there is room for e^±80.
class Wkv4Tests extends OperationContract {
    private static final int[] LENGTHS = {1, 19, 8};

    @Override
    Stream<Trial> trials() {
        Stream<Trial> sizes = tails().mapToObj(c -> of(carried(c + " channels", c, 1, LENGTHS)));
        return Stream.concat(
                sizes,
                Stream.of(
                        of(carried("several groups of channels", 515, 1, 25, 15)),
                        of(fresh("the first tokens of a sequence", 1)),
                        // Rounding an exponent of 80 at every token moves the weights by 4e-6.
                        of(fresh("keys of ±80, the first tokens", 80).within(1e-4, 1e-4)),
                        of(carried("keys of ±80", 9, 80, LENGTHS).within(1e-4, 1e-4)),
                        of(decaying("what is gone at once", -1e4, -50)),
                        of(decaying("what stays for ever", -1e-5, 0))));
    }

    private static Trial of(Trial.Builder builder) {
        return builder.build(
                (in, segments) -> new Wkv4(in[0], in[1], in[2], in[3], segments, 0),
                Wkv4Tests::formula);
    }

    private static Trial.Builder carried(String name, int channels, double key, int... lengths) {
        Trial.Builder builder = new Trial.Builder(name, lengths);
        return inputs(builder, channels, builder.uniform(-2, -0.01), key)
                .state(channels, builder.gaussian(1))
                .state(channels, builder.uniform(0.5, 2))
                .constantState(_ -> channels, builder.uniform(-key, key));
    }

    /// A new sequence has sums of nothing, and an exponent below any.
    private static Trial.Builder fresh(String name, double key) {
        Trial.Builder builder = new Trial.Builder(name, LENGTHS);
        return inputs(builder, 9, builder.uniform(-2, -0.01), key)
                .state(9, () -> 0)
                .state(9, () -> 0)
                .constantState(_ -> 9, () -> -1e38);
    }

    private static Trial.Builder decaying(String name, double low, double high) {
        Trial.Builder builder = new Trial.Builder(name, LENGTHS);
        return inputs(builder, 9, builder.uniform(low, high), 1)
                .state(9, builder.gaussian(1))
                .state(9, builder.uniform(0.5, 2))
                .constantState(_ -> 9, builder.gaussian(1));
    }

    private static Trial.Builder inputs(
            Trial.Builder builder, int channels, DoubleSupplier decay, double key) {
        return builder.vector(channels, decay)
                .vector(channels, builder.gaussian(1))
                .rows(channels, builder.uniform(-key, key))
                .rows(channels, builder.gaussian(1));
    }

    /// The exponent is a constant: nothing depends on it alone.
    private static double[] formula(Trial.Point at, Trial.Point constants) {
        double[] w = at.inputs()[0];
        double[] u = at.inputs()[1];
        double[] k = at.inputs()[2];
        double[] v = at.inputs()[3];
        int channels = w.length;
        double[] y = new double[k.length];
        int start = 0;
        for (int s = 0; s < at.lengths().length; s++) {
            int end = start + at.lengths()[s];
            double[][] state = at.states()[s];
            for (int c = 0; c < channels; c++) {
                double exponent = constants.states()[s][2][c];
                double above = state[0][c] * Math.exp(exponent);
                double below = state[1][c] * Math.exp(exponent);
                for (int t = start; t < end; t++) {
                    int i = t * channels + c;
                    double own = Math.exp(u[c] + k[i]);
                    y[i] = (above + own * v[i]) / (below + own);
                    above = Math.exp(w[c]) * above + Math.exp(k[i]) * v[i];
                    below = Math.exp(w[c]) * below + Math.exp(k[i]);
                    double faded = exponent + constants.inputs()[0][c];
                    exponent = Math.max(faded, constants.inputs()[2][i]);
                }
                state[0][c] = above * Math.exp(-exponent);
                state[1][c] = below * Math.exp(-exponent);
                state[2][c] = exponent;
            }
            start = end;
        }
        return y;
    }
}
