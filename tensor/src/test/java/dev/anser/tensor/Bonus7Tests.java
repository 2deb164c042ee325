package dev.anser.tensor;

import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// The bonus of an RWKV-7 time mix, with and without a gate, against its formula in double.
class Bonus7Tests extends OperationContract {
    private static final int HEADS = 3;
    private static final int[] LENGTHS = {1, 3, 9};

    @Override
    Stream<Trial> trials() {
        Stream<Trial> sizes =
                tails().boxed()
                        .flatMap(size ->
                                Stream.of(bonus(size, false, LENGTHS), bonus(size, true, LENGTHS)));
        // So much that the team shares it.
        return Stream.concat(sizes, Stream.of(bonus(64, false, 70), bonus(64, true, 70), ofOne()));
    }

    private static Trial bonus(int size, boolean gated, int... lengths) {
        String name = "bonus7 of " + size + (gated ? " with a gate by " : " by ") + lengths.length;
        Trial.Builder builder = new Trial.Builder(name, lengths);
        int columns = HEADS * size;
        for (int i = 0; i < 4; i++) {
            builder.rows(columns, builder.gaussian(1));
        }
        builder.vector(columns, builder.gaussian(1));
        if (gated) {
            builder.rows(columns, builder.gaussian(1));
        }
        return builder.build(
                (in, _) ->
                        new Bonus7(in[0], in[1], in[2], in[3], in[4], gated ? in[5] : null, size),
                (at, _) -> {
                    double[][] in = at.inputs();
                    double[] gate = gated ? in[5] : null;
                    return formula(in[0], in[1], in[2], in[3], in[4], gate, size);
                });
    }

    private static Trial ofOne() {
        Trial.Builder builder = new Trial.Builder("bonus7 with one tensor in all places", LENGTHS);
        return builder.rows(2 * 7, builder.gaussian(1))
                .vector(2 * 7, builder.gaussian(1))
                .within(1e-5, 1e-5)
                .build(
                        (in, _) -> new Bonus7(in[0], in[0], in[0], in[0], in[1], in[0], 7),
                        (at, _) -> {
                            double[] x = at.inputs()[0];
                            return formula(x, x, x, x, at.inputs()[1], x, 7);
                        });
    }

    private static double[] formula(
            double[] x,
            double[] r,
            double[] k,
            double[] v,
            double[] bonus,
            double @Nullable [] gate,
            int size) {
        double[] y = new double[x.length];
        for (int start = 0; start < y.length; start += size) {
            double strength = 0;
            for (int i = start; i < start + size; i++) {
                strength += r[i] * k[i] * bonus[i % bonus.length];
            }
            for (int i = start; i < start + size; i++) {
                y[i] = (x[i] + strength * v[i]) * (gate == null ? 1 : gate[i]);
            }
        }
        return y;
    }
}
