package dev.anser.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The backward steps with vectors against the reference ones, through the same operations, and on
/// teams of different sizes.
///
/// Values and gradients are standard normal, and sums go over at most 67 rows or 1024 columns, so
/// that results of size 1 to 30 differ by rounding alone: within 1e-4.
class GradientKernelsTests {
    private static final int ROWS = 67;

    private final Arena arena = Arena.ofConfined();

    @AfterEach
    void free() {
        arena.close();
    }

    private static Tensor random(Arena arena, Random random, long... sizes) {
        Tensor tensor = Tensor.allocate(arena, DType.F32, sizes);
        for (long i = 0; i < tensor.elements(); i++) {
            tensor.set(i, (float) random.nextGaussian());
        }
        return tensor;
    }

    /// Operands from one seed, those that are parameters watched, and what the pass leaves.
    private final class Pass implements AutoCloseable {
        private final Random random = new Random(7);
        private final Tape tape = new Tape();
        private final Threads threads;
        private final EagerOps eager;
        private final RecordingOps ops;
        private final List<Tensor> inputs = new ArrayList<>();
        private final List<Tensor> gradients = new ArrayList<>();

        Pass(String backend, int team) {
            threads = new Threads(team);
            eager = Backends.named(backend).newOps(threads);
            ops = new RecordingOps(eager, threads, tape);
            ops.begin();
        }

        Tensor input(int columns) {
            Tensor input = random(arena, random, ROWS, columns);
            inputs.add(input);
            return input;
        }

        Tensor parameter(int columns) {
            Tensor parameter = random(arena, random, columns);
            Tensor gradient = random(arena, random, columns);
            tape.watch(parameter, gradient);
            gradients.add(gradient);
            return parameter;
        }

        List<float[]> run(Function<Pass, Tensor> operation, boolean twice) {
            Tensor y = operation.apply(this);
            float[] values = new float[Math.toIntExact(y.elements())];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) random.nextGaussian();
            }
            tape.gradient(y).set(values);
            if (twice) { // the operands have gradients already, to be added to
                for (Tensor input : inputs) {
                    Tensor before = random(arena, random, ROWS, input.columns());
                    tape.gradient(input).copyFrom(before);
                }
            }
            tape.backward();
            List<float[]> all = new ArrayList<>();
            inputs.forEach(input -> all.add(tape.gradient(input).toFloats()));
            gradients.forEach(gradient -> all.add(gradient.toFloats()));
            return all;
        }

        @Override
        public void close() {
            tape.close();
            eager.close();
            threads.close();
        }
    }

    private List<float[]> run(
            String backend, int team, boolean twice, Function<Pass, Tensor> operation) {
        try (Pass pass = new Pass(backend, team)) {
            return pass.run(operation, twice);
        }
    }

    private void check(Function<Pass, Tensor> operation) {
        for (boolean twice : new boolean[] {false, true}) {
            List<float[]> expected = run("scalar", 1, twice, operation);
            List<float[]> actual = run("vector", 1, twice, operation);
            for (int n = 0; n < expected.size(); n++) {
                for (int i = 0; i < expected.get(n).length; i++) {
                    float difference = actual.get(n)[i] - expected.get(n)[i];
                    assertThat(Math.abs(difference))
                            .as("gradient %d, element %d of %s", n, i, expected.get(n)[i])
                            .isLessThan(1e-4f * (1 + Math.abs(expected.get(n)[i])));
                }
            }
            assertThat(run("vector", 2, twice, operation))
                    .usingRecursiveComparison()
                    .isEqualTo(actual);
            assertThat(run("vector", 3, twice, operation))
                    .usingRecursiveComparison()
                    .isEqualTo(actual);
        }
    }

    private Segments segments(Pass pass, int columns) {
        Tensor[] carried = new Tensor[4];
        for (int i = 0; i < carried.length; i++) {
            carried[i] = pass.parameter(columns);
        }
        return new TestSegments(new int[] {1, 31, 32, 3}, carried);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 15, 16, 17, 63, 64, 65, 127, 128})
    void elementwiseStepsEqualTheReference(int columns) {
        check(pass -> pass.ops.add(pass.input(columns), pass.input(columns)));
        check(pass -> pass.ops.tanh(pass.input(columns)));
        check(pass -> pass.ops.sigmoid(pass.input(columns)));
        check(pass -> pass.ops.reluSquared(pass.input(columns)));
        check(pass -> pass.ops.sigmoidWithBias(pass.input(columns), pass.parameter(columns)));
        check(pass -> pass.ops.decay7(pass.input(columns), pass.parameter(columns)));
        check(pass -> pass.ops.lerp(pass.input(columns), pass.input(columns), pass.input(columns)));
    }

    @ParameterizedTest
    @ValueSource(ints = {7, 16, 65, 128, 1024})
    void theStepOfLayerNormEqualsTheReference(int columns) {
        check(pass ->
                pass.ops.layerNorm(
                        pass.input(columns),
                        pass.parameter(columns),
                        pass.parameter(columns),
                        1e-5f));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 16, 17, 64, 128})
    void theStepOfTokenShiftEqualsTheReference(int columns) {
        check(pass -> {
            Tensor[] mixes = {
                pass.parameter(columns), pass.parameter(columns), pass.parameter(columns)
            };
            return pass.ops.shiftLerp(pass.input(columns), mixes, segments(pass, columns), 0);
        });
    }

    @ParameterizedTest
    @ValueSource(ints = {7, 16, 64})
    void theStepsOfHeadsEqualTheReference(int headSize) {
        int columns = 3 * headSize;
        check(pass ->
                pass.ops.keys7(
                        pass.input(columns),
                        pass.input(columns),
                        pass.parameter(columns),
                        pass.parameter(columns),
                        headSize));
        check(pass ->
                pass.ops.gatedGroupNorm7(
                        pass.input(columns),
                        pass.parameter(columns),
                        pass.parameter(columns),
                        64e-5f,
                        pass.input(columns),
                        pass.input(columns),
                        pass.input(columns),
                        pass.parameter(columns),
                        pass.input(columns),
                        headSize));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 16, 65, 1021, 2500})
    void theCrossEntropyEqualsTheReferenceInPlaceAsWell(int vocabulary) {
        Tensor logits = random(arena, new Random(3), 1, vocabulary);
        Tensor expected = Tensor.allocate(arena, DType.F32, 1, vocabulary);
        Tensor actual = Tensor.allocate(arena, DType.F32, 1, vocabulary);
        int target = vocabulary / 2;
        double loss =
                new ReferenceGradients()
                        .crossEntropy(
                                logits.address(),
                                vocabulary,
                                target,
                                0.5,
                                expected.address(),
                                true);
        GradientKernels vector = new VectorGradients();
        assertThat(
                        vector.crossEntropy(
                                logits.address(), vocabulary, target, 0.5, actual.address(), true))
                .isCloseTo(loss, org.assertj.core.api.Assertions.within(1e-5));
        vector.crossEntropy(logits.address(), vocabulary, target, 0.5, logits.address(), true);
        for (int i = 0; i < vocabulary; i++) {
            assertThat(Math.abs(actual.get(i) - expected.get(i))).isLessThan(1e-6f);
        }
        assertThat(logits.toFloats()).isEqualTo(actual.toFloats());
    }

    @Test
    void adamWithVectorsGivesTheBitsOfPlainJava() {
        Random random = new Random(5);
        int count = 1021;
        Tensor[] plain = new Tensor[4];
        Tensor[] vectors = new Tensor[4];
        for (int i = 0; i < 4; i++) {
            plain[i] = random(arena, random, count);
            for (int n = 0; n < count; n++) {
                float value = plain[i].get(n) * (n % 3 == 0 ? 1e-20f : 1);
                plain[i].set(n, i == 3 ? Math.abs(value) : value);
            }
            vectors[i] = Tensor.of(arena, plain[i].toFloats(), count);
        }
        AdamWUpdate update = new AdamWUpdate(1e-3, 0.999, 0.7, 0.9, 0.99, 0.1, 0.01, 1e-18);
        update.reference(plain[0], plain[1], plain[2], plain[3], 3, count);
        int rest =
                VectorAdamW.run(update, vectors[0], vectors[1], vectors[2], vectors[3], 3, count);
        assertThat(rest).isGreaterThan(3);
        update.reference(vectors[0], vectors[1], vectors[2], vectors[3], rest, count);
        for (int i = 0; i < 4; i++) {
            assertThat(vectors[i].toFloats()).isEqualTo(plain[i].toFloats());
        }
    }
}
