package dev.anser.tensor;

import java.util.stream.Stream;

/// Operations on rows, each of which depends on nothing else, against their formulas in double.
class RowOperationTests extends OperationContract {
    private static final int[] LENGTHS = {1, 3, 9};

    @Override
    Stream<Trial> trials() {
        Stream<Trial> sizes = tails().boxed().flatMap(size -> all(size, LENGTHS));
        return Stream.of(
                        sizes,
                        all(300, 70), // so much that the team shares it
                        // Beyond e^4.5 a decay is 0 in float, and beyond 89 so large is e^x.
                        Stream.of(decay(9, 100, LENGTHS), lerpOfOne()),
                        rotary())
                .flatMap(trials -> trials);
    }

    private static Stream<Trial> all(int size, int... lengths) {
        return Stream.of(
                decay(size, 3, lengths),
                lerp(size, lengths),
                lerpByMore(size, lengths),
                addBias(size, lengths),
                scale(size, lengths),
                splitHeads((size + 5) / 6, lengths));
    }

    private static Trial.Builder rows(String name, int columns, int... lengths) {
        Trial.Builder builder =
                new Trial.Builder(name + " of " + columns + " by " + lengths.length, lengths);
        return builder.rows(columns, builder.gaussian(1));
    }

    /// What one element of the result is.
    private interface Element {
        double of(double[][] in, int index, int column);
    }

    private static Trial.Formula each(int columns, Element element) {
        return (at, _) -> {
            double[] y = new double[at.inputs()[0].length];
            for (int i = 0; i < y.length; i++) {
                y[i] = element.of(at.inputs(), i, i % columns);
            }
            return y;
        };
    }

    private static Trial decay(int size, double largest, int... lengths) {
        Trial.Builder builder = new Trial.Builder("decay6 to " + largest + " of " + size, lengths);
        return builder.rows(size, builder.uniform(-largest, largest))
                .vector(size, builder.gaussian(1))
                .build(
                        (in, _) -> new Decay6(in[0], in[1]),
                        each(size, (in, i, c) -> Math.exp(-Math.exp(in[0][i] + in[1][c]))));
    }

    private static Trial lerp(int size, int... lengths) {
        Trial.Builder builder = rows("vectorLerp", size, lengths);
        return builder.rows(size, builder.gaussian(1))
                .vector(size, builder.gaussian(1))
                .build(
                        (in, _) -> new VectorLerp(in[0], in[1], in[2]),
                        each(size, (in, i, c) -> in[0][i] + (in[1][i] - in[0][i]) * in[2][c]));
    }

    private static Trial lerpByMore(int size, int... lengths) {
        Trial.Builder builder = rows("vectorLerp by more", size, lengths);
        return builder.rows(size, builder.gaussian(1))
                .vector(size, builder.gaussian(1))
                .rows(size, builder.gaussian(1))
                .build(
                        (in, _) -> new VectorLerp(in[0], in[1], in[2], in[3]),
                        each(
                                size,
                                (in, i, c) ->
                                        in[0][i] + (in[1][i] - in[0][i]) * (in[2][c] + in[3][i])));
    }

    private static Trial lerpOfOne() {
        Trial.Builder builder = rows("vectorLerp with one tensor in all places", 7, LENGTHS);
        return builder.vector(7, builder.gaussian(1))
                .build(
                        (in, _) -> new VectorLerp(in[0], in[0], in[1], in[0]),
                        each(7, (in, i, _) -> in[0][i]));
    }

    private static Trial addBias(int size, int... lengths) {
        Trial.Builder builder = rows("addBias", size, lengths);
        return builder.vector(size, builder.gaussian(1))
                .build(
                        (in, _) -> new AddBias(in[0], in[1]),
                        each(size, (in, i, c) -> in[0][i] + in[1][c]));
    }

    private static Trial scale(int size, int... lengths) {
        return rows("scale", size, lengths)
                .build(
                        (in, _) -> new Scale(in[0], -1.5f),
                        each(size, (in, i, _) -> -1.5 * in[0][i]));
    }

    /// Two heads of queries, keys and values.
    private static Trial splitHeads(int size, int... lengths) {
        return rows("splitHeads", 6 * size, lengths)
                .parts(3)
                .build(
                        (in, _) -> new SplitHeads(in[0], 3, size),
                        (at, _) -> {
                            double[] x = at.inputs()[0];
                            double[] y = new double[x.length];
                            int rows = x.length / (6 * size);
                            for (int i = 0; i < x.length; i++) {
                                int row = i / (6 * size);
                                int head = i % (6 * size) / (3 * size);
                                int part = i % (3 * size) / size;
                                int place = ((part * rows + row) * 2 + head) * size + i % size;
                                y[place] = x[i];
                            }
                            return y;
                        });
    }

    private static Stream<Trial> rotary() {
        return Stream.of(new int[][] {{2, 2}, {8, 2}, {7, 6}, {16, 16}, {33, 8}, {700, 600}})
                .flatMap(sizes ->
                        Stream.of(RotaryEmbedding.Pairs.values())
                                .map(pairs -> rotary(sizes[0], sizes[1], pairs)));
    }

    /// Turns pairs by numbers that need not be a cosine and a sine.
    private static Trial rotary(int size, int turned, RotaryEmbedding.Pairs pairs) {
        Trial.Builder builder =
                rows("rotaryEmbedding of " + turned + ", " + pairs, 2 * size, LENGTHS);
        return builder.constantRows(turned, builder.gaussian(1))
                .build(
                        (in, _) -> new RotaryEmbedding(in[0], in[1], size, pairs),
                        (at, _) -> {
                            double[] x = at.inputs()[0];
                            double[] y = x.clone();
                            for (int head = 0; head < x.length / size; head++) {
                                for (int i = 0; i < turned / 2; i++) {
                                    boolean halves = pairs == RotaryEmbedding.Pairs.HALVES;
                                    int a = head * size + (halves ? i : 2 * i);
                                    int b = a + (halves ? turned / 2 : 1);
                                    int angle = head / 2 * turned + i;
                                    double cos = at.inputs()[1][angle];
                                    double sin = at.inputs()[1][angle + turned / 2];
                                    y[a] = x[a] * cos - x[b] * sin;
                                    y[b] = x[b] * cos + x[a] * sin;
                                }
                            }
                            return y;
                        });
    }
}
