package dev.anser.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The gradient of every operation against central differences, at sizes that hit every tail.
///
/// The operations compute in float, so the differences are taken with a step of 2^-7: a loss of
/// size 1 then has a difference error of about 1e-7 / 2^-6, and the cubic term is of the order of
/// 2^-14. Gradients are compared relative to the largest one of the tensor, within 2 %; a wrong
/// term is wrong by 10 % or more.
class GradientTests {
    private static final float STEP = 0x1p-7f;
    private static final double TOLERANCE = 0.02;

    private final Arena arena = Arena.ofConfined();
    private final Random random = new Random(11);
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

    private Tensor uniform(double low, double high, long... sizes) {
        Tensor tensor = Tensor.allocate(arena, DType.F32, sizes);
        for (long i = 0; i < tensor.elements(); i++) {
            tensor.set(i, (float) (low + (high - low) * random.nextDouble()));
        }
        return tensor;
    }

    /// Checks the gradient of Σ c · f(inputs), with a random c, to every input.
    private void check(Function<Ops, Tensor> function, Runnable reset, Tensor... inputs) {
        Ops recording = new RecordingOps(eager, threads, tape);
        reset.run();
        Tensor[] gradients = new Tensor[inputs.length];
        for (int i = 0; i < inputs.length; i++) {
            gradients[i] = Tensor.allocate(arena, DType.F32, inputs[i].shape().sizes());
            tape.watch(inputs[i], gradients[i]);
        }
        recording.begin();
        Tensor y = function.apply(recording);
        float[] c = new float[Math.toIntExact(y.elements())];
        for (int i = 0; i < c.length; i++) {
            c[i] = (float) random.nextGaussian();
        }
        tape.gradient(y).set(c);
        tape.backward();
        for (int n = 0; n < inputs.length; n++) {
            Tensor input = inputs[n];
            // Inputs of the model's own operations are activations, parameters are watched.
            Tensor gradient = gradients[n];
            Tensor ofActivation = tape.gradient(input);
            double largest = 0;
            double[] expected = new double[Math.toIntExact(input.elements())];
            for (int i = 0; i < expected.length; i++) {
                float value = input.get(i);
                input.set(i, value + STEP);
                double up = loss(function, reset, c);
                input.set(i, value - STEP);
                double down = loss(function, reset, c);
                input.set(i, value);
                expected[i] = (up - down) / (2 * STEP);
                largest = Math.max(largest, Math.abs(expected[i]));
            }
            for (int i = 0; i < expected.length; i++) {
                double actual =
                        gradient.get(i) + (ofActivation == gradient ? 0 : ofActivation.get(i));
                assertThat(Math.abs(actual - expected[i]))
                        .as("input %d, element %d: %s, expected %s", n, i, actual, expected[i])
                        .isLessThan(TOLERANCE * (largest + 0.05));
            }
        }
    }

    private double loss(Function<Ops, Tensor> function, Runnable reset, float[] c) {
        reset.run();
        eager.begin();
        float[] y = function.apply(eager).toFloats();
        double sum = 0;
        for (int i = 0; i < c.length; i++) {
            sum += (double) c[i] * y[i];
        }
        return sum;
    }

    private void check(Function<Ops, Tensor> function, Tensor... inputs) {
        check(function, () -> {}, inputs);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7, 15, 16, 17, 33, 65})
    void productsHaveTheirGradients(int size) {
        Tensor x = random(1, 3, size);
        Tensor weight = random(1, 5, size);
        check(ops -> ops.linear(x, weight), x, weight);
        Tensor other = random(1, size, 6);
        check(ops -> ops.project(x, other), x, other);
    }

    @ParameterizedTest
    @CsvSource({"1,1", "2,7", "7,2", "15,17", "16,16", "17,33"})
    void productsOfRowsWithTheirOwnMatricesHaveTheirGradients(int inner, int columns) {
        Tensor x = random(1, 3, inner);
        Tensor matrices = random(1, 3, (long) inner * columns);
        check(ops -> ops.run(new RowProduct(x, matrices)), x, matrices);
        // Operands that have a gradient already when the first step runs.
        check(
                ops -> {
                    Tensor y = ops.run(new RowProduct(x, matrices));
                    return ops.add(y, ops.tanh(ops.run(new RowProduct(x, matrices))));
                },
                x,
                matrices);
        Tensor square = random(1, 3, 1);
        check(ops -> ops.run(new RowProduct(square, square)), square);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 16, 33, 65})
    void productsWithABiasHaveTheirGradients(int size) {
        Tensor x = random(1, 70, size);
        Tensor factor = random(1, 70, size);
        Tensor bias = random(1, size);
        check(ops -> ops.run(new ProductWithBias(x, factor, bias)), x, factor, bias);
        check(ops -> ops.run(new ProductWithBias(x, x, bias)), x, bias);
    }

    @Test
    void theGradientOfAWeightIsTheSameForAnyTiling() {
        for (int[] shape : new int[][] {{1, 1, 1}, {5, 9, 70}, {33, 66, 129}, {64, 64, 64}}) {
            Tensor a = random(1, shape[0], shape[1]);
            Tensor b = random(1, shape[0], shape[2]);
            Tensor expected = random(1, shape[1], shape[2]);
            Tensor actual = Tensor.allocate(arena, DType.F32, shape[1], shape[2]);
            actual.copyFrom(expected);
            new ReferenceKernels()
                    .addOuter(
                            a.address(),
                            b.address(),
                            shape[0],
                            shape[1],
                            shape[2],
                            0,
                            shape[1],
                            expected.address());
            eager.addOuter(a, b, actual);
            assertThat(actual.toFloats()).isEqualTo(expected.toFloats());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 16, 33})
    void elementwiseOperationsHaveTheirGradients(int size) {
        Tensor x = random(1, 3, size);
        Tensor other = random(1, 3, size);
        Tensor third = random(1, 3, size);
        Tensor bias = random(1, size);
        check(ops -> ops.add(x, other), x, other);
        check(ops -> ops.add(x, x), x);
        check(ops -> ops.tanh(x), x);
        check(ops -> ops.sigmoid(x), x);
        check(ops -> ops.reluSquared(x), x);
        check(ops -> ops.sigmoidWithBias(x, bias), x, bias);
        check(ops -> ops.decay7(x, bias), x, bias);
        check(ops -> ops.lerp(x, other, third), x, other, third);
    }

    @Test
    void embeddingsAndRowsAddUpWhatStandsTwice() {
        Tensor table = random(1, 5, 6);
        check(ops -> ops.embedding(table, new int[] {3, 0, 3}, 3), table);
        check(ops -> ops.rows(table, new int[] {4, 4, 1}, 3), table);
    }

    @ParameterizedTest
    @ValueSource(ints = {3, 7, 16, 33})
    void layerNormHasItsGradients(int size) {
        Tensor x = random(2, 4, size);
        Tensor weight = random(1, size);
        Tensor bias = random(1, size);
        check(ops -> ops.layerNorm(x, weight, bias, 1e-5f), x, weight, bias);
    }

    private TestSegments segments(int[] lengths, Tensor[] carried) {
        return new TestSegments(lengths, carried);
    }

    private static Runnable restore(Tensor[] carried, Tensor[] initial) {
        return () -> {
            for (int i = 0; i < carried.length; i++) {
                carried[i].copyFrom(initial[i]);
            }
        };
    }

    @Test
    void tokenShiftHasItsGradientsToThePastAsWell() {
        Tensor x = random(1, 6, 5);
        Tensor[] mixes = {random(1, 5), random(1, 5), random(1, 5)};
        Tensor[] carried = {random(1, 5), random(1, 5), random(1, 5)};
        Tensor[] initial = {random(1, 5), random(1, 5), random(1, 5)};
        Segments segments = segments(new int[] {1, 3, 2}, carried);
        Runnable reset = restore(carried, initial);
        check(ops -> ops.shiftLerp(x, mixes, segments, 0), reset, x, mixes[0], mixes[1], mixes[2]);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 7, 16})
    void keysHaveTheirGradients(int headSize) {
        Tensor k = random(1, 3, 2L * headSize);
        Tensor a = uniform(0, 1, 3, 2L * headSize);
        Tensor scale = random(1, 2L * headSize);
        Tensor rate = random(1, 2L * headSize);
        check(ops -> ops.keys7(k, a, scale, rate, headSize), k, a, scale, rate);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 8})
    void wkv7HasItsGradientsAcrossCheckpoints(int headSize) {
        int[] lengths = {1, 35, 18};
        int rows = 54;
        long columns = 2L * headSize;
        Tensor r = random(1, rows, columns);
        Tensor w = uniform(0.6, 0.99, rows, columns);
        Tensor k = random(0.5, rows, columns);
        Tensor v = random(1, rows, columns);
        Tensor a = random(0.3 / Math.sqrt(headSize), rows, columns);
        Tensor b = random(0.3 / Math.sqrt(headSize), rows, columns);
        Tensor[] carried = new Tensor[3];
        Tensor[] initial = new Tensor[3];
        for (int i = 0; i < 3; i++) {
            carried[i] = random(1, 2, headSize, headSize);
            initial[i] = random(1, 2, headSize, headSize);
        }
        Segments segments = segments(lengths, carried);
        check(
                ops -> ops.wkv7(r, w, k, v, a, b, headSize, segments, 0),
                restore(carried, initial),
                r,
                w,
                k,
                v,
                a,
                b);
    }

    @ParameterizedTest
    @ValueSource(ints = {4, 7, 16})
    void theGatedGroupNormHasItsGradients(int headSize) {
        long columns = 2L * headSize;
        Tensor[] rows = new Tensor[5];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = random(1, 3, columns);
        }
        Tensor weight = random(1, columns);
        Tensor bias = random(1, columns);
        Tensor bonus = random(1, columns);
        check(
                ops ->
                        ops.gatedGroupNorm7(
                                rows[0], weight, bias, 64e-5f, rows[1], rows[2], rows[3], bonus,
                                rows[4], headSize),
                rows[0],
                weight,
                bias,
                rows[1],
                rows[2],
                rows[3],
                bonus,
                rows[4]);
    }

    @Test
    void theStateBeforeTheBatchHasItsGradient() {
        int headSize = 4;
        Tensor[] inputs = new Tensor[6];
        for (int i = 0; i < inputs.length; i++) {
            inputs[i] = random(0.4, 20, headSize);
        }
        Tensor initial = random(1, 1, headSize, headSize);
        Tensor carried = random(1, 1, headSize, headSize);
        Segments segments = segments(new int[] {20}, new Tensor[] {carried});
        Tensor gradient = Tensor.allocate(arena, DType.F32, 1, headSize, headSize);
        tape.watch(carried, gradient);
        Ops recording = new RecordingOps(eager, threads, tape);
        carried.copyFrom(initial);
        recording.begin();
        Tensor y =
                recording.wkv7(
                        inputs[0], inputs[1], inputs[2], inputs[3], inputs[4], inputs[5], headSize,
                        segments, 0);
        float[] c = random(1, 20, headSize).toFloats();
        tape.gradient(y).set(c);
        tape.backward();
        for (int i = 0; i < headSize * headSize; i++) {
            double[] losses = new double[2];
            for (int side = 0; side < 2; side++) {
                int place = i;
                float step = side == 0 ? STEP : -STEP;
                losses[side] =
                        loss(
                                ops ->
                                        ops.wkv7(
                                                inputs[0], inputs[1], inputs[2], inputs[3],
                                                inputs[4], inputs[5], headSize, segments, 0),
                                () -> {
                                    carried.copyFrom(initial);
                                    carried.set(place, initial.get(place) + step);
                                },
                                c);
            }
            double expected = (losses[0] - losses[1]) / (2 * STEP);
            assertThat(Math.abs(gradient.get(i) - expected))
                    .isLessThan(0.01 * (1 + Math.abs(expected)));
        }
    }
}
