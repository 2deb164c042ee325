package dev.anser.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Attention and retention against their plain formulas in double, and the gradients of all that
/// Transformers and RetNet are made of against central differences, at sizes that hit the tails.
@SuppressWarnings("NarrowCalculation") // sizes are those of a test
class AttentionTests {
    private static final float STEP = 0x1p-7f;
    private static final double TOLERANCE = 0.02;

    private final Arena arena = Arena.ofConfined();
    private final Random random = new Random(3);
    private final Threads threads = new Threads(2);
    private final EagerOps eager = Backends.named("vector").newOps(threads);
    private final Tape tape = new Tape();

    @AfterEach
    void free() {
        tape.close();
        eager.close();
        threads.close();
        arena.close();
    }

    private Tensor random(double scale, long... sizes) {
        Tensor tensor = Tensor.allocate(arena, DType.F32, sizes);
        for (long i = 0; i < tensor.elements(); i++) {
            tensor.set(i, (float) (random.nextGaussian() * scale));
        }
        return tensor;
    }

    /// Sequences of given past and new lengths, with carried tensors in slots.
    private static final class Sequences implements Segments {
        private final int[] lengths;
        private final Tensor[][] carried;

        Sequences(int[] lengths, Tensor[]... carried) {
            this.lengths = lengths;
            this.carried = carried;
        }

        @Override
        public int rows() {
            return Arrays.stream(lengths).sum();
        }

        @Override
        public int count() {
            return lengths.length;
        }

        @Override
        public int start(int segment) {
            return Arrays.stream(lengths, 0, segment).sum();
        }

        @Override
        public int end(int segment) {
            return start(segment) + lengths[segment];
        }

        @Override
        public int segment(int row) {
            int segment = 0;
            while (row >= end(segment)) {
                segment++;
            }
            return segment;
        }

        @Override
        public Tensor carried(int segment, int slot) {
            return carried[segment][slot];
        }
    }

    private Tensor position(int tokens) {
        return Tensor.of(arena, new float[] {tokens}, 1);
    }

    /// A cache with room for `past` + `count` rows, the first ones random.
    private Tensor[] cache(int past, int count, int columns) {
        return new Tensor[] {
            position(past + count),
            random(1, past + count, columns),
            random(1, past + count, columns)
        };
    }

    private static Tensor rows(Arena arena, Tensor x, int from, int to) {
        Tensor part = Tensor.allocate(arena, DType.F32, to - from, x.columns());
        Memory.copy(x.address() + 4L * from * x.columns(), part.address(), part.bytes());
        return part;
    }

    private float[] attend(EagerOps ops, Tensor q, Tensor k, Tensor v, int size, int chunk) {
        Tensor[] cache = cache(0, q.rows(), k.columns());
        float[] all = new float[Math.toIntExact(q.elements())];
        for (int from = 0; from < q.rows(); from += chunk) {
            int to = Math.min(q.rows(), from + chunk);
            cache[0].set(0, to);
            ops.begin();
            Tensor y =
                    ops.run(
                            new Attention(
                                    rows(arena, q, from, to),
                                    rows(arena, k, from, to),
                                    rows(arena, v, from, to),
                                    size,
                                    new Sequences(new int[] {to - from}, cache),
                                    0,
                                    1));
            System.arraycopy(y.toFloats(), 0, all, from * q.columns(), (to - from) * q.columns());
        }
        return all;
    }

    @ParameterizedTest
    @CsvSource({"1,1,1", "2,1,7", "4,2,16", "3,3,17", "6,2,33", "2,2,65"})
    void attentionIsASoftmaxOverAllEarlierRows(int heads, int keyHeads, int size) {
        int length = 150;
        Tensor q = random(2, length, heads * size);
        Tensor k = random(1, length, keyHeads * size);
        Tensor v = random(1, length, keyHeads * size);
        float[] y = attend(eager, q, k, v, size, length);
        double worst = 0;
        for (int n = 0; n < length; n++) {
            for (int h = 0; h < heads; h++) {
                int shared = h / (heads / keyHeads);
                double[] expected = new double[size];
                double sum = 0;
                for (int m = 0; m <= n; m++) {
                    double score = 0;
                    for (int i = 0; i < size; i++) {
                        score +=
                                (double) q.get((long) n * heads * size + h * size + i)
                                        * k.get((long) m * keyHeads * size + shared * size + i);
                    }
                    double weight = Math.exp(score / Math.sqrt(size));
                    sum += weight;
                    for (int i = 0; i < size; i++) {
                        expected[i] +=
                                weight * v.get((long) m * keyHeads * size + shared * size + i);
                    }
                }
                for (int i = 0; i < size; i++) {
                    double actual = y[n * heads * size + h * size + i];
                    worst = Math.max(worst, Math.abs(actual - expected[i] / sum));
                }
            }
        }
        assertThat(worst).isLessThan(5e-6);
    }

    @Test
    void anyChunkingAndAnyNumberOfThreadsGiveTheSameBits() {
        Tensor q = random(2, 200, 4 * 20);
        Tensor k = random(1, 200, 2 * 20);
        Tensor v = random(1, 200, 2 * 20);
        for (String backend : new String[] {"scalar", "vector"}) {
            float[] expected = null;
            for (int count : new int[] {1, 3}) {
                try (Threads team = new Threads(count);
                        EagerOps ops = Backends.named(backend).newOps(team)) {
                    for (int chunk : new int[] {200, 1, 7, 64, 65}) {
                        float[] y = attend(ops, q, k, v, 20, chunk);
                        expected = expected == null ? y : expected;
                        assertThat(y).as("%s, chunks of %d", backend, chunk).isEqualTo(expected);
                    }
                }
            }
        }
    }

    @Test
    void aCacheWithoutRoomIsRefused() {
        Tensor q = random(1, 3, 8);
        Tensor[] full = {position(5), random(1, 4, 8), random(1, 4, 8)};
        eager.begin();
        assertThatThrownBy(() ->
                        eager.run(
                                new Attention(
                                        q, q, q, 4, new Sequences(new int[] {3}, full), 0, 1)))
                .isInstanceOf(ShapeException.class)
                .hasMessageContaining("no room for 5 rows");
        Tensor[] uncounted = {position(2), random(1, 4, 8), random(1, 4, 8)};
        assertThatThrownBy(() ->
                        eager.run(
                                new Attention(
                                        q, q, q, 4, new Sequences(new int[] {3}, uncounted), 0, 1)))
                .isInstanceOf(ShapeException.class)
                .hasMessageContaining("counts 2 tokens; expected at least the 3");
    }

    /// A new operation at every call, and what is carried as it was.
    private interface Made {
        Operation make();
    }

    private double loss(Ops ops, Made made, float[] c) {
        ops.begin();
        float[] y = ops.run(made.make()).toFloats();
        double sum = 0;
        for (int i = 0; i < c.length; i++) {
            sum += (double) c[i] * y[i];
        }
        return sum;
    }

    /// Checks the gradient of Σ c · f(inputs), with a random c, to every input. `recorded` says
    /// whether the differences are those of a recorded pass.
    private void check(boolean recorded, Made made, Tensor... inputs) {
        RecordingOps recording = new RecordingOps(eager, threads, tape);
        Tensor[] gradients = new Tensor[inputs.length];
        for (int i = 0; i < inputs.length; i++) {
            gradients[i] = Tensor.allocate(arena, DType.F32, inputs[i].shape().sizes());
            tape.watch(inputs[i], gradients[i]);
        }
        recording.begin();
        Tensor y = recording.run(made.make());
        float[] c = new float[Math.toIntExact(y.elements())];
        for (int i = 0; i < c.length; i++) {
            c[i] = (float) random.nextGaussian();
        }
        tape.gradient(y).set(c);
        tape.backward();
        float[][] actual = new float[inputs.length][];
        for (int n = 0; n < inputs.length; n++) {
            actual[n] = tape.gradient(inputs[n]).toFloats();
            for (int i = 0; i < actual[n].length; i++) {
                actual[n][i] += gradients[n].get(i);
            }
        }
        Ops ops = recorded ? recording : eager;
        for (int n = 0; n < inputs.length; n++) {
            Tensor input = inputs[n];
            double[] expected = new double[actual[n].length];
            double largest = 0;
            for (int i = 0; i < expected.length; i++) {
                float value = input.get(i);
                input.set(i, value + STEP);
                double up = loss(ops, made, c);
                input.set(i, value - STEP);
                double down = loss(ops, made, c);
                input.set(i, value);
                expected[i] = (up - down) / (2 * STEP);
                largest = Math.max(largest, Math.abs(expected[i]));
            }
            for (int i = 0; i < expected.length; i++) {
                assertThat(Math.abs(actual[n][i] - expected[i]))
                        .as("input %d, element %d: %s, %s", n, i, actual[n][i], expected[i])
                        .isLessThan(TOLERANCE * (largest + 0.05));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"2,1,1,0", "4,2,7,0", "2,2,17,0", "4,2,5,62", "3,1,33,3"})
    void attentionHasItsGradient(int heads, int keyHeads, int size, int past) {
        int[] lengths = {5, 1, 4};
        Tensor q = random(1, 10, heads * size);
        Tensor k = random(1, 10, keyHeads * size);
        Tensor v = random(1, 10, keyHeads * size);
        Tensor[][] carried = new Tensor[3][];
        for (int s = 0; s < 3; s++) {
            carried[s] = cache(past, lengths[s], keyHeads * size);
        }
        Sequences sequences = new Sequences(lengths, carried);
        check(false, () -> new Attention(q, k, v, size, sequences, 0, 1), q, k, v);
    }

    /// The normalisers have no gradient: the values' is that of a linear function; a query's or
    /// key's is compared where A_n is 1, which small ones leave it.
    @ParameterizedTest
    @CsvSource({"1,2,1,false", "2,7,9,false", "3,17,16,true", "2,8,33,true"})
    void retentionHasItsGradient(int heads, int keySize, int valueSize, boolean past) {
        int[] lengths = {6, 1, 3};
        Tensor q = random(0.5 / keySize, 10, heads * keySize);
        Tensor k = random(0.5, 10, heads * keySize);
        Tensor v = random(1, 10, heads * valueSize);
        Tensor[][] before = new Tensor[3][];
        Tensor[][] carried = new Tensor[3][];
        for (int s = 0; s < 3; s++) {
            before[s] =
                    new Tensor[] {
                        random(past ? 1 : 0, heads, valueSize, keySize),
                        Tensor.allocate(arena, DType.F32, heads)
                    };
            for (int h = 0; past && h < heads; h++) {
                before[s][1].set(h, 3 + h);
            }
            carried[s] =
                    new Tensor[] {
                        random(0, heads, valueSize, keySize),
                        Tensor.allocate(arena, DType.F32, heads)
                    };
        }
        Sequences sequences = new Sequences(lengths, carried);
        check(
                true,
                () -> {
                    for (int s = 0; s < 3; s++) {
                        carried[s][0].copyFrom(before[s][0]);
                        carried[s][1].copyFrom(before[s][1]);
                    }
                    return new Retention(q, k, v, heads, sequences, 0);
                },
                q,
                k,
                v);
    }

    @ParameterizedTest
    @CsvSource({"1", "2", "7", "16", "17", "33", "65"})
    void normsActivationsAndBiasesHaveTheirGradients(int size) {
        Tensor x = random(1, 3, size);
        Tensor other = random(1, 3, size);
        Tensor weight = random(1, size);
        check(false, () -> new RmsNorm(x, weight, 1e-2f), x, weight);
        Tensor heads = random(1, 2, 3 * size);
        check(false, () -> RmsNorm.ofHeads(heads, size, 1e-2f), heads);
        check(false, () -> new AddBias(x, weight), x, weight);
        check(false, () -> new Scale(x, -1.5f), x);
        for (Activation activation : Activation.values()) {
            check(false, () -> new Activate(activation, x), x);
            check(false, () -> new Activate(activation, x, other), x, other);
        }
        check(false, () -> new SplitHeads(heads, 3, size), heads);
        check(false, () -> new Activate(Activation.SILU, x, x), x); // an operand that stands twice
    }

    @ParameterizedTest
    @CsvSource({"2,2", "8,2", "7,6", "16,16", "33,8"})
    void rotationsHaveTheirGradient(int size, int turned) {
        Sequences sequences =
                new Sequences(
                        new int[] {2, 3}, new Tensor[] {position(2)}, new Tensor[] {position(103)});
        double[] frequencies = random.doubles(turned / 2, 0, 1).toArray();
        eager.begin();
        Tensor computed = eager.run(new Rotations(frequencies, sequences, 0));
        Tensor rotations = rows(arena, computed, 0, 5);
        for (int i = 0; i < turned / 2; i++) {
            assertThat(rotations.get(i)).isEqualTo(1);
            double angle = 102 * frequencies[i];
            assertThat((double) rotations.get(4L * turned + i))
                    .isCloseTo(Math.cos(angle), within(1e-6));
        }
        Tensor x = random(1, 5, 2 * size);
        for (RotaryEmbedding.Pairs pairs : RotaryEmbedding.Pairs.values()) {
            check(false, () -> new RotaryEmbedding(x, rotations, size, pairs), x);
        }
    }
}
