package dev.anser.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.util.function.DoubleSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Causal softmax attention against its plain formula in double: grouped queries, past keys and
/// values or none, sequences that straddle blocks of 64 keys and of 16 rows, and huge scores.
class AttentionTests extends OperationContract {
    @Override
    Stream<Trial> trials() {
        return Stream.concat(
                tails().mapToObj(size -> of(normal(2, 1, size, 0, 5, 1, 4), 2, 1, size)),
                Stream.of(
                        of(normal(4, 2, 7, 0, 40, 1), 4, 2, 7),
                        of(normal(3, 3, 5, 0, 17), 3, 3, 5),
                        of(normal(6, 2, 3, 62, 5, 1, 4), 6, 2, 3),
                        of(normal(2, 2, 4, 3, 70), 2, 2, 4),
                        of(normal(1, 1, 3, 127, 1, 2, 66), 1, 1, 3),
                        of(scores("equal scores", 0, 70), 2, 1, 5),
                        // Scores of size 1000, rounded by 6e-5 as what is taken e to of them.
                        of(scores("huge scores", 50, 70).within(1e-3, 1e-2), 2, 1, 5)));
    }

    private static Trial.Builder normal(
            int heads, int keyHeads, int size, int past, int... lengths) {
        String name =
                "%d heads of %d with %d of keys, %d past, %d sequences"
                        .formatted(heads, size, keyHeads, past, lengths.length);
        Trial.Builder builder = new Trial.Builder(name, lengths);
        DoubleSupplier numbers = builder.gaussian(1);
        int columns = keyHeads * size;
        return builder.rows(heads * size, numbers)
                .rows(columns, numbers)
                .rows(columns, numbers)
                .counter(past)
                .constantState(length -> (past + length) * columns, numbers)
                .constantState(length -> (past + length) * columns, numbers);
    }

    private static Trial.Builder scores(String name, double scale, int length) {
        Trial.Builder builder = new Trial.Builder(name, length);
        DoubleSupplier numbers = builder.gaussian(1);
        return builder.rows(10, builder.gaussian(scale))
                .rows(5, builder.gaussian(10))
                .rows(5, numbers)
                .counter(0)
                .constantState(_ -> length * 5, numbers)
                .constantState(_ -> length * 5, numbers);
    }

    private static Trial of(Trial.Builder builder, int heads, int keyHeads, int size) {
        return builder.truncates()
                .build(
                        (in, segments) -> new Attention(in[0], in[1], in[2], size, segments, 0, 1),
                        (at, _) -> formula(at, heads, keyHeads, size));
    }

    private static double[] formula(Trial.Point at, int heads, int keyHeads, int size) {
        double[] q = at.inputs()[0];
        double[] y = new double[q.length];
        int columns = keyHeads * size;
        int row = 0;
        for (int s = 0; s < at.lengths().length; s++) {
            double[] keys = at.states()[s][1];
            double[] values = at.states()[s][2];
            int length = at.lengths()[s];
            int past = (int) at.states()[s][0][0] - length;
            System.arraycopy(at.inputs()[1], row * columns, keys, past * columns, length * columns);
            System.arraycopy(
                    at.inputs()[2], row * columns, values, past * columns, length * columns);
            for (int n = past; n < past + length; n++, row++) {
                for (int h = 0; h < heads; h++) {
                    int query = (row * heads + h) * size;
                    int shared = h / (heads / keyHeads) * size;
                    double[] weights = new double[n + 1];
                    double largest = Double.NEGATIVE_INFINITY;
                    for (int m = 0; m <= n; m++) {
                        for (int i = 0; i < size; i++) {
                            weights[m] += q[query + i] * keys[m * columns + shared + i];
                        }
                        weights[m] /= Math.sqrt(size);
                        largest = Math.max(largest, weights[m]);
                    }
                    double sum = 0;
                    for (int m = 0; m <= n; m++) {
                        weights[m] = Math.exp(weights[m] - largest);
                        sum += weights[m];
                    }
                    for (int m = 0; m <= n; m++) {
                        for (int i = 0; i < size; i++) {
                            y[query + i] += weights[m] / sum * values[m * columns + shared + i];
                        }
                    }
                }
            }
        }
        return y;
    }

    @Test
    void aCacheWithoutRoomIsRefused() {
        try (Arena arena = Arena.ofConfined();
                Threads threads = new Threads(1);
                EagerOps eager = Backends.named("vector").newOps(threads)) {
            Tensor q = Tensor.allocate(arena, DType.F32, 3, 8);
            Tensor cache = Tensor.allocate(arena, DType.F32, 4, 8);
            int[] three = {3};
            Tensor[][] full = {{Tensor.of(arena, new float[] {5}, 1), cache, cache}};
            eager.begin();
            assertThatThrownBy(() ->
                            eager.run(
                                    new Attention(q, q, q, 4, new TestSegments(three, full), 0, 1)))
                    .isInstanceOf(ShapeException.class)
                    .hasMessageContaining("no room for 5 rows");
            Tensor[][] uncounted = {{Tensor.of(arena, new float[] {2}, 1), cache, cache}};
            assertThatThrownBy(() ->
                            eager.run(
                                    new Attention(
                                            q, q, q, 4, new TestSegments(three, uncounted), 0, 1)))
                    .isInstanceOf(ShapeException.class)
                    .hasMessageContaining("counts 2 tokens; expected at least the 3");
        }
    }

    @Test
    void aGradientToThePastIsRefused() {
        try (Arena arena = Arena.ofConfined();
                Trial.Machine machine = Trial.Machine.of("vector", 1)) {
            Tensor x = Tensor.allocate(arena, DType.F32, 3, 8);
            Tensor keys = Tensor.allocate(arena, DType.F32, 3, 8);
            Tensor values = Tensor.allocate(arena, DType.F32, 3, 8);
            Tensor[][] carried = {{Tensor.of(arena, new float[] {3}, 1), keys, values}};
            Segments segments = new TestSegments(new int[] {3}, carried);
            Ops ops = new RecordingOps(machine.eager(), machine.threads(), machine.tape());
            ops.begin();
            machine.tape().gradient(ops.run(new Attention(x, x, x, 4, segments, 0, 1))).fill(1);
            machine.tape().carry(values, Tensor.allocate(arena, DType.F32, 3, 8));
            assertThatThrownBy(machine.tape()::backward)
                    .isInstanceOf(ShapeException.class)
                    .hasMessageContaining("there is no gradient to the state");
        }
    }

    @Test
    void rotationsAreThoseOfThePositionsOfEverySequence() {
        try (Arena arena = Arena.ofConfined();
                Threads threads = new Threads(2);
                EagerOps eager = Backends.named("vector").newOps(threads)) {
            double[] frequencies = {1, 0.3, 1e-4};
            Tensor[] counters = {
                Tensor.of(arena, new float[] {2}, 1), Tensor.of(arena, new float[] {100_040}, 1)
            };
            eager.begin();
            Tensor rotations =
                    eager.run(
                            new Rotations(
                                    frequencies, new TestSegments(new int[] {2, 40}, counters), 0));
            for (int row = 0; row < 42; row++) {
                int position = row < 2 ? row : 100_000 + row - 2;
                for (int i = 0; i < 3; i++) {
                    double angle = position * frequencies[i];
                    assertThat((double) rotations.get(row * 6L + i))
                            .isCloseTo(Math.cos(angle), within(1e-7));
                    assertThat((double) rotations.get(row * 6L + 3 + i))
                            .isCloseTo(Math.sin(angle), within(1e-7));
                }
            }
        }
    }
}
