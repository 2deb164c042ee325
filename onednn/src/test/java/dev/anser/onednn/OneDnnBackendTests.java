package dev.anser.onednn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.anser.tensor.Backend;
import dev.anser.tensor.Backends;
import dev.anser.tensor.DType;
import dev.anser.tensor.EagerOps;
import dev.anser.tensor.Ops;
import dev.anser.tensor.Precision;
import dev.anser.tensor.Quantiser;
import dev.anser.tensor.RecordingOps;
import dev.anser.tensor.Tape;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Products of the backend against the reference: forward and both gradients.
class OneDnnBackendTests {
    private final Arena arena = Arena.ofShared();
    private final Random random = new Random(1);

    @BeforeEach
    void isAvailable() {
        Backend backend = new OneDnnBackend();
        assumeTrue(
                backend.unavailable().isEmpty(),
                () -> "no oneDNN here: " + backend.unavailable().orElse(""));
    }

    @AfterEach
    void close() {
        arena.close();
    }

    private Tensor gaussian(DType type, int rows, int columns) {
        Tensor tensor = Tensor.allocate(arena, type, rows, columns);
        for (long i = 0; i < tensor.elements(); i++) {
            tensor.set(i, (float) random.nextGaussian());
        }
        return tensor;
    }

    /// Result, gradient to x and gradient to the weight, the last two added to ones.
    private record Results(float[] y, float[] dx, float[] dWeight) {}

    private Results compute(
            String backend,
            int count,
            Precision precision,
            boolean linear,
            Tensor x,
            Tensor weight,
            Tensor dy) {
        try (Threads threads = new Threads(count);
                EagerOps eager = Backends.named(backend).newOps(threads);
                Tape tape = new Tape()) {
            eager.precision(precision);
            Ops ops = new RecordingOps(eager, threads, tape);
            Tensor dWeight = Tensor.allocate(arena, DType.F32, weight.rows(), weight.columns());
            ones(dWeight);
            tape.watch(weight, dWeight);
            ops.begin();
            Tensor y = linear ? ops.linear(x, weight) : ops.project(x, weight);
            Tensor dx = tape.gradient(x);
            ones(dx);
            tape.gradient(y).copyFrom(dy);
            float[] result = y.toFloats();
            tape.backward();
            return new Results(result, dx.toFloats(), dWeight.toFloats());
        }
    }

    private static void ones(Tensor tensor) {
        float[] ones = new float[(int) tensor.elements()];
        Arrays.fill(ones, 1);
        tensor.set(ones);
    }

    private static void assertClose(float[] actual, float[] expected, int terms, String what) {
        assertThat(actual).as(what).hasSameSizeAs(expected);
        double largest = 0;
        for (int i = 0; i < expected.length; i++) {
            assertThat(actual[i]).as(what).isFinite();
            largest = Math.max(largest, Math.abs(actual[i] - expected[i]));
        }
        // Sums of `terms` products of normal numbers in two orders: rounding grows with the root.
        assertThat(largest).as(what).isCloseTo(0, within(4e-6 * Math.sqrt(terms) + 1e-6));
    }

    /// In blocks of columns that are whole blocks of the weights, too.
    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"Q4_0", "Q5_1", "Q8_0", "Q4_K", "Q6_K"})
    void quantisedWeightsGiveTheProductsOfTheSameFloats(DType type) {
        Tensor x = gaussian(DType.F32, 300, 1280);
        Tensor y = gaussian(DType.F32, 300, 130);
        Tensor weight = Tensor.allocate(arena, type, 130, 1280);
        Quantiser.encode(gaussian(DType.F32, 130, 1280), weight);
        Tensor wide = Tensor.of(arena, weight.toFloats(), 130, 1280);
        try (Threads threads = new Threads(2);
                EagerOps ops = Backends.named("onednn").newOps(threads)) {
            // The same blocks of the same numbers, so the same sums.
            assertThat(ops.linear(x, weight).toFloats()).isEqualTo(ops.linear(x, wide).toFloats());
            assertClose(
                    ops.project(y, weight).toFloats(),
                    ops.project(y, wide).toFloats(),
                    130,
                    "project");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "16, 128, 128",
        "17, 127, 129",
        "63, 65, 127",
        "127, 1021, 15",
        "128, 15, 1021",
        "300, 257, 513",
        "513, 64, 300",
        "1000, 7, 64",
        "700, 300, 256"
    })
    void productsAndGradientsEqualTheReference(int rows, int in, int out) {
        for (Precision precision : Precision.values()) {
            for (DType type : new DType[] {DType.F32, DType.F16, DType.BF16}) {
                for (boolean linear : new boolean[] {true, false}) {
                    Tensor x = gaussian(DType.F32, rows, in);
                    Tensor weight = linear ? gaussian(type, out, in) : gaussian(type, in, out);
                    Tensor dy = gaussian(DType.F32, rows, out);
                    Results expected = compute("scalar", 2, precision, linear, x, weight, dy);
                    Results actual = compute("onednn", 2, precision, linear, x, weight, dy);
                    String what = precision + " " + type + (linear ? " linear" : " project");
                    assertClose(actual.y(), expected.y(), in, what + " y");
                    assertClose(actual.dx(), expected.dx(), out, what + " dx");
                    assertClose(actual.dWeight(), expected.dWeight(), rows, what + " dWeight");
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 5})
    void resultsDoNotDependOnTheNumberOfThreads(int count) {
        Tensor x = gaussian(DType.F32, 301, 200);
        Tensor weight = gaussian(DType.F32, 777, 200);
        Tensor dy = gaussian(DType.F32, 301, 777);
        for (Precision precision : Precision.values()) {
            Results one = compute("onednn", 1, precision, true, x, weight, dy);
            Results many = compute("onednn", count, precision, true, x, weight, dy);
            assertThat(Arrays.equals(many.y(), one.y())).isTrue();
            assertThat(Arrays.equals(many.dx(), one.dx())).isTrue();
            assertThat(Arrays.equals(many.dWeight(), one.dWeight())).isTrue();
        }
    }

    @Test
    void roundingShowsInBothOperands() {
        Tensor x = Tensor.allocate(arena, DType.F32, 128, 128);
        Tensor weight = Tensor.allocate(arena, DType.F32, 128, 128);
        for (int i = 0; i < 128; i++) {
            x.set(i * 128L + i, 1 + 1f / 1024);
            weight.set(i * 128L + i, 2 + 1f / 512);
        }
        try (Threads threads = new Threads(1);
                EagerOps ops = Backends.named("onednn").newOps(threads)) {
            ops.begin();
            assertThat(ops.linear(x, weight).get(0)).isEqualTo((1 + 1f / 1024) * (2 + 1f / 512));
            ops.precision(Precision.BF16);
            ops.begin();
            assertThat(ops.linear(x, weight).get(0)).isEqualTo(2f);
        }
    }

    @Test
    void changedWeightsAreRoundedAgainWhenSaidSo() {
        Tensor x = gaussian(DType.F32, 64, 96);
        Tensor weight = gaussian(DType.F32, 96, 96);
        try (Threads threads = new Threads(1);
                EagerOps ops = Backends.named("onednn").newOps(threads)) {
            ops.precision(Precision.BF16);
            ops.begin();
            float[] before = ops.linear(x, weight).toFloats();
            for (long i = 0; i < weight.elements(); i++) {
                weight.set(i, weight.get(i) * 2);
            }
            ops.weightsChanged();
            ops.begin();
            float[] after = ops.linear(x, weight).toFloats();
            for (int i = 0; i < before.length; i++) {
                assertThat(after[i]).isEqualTo(2 * before[i]);
            }
        }
    }

    @Test
    void moreShapesThanAreKeptComputeAsBefore() {
        Tensor x = gaussian(DType.F32, 700, 33);
        Tensor weight = gaussian(DType.F32, 128, 33);
        try (Threads threads = new Threads(1);
                EagerOps ops = Backends.named("onednn").newOps(threads)) {
            ops.begin();
            float first = ops.linear(x, weight).get(0);
            for (int rows = 100; rows < 400; rows++) {
                ops.begin();
                ops.linear(Tensor.allocate(arena, DType.F32, rows, 33), weight);
            }
            ops.begin();
            assertThat(ops.linear(x, weight).get(0)).isEqualTo(first);
        }
    }

    @Test
    void trainingPrefersItAndInferenceDoesNot() {
        assertThat(System.getenv("ANSER_BACKEND")).isNull();
        assertThat(Backends.chooseForTraining().name()).isEqualTo("onednn");
        assertThat(Backends.choose().name()).isNotEqualTo("onednn");
    }

    @Test
    void theImplementationIsNamed() {
        assertThat(new OneDnnBackend().description()).startsWith("oneDNN 3.").doesNotContain("ref");
    }
}
