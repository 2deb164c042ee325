package dev.anser.tensor;

import java.util.stream.Stream;

/// Token shift: rows that move on by one, within their sequence.
class PreviousRowsTests extends OperationContract {
    @Override
    Stream<Trial> trials() {
        return Stream.concat(
                tails().mapToObj(columns -> of(columns, 1, 3, 2, 9)),
                Stream.of(of(5, 1), of(5, 1, 1, 1), of(3, 40)));
    }

    private static Trial of(int columns, int... lengths) {
        Trial.Builder builder =
                new Trial.Builder(
                        lengths.length + " sequences of " + columns + " channels", lengths);
        return builder.rows(columns, builder.gaussian(1))
                .state(columns, builder.gaussian(1))
                .within(1e-9, 1e-6)
                .build(
                        (in, segments) -> new PreviousRows(in[0], segments, 0),
                        (at, _) -> formula(at, columns));
    }

    private static double[] formula(Trial.Point at, int columns) {
        double[] x = at.inputs()[0];
        double[] y = new double[x.length];
        int row = 0;
        for (int s = 0; s < at.lengths().length; s++) {
            double[] before = at.states()[s][0];
            for (int t = 0; t < at.lengths()[s]; t++, row++) {
                System.arraycopy(before, 0, y, row * columns, columns);
                System.arraycopy(x, row * columns, before, 0, columns);
            }
        }
        return y;
    }
}
