package dev.anser.tensor;

import java.util.Arrays;
import java.util.function.DoubleSupplier;
import java.util.stream.Stream;

/// The recurrence of RWKV-5 and RWKV-6 against its formula in double, with a decay for each token
/// or one for all, and sequences that end before, at and after a checkpoint.
class Wkv6Tests extends OperationContract {
    @Override
    Stream<Trial> trials() {
        Stream<Trial> sizes =
                tails().boxed()
                        .flatMap(n ->
                                Stream.of(
                                        of(n, false, 2, 0, 1, 1, 18, 9),
                                        of(n, true, 2, 0, 1, 1, 18, 9)));
        return Stream.concat(
                sizes,
                Stream.of(
                        of(5, false, 1, 0, 1, 15, 16, 17, 33),
                        of(64, false, 1, 0, 1, 35), // a head that is cut for the team
                        of(20, true, 8, 0, 1, 35, 8), // heads enough
                        of(3, false, 1, 0, 1, 1),
                        of(7, false, 2, 0, 1e-20, 18), // all is forgotten at once
                        of(7, false, 2, 0.99999, 1, 18, 5), // nothing ever
                        of(7, true, 2, 1, 1, 18, 5),
                        of(7, true, 2, 0, 0, 18, 5)));
    }

    private static Trial of(
            int size, boolean oneDecay, int heads, double low, double high, int... lengths) {
        String name =
                "%d heads of %d, %s from %s to %s, lengths %s"
                        .formatted(
                                heads,
                                size,
                                oneDecay ? "one decay" : "decays",
                                low,
                                high,
                                Arrays.toString(lengths));
        int columns = heads * size;
        Trial.Builder builder = new Trial.Builder(name, lengths);
        DoubleSupplier decay = builder.uniform(low, high);
        // Products of receptances and keys add up to about 1.
        DoubleSupplier keys = builder.gaussian(1 / Math.sqrt(size));
        builder.rows(columns, builder.gaussian(1));
        if (oneDecay) {
            builder.vector(columns, decay);
        } else {
            builder.rows(columns, decay);
        }
        return builder.rows(columns, keys)
                .rows(columns, builder.gaussian(1))
                .vector(columns, builder.gaussian(1))
                .state(columns * size, keys)
                .build(
                        (in, segments) ->
                                new Wkv6(in[0], in[1], in[2], in[3], in[4], size, segments, 0),
                        (at, _) -> formula(at, size));
    }

    private static double[] formula(Trial.Point at, int size) {
        double[] r = at.inputs()[0];
        double[] w = at.inputs()[1];
        double[] k = at.inputs()[2];
        double[] v = at.inputs()[3];
        double[] bonus = at.inputs()[4];
        int columns = bonus.length;
        double[] y = new double[r.length];
        int row = 0;
        for (int s = 0; s < at.lengths().length; s++) {
            double[] state = at.states()[s][0];
            for (int t = 0; t < at.lengths()[s]; t++, row++) {
                int decay = w.length == columns ? 0 : row * columns;
                for (int c = 0; c < columns; c++) { // a key of head c / size
                    int head = c / size * size;
                    int i = row * columns + c;
                    for (int j = 0; j < size; j++) {
                        int value = row * columns + head + j;
                        double own = k[i] * v[value];
                        double before = state[c * size + j];
                        y[value] += r[i] * (bonus[c] * own + before);
                        state[c * size + j] = w[decay + c] * before + own;
                    }
                }
            }
        }
        return y;
    }
}
