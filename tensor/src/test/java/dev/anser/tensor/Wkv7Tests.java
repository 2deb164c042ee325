package dev.anser.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The recurrent WKV-7 kernels, forwards and backwards, against the chunked form in double.
///
/// Differences are taken relative to the largest element of each tensor, or to 1 if that is less
/// (inputs are of size 1). Sums of up to 128 products and a recurrence that shrinks what came
/// before leave a few units in the last place.
class Wkv7Tests {
    private static final double TOLERANCE = 5e-6;

    private final Arena arena = Arena.ofConfined();
    private final Random random = new Random(5);

    @AfterEach
    void free() {
        arena.close();
    }

    /// Inputs as a model has them: unit removal keys -κ̂ and b = κ̂ · rate.
    private Tensor[] inputs(int tokens, int heads, int size, boolean worst) {
        Tensor[] in = new Tensor[6];
        for (int n = 0; n < in.length; n++) {
            in[n] = Tensor.allocate(arena, DType.F32, tokens, (long) heads * size);
            for (long i = 0; i < in[n].elements(); i++) {
                double sigma = 1 / (1 + Math.exp(6 - 9 * random.nextDouble()));
                double decay = worst ? 0.545 : Math.exp(-Math.exp(-0.5) * sigma);
                in[n].set(i, (float) (n == 1 ? decay : random.nextGaussian()));
            }
        }
        for (int head = 0; head < tokens * heads; head++) {
            double squares = 0;
            for (long i = 0; i < size; i++) {
                double value = in[4].get((long) head * size + i);
                squares += value * value;
            }
            for (long i = 0; i < size; i++) {
                double unit = in[4].get((long) head * size + i) / Math.sqrt(squares);
                in[4].set((long) head * size + i, (float) -unit);
                in[5].set((long) head * size + i, (float) (unit * random.nextDouble()));
                double key = in[2].get((long) head * size + i);
                in[2].set((long) head * size + i, (float) (key / Math.sqrt(size)));
            }
        }
        return in;
    }

    private Tensor gaussian(long... sizes) {
        Tensor tensor = Tensor.allocate(arena, DType.F32, sizes);
        for (long i = 0; i < tensor.elements(); i++) {
            tensor.set(i, (float) random.nextGaussian());
        }
        return tensor;
    }

    /// The results of a forward and a backward pass: y, the states after, the gradients of r to b,
    /// and those of the states before.
    private Tensor[] run(
            String backend,
            int team,
            Tensor[] in,
            Tensor dy,
            Tensor[] before,
            Tensor[] dAfter,
            int[] lengths,
            int size) {
        try (Threads threads = new Threads(team);
                EagerOps eager = Backends.named(backend).newOps(threads);
                Tape tape = new Tape()) {
            int count = lengths.length;
            Tensor[] results = new Tensor[7 + 2 * count];
            Tensor[] carried = new Tensor[count];
            for (int s = 0; s < count; s++) {
                carried[s] = copy(before[s]);
                results[7 + s] = carried[s];
                results[7 + count + s] =
                        Tensor.allocate(arena, DType.F32, before[s].shape().sizes());
                tape.watch(carried[s], results[7 + count + s]);
            }
            RecordingOps ops = new RecordingOps(eager, threads, tape);
            ops.begin();
            Tensor y =
                    ops.wkv7(
                            in[0],
                            in[1],
                            in[2],
                            in[3],
                            in[4],
                            in[5],
                            size,
                            new TestSegments(lengths, carried),
                            0);
            results[0] = copy(y);
            tape.gradient(y).copyFrom(dy);
            for (int s = 0; s < count; s++) {
                tape.carry(carried[s], dAfter[s]);
            }
            tape.backward();
            for (int n = 0; n < in.length; n++) {
                results[1 + n] = copy(tape.gradient(in[n]));
            }
            return results;
        }
    }

    private Tensor copy(Tensor tensor) {
        Tensor copy = Tensor.allocate(arena, DType.F32, tensor.shape().sizes());
        copy.copyFrom(tensor);
        return copy;
    }

    /// Rows and channels of one head of one segment.
    private static double[][] cut(Tensor x, int start, int end, int head, int size) {
        double[][] result = new double[end - start][size];
        for (int t = start; t < end; t++) {
            for (int i = 0; i < size; i++) {
                result[t - start][i] = x.get((long) t * x.columns() + (long) head * size + i);
            }
        }
        return result;
    }

    private static double[][] cutState(Tensor state, int head, int size) {
        double[][] result = new double[size][size];
        for (int i = 0; i < size; i++) {
            for (int j = 0; j < size; j++) {
                result[i][j] = state.get(((long) head * size + i) * size + j);
            }
        }
        return result;
    }

    private static void assertClose(String what, double[][] actual, double[][] expected) {
        double largest = 1;
        double difference = 0;
        for (int i = 0; i < expected.length; i++) {
            for (int j = 0; j < expected[i].length; j++) {
                largest = Math.max(largest, Math.abs(expected[i][j]));
                difference = Math.max(difference, Math.abs(actual[i][j] - expected[i][j]));
            }
        }
        assertThat(difference / largest).as(what).isLessThan(TOLERANCE);
    }

    private void compare(
            String backend, int size, int heads, int[] lengths, boolean worst, int chunk) {
        int tokens = java.util.Arrays.stream(lengths).sum();
        Tensor[] in = inputs(tokens, heads, size, worst);
        Tensor dy = gaussian(tokens, (long) heads * size);
        int count = lengths.length;
        Tensor[] before = new Tensor[count];
        Tensor[] dAfter = new Tensor[count];
        for (int s = 0; s < count; s++) {
            before[s] = gaussian(heads, size, size);
            dAfter[s] = gaussian(heads, size, size);
        }
        Tensor[] actual = run(backend, 2, in, dy, before, dAfter, lengths, size);
        int start = 0;
        for (int s = 0; s < count; s++) {
            int end = start + lengths[s];
            for (int head = 0; head < heads; head++) {
                double[][][] cuts = new double[6][][];
                for (int n = 0; n < 6; n++) {
                    cuts[n] = cut(in[n], start, end, head, size);
                }
                ChunkedWkv7 expected =
                        new ChunkedWkv7(
                                cuts,
                                cut(dy, start, end, head, size),
                                cutState(before[s], head, size),
                                cutState(dAfter[s], head, size),
                                chunk);
                double[][][] all = {
                    expected.y,
                    expected.dr,
                    expected.dw,
                    expected.dk,
                    expected.dv,
                    expected.da,
                    expected.db
                };
                String[] names = {"y", "dr", "dw", "dk", "dv", "da", "db"};
                for (int n = 0; n < all.length; n++) {
                    assertClose(names[n], cut(actual[n], start, end, head, size), all[n]);
                }
                assertClose("state", cutState(actual[7 + s], head, size), expected.state);
                assertClose("dState", cutState(actual[7 + count + s], head, size), expected.dState);
            }
            start = end;
        }
    }

    @ParameterizedTest
    @CsvSource({"vector,false", "vector,true", "scalar,false", "scalar,true"})
    void theRecurrenceEqualsTheChunkedFormForAnyChunkLength(String backend, boolean worst) {
        for (int chunk : new int[] {1, 2, 7, 16, 33, 64}) {
            compare(backend, 64, 1, new int[] {100}, worst, chunk);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7, 8, 15, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65, 127, 128})
    void everyHeadSizeHasItsGradients(int size) {
        compare("vector", size, 2, new int[] {1, 35, 16}, false, 16);
        compare("vector", size, 9, new int[] {3, 18}, true, 16); // heads enough: not cut
        if (size <= 33) {
            compare("scalar", size, 2, new int[] {1, 35, 16}, false, 16);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {7, 48, 64, 100})
    void theTeamDoesNotChangeABit(int size) {
        int[] lengths = {40, 17};
        int heads = 2;
        Tensor[] in = inputs(57, heads, size, false);
        Tensor dy = gaussian(57, (long) heads * size);
        Tensor[] before = {gaussian(heads, size, size), gaussian(heads, size, size)};
        Tensor[] dAfter = {gaussian(heads, size, size), gaussian(heads, size, size)};
        Tensor[] one = run("vector", 1, in, dy, before, dAfter, lengths, size);
        for (int team : new int[] {2, 3, 7}) {
            Tensor[] more = run("vector", team, in, dy, before, dAfter, lengths, size);
            for (int n = 0; n < one.length; n++) {
                assertThat(more[n].toFloats()).as("result %d", n).isEqualTo(one[n].toFloats());
            }
        }
    }

    /// Two passes over halves, the state carried between them, are one pass over the whole:
    /// forwards to the bit, backwards but for the places of the checkpoints.
    @Test
    void gradientsFlowThroughTheStateFromChunkToChunk() {
        int size = 32;
        int tokens = 48;
        int half = 21;
        Tensor[] in = inputs(tokens, 1, size, false);
        Tensor dy = gaussian(tokens, size);
        Tensor[] before = {gaussian(1, size, size)};
        Tensor[] dAfter = {gaussian(1, size, size)};
        Tensor[] whole = run("vector", 2, in, dy, before, dAfter, new int[] {tokens}, size);
        Tensor[] first = new Tensor[6];
        Tensor[] second = new Tensor[6];
        for (int n = 0; n < 6; n++) {
            first[n] = slice(in[n], 0, half);
            second[n] = slice(in[n], half, tokens);
        }
        // The first half's forward pass alone, for the state between the halves.
        Tensor[] none = {Tensor.allocate(arena, DType.F32, 1, size, size)};
        Tensor[] alone =
                run("vector", 2, first, slice(dy, 0, half), before, none, new int[] {half}, size);
        Tensor[] middle = {alone[7]};
        Tensor[] later =
                run(
                        "vector",
                        2,
                        second,
                        slice(dy, half, tokens),
                        middle,
                        dAfter,
                        new int[] {tokens - half},
                        size);
        Tensor[] dMiddle = {later[8]};
        Tensor[] earlier =
                run(
                        "vector",
                        2,
                        first,
                        slice(dy, 0, half),
                        before,
                        dMiddle,
                        new int[] {half},
                        size);
        assertThat(later[7].toFloats()).isEqualTo(whole[7].toFloats());
        for (int n = 0; n < 7; n++) {
            assertClose(
                    "first half of " + n,
                    cut(earlier[n], 0, half, 0, size),
                    cut(whole[n], 0, half, 0, size));
            assertClose(
                    "second half of " + n,
                    cut(later[n], 0, tokens - half, 0, size),
                    cut(whole[n], half, tokens, 0, size));
        }
        assertClose("dState", cutState(earlier[8], 0, size), cutState(whole[8], 0, size));
    }

    private Tensor slice(Tensor x, int from, int to) {
        Tensor slice = Tensor.allocate(arena, DType.F32, to - from, x.columns());
        for (long i = 0; i < slice.elements(); i++) {
            slice.set(i, x.get((long) from * x.columns() + i));
        }
        return slice;
    }

    @Test
    void aGradientOfTheWrongSizeOrInTwoRolesIsRefused() {
        try (Tape tape = new Tape()) {
            Tensor state = gaussian(1, 4, 4);
            Tensor gradient = gaussian(1, 4, 4);
            Tensor other = gaussian(1, 4, 5);
            assertThatThrownBy(() -> tape.carry(state, other)).isInstanceOf(ShapeException.class);
            tape.watch(state, gradient);
            assertThatThrownBy(() -> tape.carry(state, gradient))
                    .isInstanceOf(ShapeException.class)
                    .hasMessageContaining("two tensors");
        }
    }
}
