package dev.anser.tensor;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Retention against its recurrence and, recorded, against its parallel form, both in double. Of
/// the latter a head's normaliser, between 1 and 5 · 10⁴, has no gradient.
class RetentionTests extends OperationContract {
    @Override
    Stream<Trial> trials() {
        return Stream.concat(
                tails().boxed()
                        .flatMap(size ->
                                Stream.of(
                                        of(2, size, 3, 1, false, 6, 1, 3),
                                        of(2, 3, size, 1, true, 6, 1, 3))),
                Stream.of(
                        of(2, 3, 2, 1, false, 130), // blocks of 64 keys
                        of(1, 2, 35, 1, true, 70, 1), // several groups of values
                        of(2, 4, 3, 0.01, true, 20, 3), // all normalisers 1
                        of(2, 4, 3, 1e5, false, 20, 3), // and 5 · 10⁴
                        of(2, 4, 3, 1e5, true, 20, 3)));
    }

    /// @param query how large the queries are
    private static Trial of(
            int heads, int keySize, int valueSize, double query, boolean past, int... lengths) {
        String name =
                "%d heads of %d keys and %d values, queries of %s%s, %d sequences"
                        .formatted(
                                heads,
                                keySize,
                                valueSize,
                                query,
                                past ? ", a past" : "",
                                lengths.length);
        Trial.Builder builder = new Trial.Builder(name, lengths);
        return builder.rows(heads * keySize, builder.gaussian(query))
                .rows(heads * keySize, builder.gaussian(1 / Math.sqrt(keySize)))
                .rows(heads * valueSize, builder.gaussian(1))
                .constantState(_ -> heads * valueSize * keySize, builder.gaussian(past ? 1 : 0))
                .constantState(_ -> heads, builder.uniform(past ? 1 : 0, past ? 20 : 0))
                .truncates()
                .build(
                        (in, segments) -> new Retention(in[0], in[1], in[2], heads, segments, 0),
                        (at, _) -> new Formula(at, at, heads).recurrent(),
                        (at, constants) -> new Formula(at, constants, heads).parallel());
    }

    @Test
    void aGradientToThePastIsRefused() {
        try (Arena arena = Arena.ofConfined();
                Trial.Machine machine = Trial.Machine.of("vector", 1)) {
            Tensor x = Tensor.allocate(arena, DType.F32, 3, 8);
            Tensor state = Tensor.allocate(arena, DType.F32, 2, 4, 4);
            Tensor[][] carried = {{state, Tensor.allocate(arena, DType.F32, 2)}};
            Segments segments = new TestSegments(new int[] {3}, carried);
            machine.tape().watch(state, Tensor.allocate(arena, DType.F32, 2, 4, 4));
            Ops ops = new RecordingOps(machine.eager(), machine.threads(), machine.tape());
            ops.begin();
            machine.tape().gradient(ops.run(new Retention(x, x, x, 2, segments, 0))).fill(1);
            assertThatThrownBy(machine.tape()::backward)
                    .isInstanceOf(ShapeException.class)
                    .hasMessageContaining("there is no gradient to the state");
        }
    }

    private static final class Formula {
        private final Trial.Point at;
        private final Trial.Point constants;
        private final int heads;
        private final int keySize;
        private final int valueSize;
        private final double[] y;

        Formula(Trial.Point at, Trial.Point constants, int heads) {
            this.at = at;
            this.constants = constants;
            this.heads = heads;
            double[][] state = at.states()[0];
            y = new double[at.inputs()[2].length];
            int rows = 0;
            for (int length : at.lengths()) {
                rows += length;
            }
            keySize = at.inputs()[0].length / rows / heads;
            valueSize = state[0].length / heads / keySize;
        }

        private static double decay(int head) {
            return 1 - Math.pow(2, -5 - head);
        }

        private double product(Trial.Point point, int row, int other, int head) {
            double sum = 0;
            for (int j = 0; j < keySize; j++) {
                sum +=
                        point.inputs()[0][(row * heads + head) * keySize + j]
                                * point.inputs()[1][(other * heads + head) * keySize + j];
            }
            return sum;
        }

        double[] recurrent() {
            int row = 0;
            for (int s = 0; s < at.lengths().length; s++) {
                double[] state = at.states()[s][0];
                double[] scale = at.states()[s][1];
                for (int t = 0; t < at.lengths()[s]; t++, row++) {
                    for (int head = 0; head < heads; head++) {
                        double before = scale[head];
                        scale[head] = decay(head) * before + 1;
                        double keep = decay(head) * Math.sqrt(before / scale[head]);
                        for (int i = 0; i < valueSize; i++) {
                            int place = (row * heads + head) * valueSize + i;
                            double value = at.inputs()[2][place] / Math.sqrt(scale[head]);
                            y[place] = 0;
                            for (int j = 0; j < keySize; j++) {
                                int key = (row * heads + head) * keySize + j;
                                int cell = (head * valueSize + i) * keySize + j;
                                state[cell] = keep * state[cell] + value * at.inputs()[1][key];
                                y[place] += state[cell] * at.inputs()[0][key];
                            }
                        }
                    }
                }
            }
            return y;
        }

        double[] parallel() {
            Trial.Point before = at.again();
            recurrent(); // moves the state on
            int start = 0;
            for (int s = 0; s < at.lengths().length; s++) {
                int end = start + at.lengths()[s];
                for (int head = 0; head < heads; head++) {
                    double scale = before.states()[s][1][head];
                    double past = Math.sqrt(scale);
                    for (int row = start; row < end; row++) {
                        scale = decay(head) * scale + 1;
                        past *= decay(head);
                        row(before.states()[s][0], start, row, head, past, Math.sqrt(scale));
                    }
                }
                start = end;
            }
            return y;
        }

        private void row(double[] state, int start, int row, int head, double past, double root) {
            double total = 0;
            double[] weights = new double[row + 1];
            for (int m = start; m <= row; m++) {
                double faded = Math.pow(decay(head), row - m);
                total += Math.abs(product(constants, row, m, head)) * faded / root;
                weights[m] = product(at, row, m, head) * faded;
            }
            double normaliser = root * Math.clamp(total, 1, 5e4);
            for (int i = 0; i < valueSize; i++) {
                double sum = 0;
                for (int j = 0; j < keySize; j++) {
                    double query = at.inputs()[0][(row * heads + head) * keySize + j];
                    sum += past * query * state[(head * valueSize + i) * keySize + j];
                }
                for (int m = start; m <= row; m++) {
                    sum += weights[m] * at.inputs()[2][(m * heads + head) * valueSize + i];
                }
                y[(row * heads + head) * valueSize + i] = sum / normaliser;
            }
        }
    }
}
