package dev.anser.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.util.Random;
import java.util.function.IntConsumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The vector kernels against the reference ones, on sizes that hit every tail.
///
/// The sums of both are taken in another order, so they differ by rounding: of n standard normal
/// products the partial sums reach a few sqrt(n), and their n roundings of half a unit in the last
/// place add up like sqrt(n). So products are compared within 1e-6 + 2e-7 · n.
class KernelsTests {
    private static final long SEED = 42;

    private final Arena arena = Arena.ofConfined();
    private final Random random = new Random(SEED);
    private final Kernels reference = new ReferenceKernels();
    private final Kernels vector = new VectorKernels(1);

    @AfterEach
    void free() {
        arena.close();
    }

    private Tensor random(DType type, long... sizes) {
        Tensor tensor = Tensor.allocate(arena, type, sizes);
        for (long i = 0; i < tensor.elements(); i++) {
            tensor.set(i, (float) random.nextGaussian());
        }
        return tensor;
    }

    private Tensor zeros(long... sizes) {
        return Tensor.allocate(arena, DType.F32, sizes);
    }

    private static void assertClose(Tensor actual, Tensor expected, double tolerance) {
        float[] a = actual.toFloats();
        float[] e = expected.toFloats();
        for (int i = 0; i < e.length; i++) {
            assertThat((double) a[i])
                    .as("element %d of %s", i, expected)
                    .isCloseTo(e[i], within(tolerance));
        }
    }

    private static void assertSameBits(Tensor actual, Tensor expected) {
        assertThat(actual.segment().mismatch(expected.segment())).isEqualTo(-1);
    }

    private static void forTailSizes(IntConsumer test) {
        for (int size : new int[] {1, 2, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 127, 1021}) {
            test.accept(size);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F32", "F16", "BF16"})
    void linearEqualsTheReference(DType type) {
        forTailSizes(in -> {
            for (int[] shape : new int[][] {{1, 1}, {1, 9}, {3, 5}, {4, 4}, {5, 7}, {9, 66}}) {
                int rows = shape[0];
                int out = shape[1];
                Tensor x = random(DType.F32, rows, in);
                Tensor w = random(type, out, in);
                Tensor expected = zeros(rows, out);
                Tensor actual = zeros(rows, out);
                reference.linear(
                        type,
                        x.address(),
                        rows,
                        in,
                        w.address(),
                        out,
                        0,
                        out,
                        expected.address(),
                        0);
                vector.linear(
                        type, x.address(), rows, in, w.address(), out, 0, out, actual.address(), 0);
                assertClose(actual, expected, 1e-6 + 2e-7 * in);
            }
        });
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F32", "F16", "BF16"})
    void projectEqualsTheReference(DType type) {
        forTailSizes(out -> {
            for (int[] shape : new int[][] {{1, 1}, {1, 9}, {3, 5}, {4, 64}, {5, 7}, {9, 3}}) {
                int rows = shape[0];
                int in = shape[1];
                Tensor x = random(DType.F32, rows, in);
                Tensor w = random(type, in, out);
                Tensor expected = zeros(rows, out);
                Tensor actual = zeros(rows, out);
                reference.project(
                        type,
                        x.address(),
                        rows,
                        in,
                        w.address(),
                        out,
                        0,
                        out,
                        expected.address(),
                        0);
                vector.project(
                        type, x.address(), rows, in, w.address(), out, 0, out, actual.address(), 0);
                assertClose(actual, expected, 1e-6 + 2e-7 * in);
            }
        });
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F32", "F16", "BF16"})
    void aRowOfAProductHasTheSameBitsAloneAndInABatch(DType type) {
        for (int in : new int[] {16, 65, 1021}) {
            int rows = 23;
            int out = 70;
            Tensor x = random(DType.F32, rows, in);
            Tensor w = random(type, out, in);
            Tensor wt = random(type, in, out);
            Tensor together = zeros(rows, out);
            Tensor alone = zeros(rows, out);
            vector.linear(
                    type, x.address(), rows, in, w.address(), out, 0, out, together.address(), 0);
            for (int row = 0; row < rows; row++) {
                // Cut differently as well: outputs 0..33 and 33..out.
                for (int[] range : new int[][] {{0, 33}, {33, out}}) {
                    vector.linear(
                            type,
                            x.part(row).address(),
                            1,
                            in,
                            w.address(),
                            out,
                            range[0],
                            range[1],
                            alone.part(row).address(),
                            0);
                }
            }
            assertSameBits(alone, together);
            vector.project(
                    type, x.address(), rows, in, wt.address(), out, 0, out, together.address(), 0);
            for (int row = 0; row < rows; row++) {
                for (int[] range : new int[][] {{0, 33}, {33, out}}) {
                    vector.project(
                            type,
                            x.part(row).address(),
                            1,
                            in,
                            wt.address(),
                            out,
                            range[0],
                            range[1],
                            alone.part(row).address(),
                            0);
                }
            }
            assertSameBits(alone, together);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F16", "BF16"})
    void everyHalfPrecisionNumberWidensExactly(DType type) {
        int count = 1 << 16;
        Tensor halves = Tensor.allocate(arena, type, count);
        for (int i = 0; i < count; i++) {
            halves.segment().setAtIndex(java.lang.foreign.ValueLayout.JAVA_SHORT, i, (short) i);
        }
        Tensor wide = zeros(count);
        vector.toFloat(type, halves.address(), wide.address(), count, 0);
        for (int i = 0; i < count; i++) {
            assertThat((Float) wide.get(i)).as("bits %04x", i).isEqualTo((Float) halves.get(i));
        }
    }

    /// In whole vectors, and as what does not fill one.
    @ParameterizedTest
    @ValueSource(ints = {1, 16, 21})
    void aRowTimesEveryHalfPrecisionNumberIsThatNumber(int in) {
        int out = 1 << 16;
        Tensor x = zeros(1, in);
        for (int i = 0; i < in; i++) {
            x.set(i, 1);
        }
        Tensor w = Tensor.allocate(arena, DType.F16, out, in);
        for (int o = 0; o < out; o++) {
            w.segment()
                    .setAtIndex(
                            java.lang.foreign.ValueLayout.JAVA_SHORT,
                            (long) o * in + o / 4 % in,
                            (short) o);
        }
        Tensor y = zeros(1, out);
        // A range for every exponent: where none is infinite or NaN, vectors widen in registers.
        for (int o = 0; o < out; o += 1024) {
            vector.linear(
                    DType.F16, x.address(), 1, in, w.address(), out, o, o + 1024, y.address(), 0);
        }
        for (int o = 0; o < out; o++) {
            float expected = Float.float16ToFloat((short) o);
            // A sum that begins with +0 never ends with -0.
            assertThat((Float) y.get(o)).as("bits %04x", o).isEqualTo((Float) (expected + 0f));
        }
    }

    @Test
    void elementwiseOperationsEqualTheReference() {
        forTailSizes(size -> {
            Tensor a = random(DType.F32, size);
            Tensor b = random(DType.F32, size);
            Tensor c = random(DType.F32, size);
            Tensor expected = zeros(size);
            Tensor actual = zeros(size);
            reference.add(a.address(), b.address(), expected.address(), size);
            vector.add(a.address(), b.address(), actual.address(), size);
            assertSameBits(actual, expected);
            reference.lerp(a.address(), b.address(), c.address(), expected.address(), size);
            vector.lerp(a.address(), b.address(), c.address(), actual.address(), size);
            assertSameBits(actual, expected);
            reference.reluSquared(a.address(), expected.address(), size);
            vector.reluSquared(a.address(), actual.address(), size);
            assertSameBits(actual, expected);
            reference.tanh(a.address(), expected.address(), size);
            vector.tanh(a.address(), actual.address(), size);
            assertClose(actual, expected, 3e-7);
            reference.sigmoid(a.address(), expected.address(), size);
            vector.sigmoid(a.address(), actual.address(), size);
            assertClose(actual, expected, 3e-7);
            reference.sigmoidWithBias(a.address(), b.address(), expected.address(), size);
            vector.sigmoidWithBias(a.address(), b.address(), actual.address(), size);
            assertClose(actual, expected, 3e-7);
            reference.decay7(a.address(), b.address(), expected.address(), size);
            vector.decay7(a.address(), b.address(), actual.address(), size);
            assertClose(actual, expected, 3e-7);
        });
    }

    @Test
    void extremeInputsStayFinite() {
        Tensor x = Tensor.of(arena, new float[] {-1e30f, -200, -88, 0, 88, 200, 1e30f}, 7);
        Tensor bias = zeros(7);
        Tensor y = zeros(7);
        for (Kernels kernels : new Kernels[] {reference, vector}) {
            kernels.sigmoid(x.address(), y.address(), 7);
            assertThat(y.toFloats())
                    .containsExactly(
                            new float[] {0, 0, 6.054601e-39f, 0.5f, 1, 1, 1}, within(1e-37f));
            kernels.decay7(x.address(), bias.address(), y.address(), 7);
            assertThat(y.get(0)).isEqualTo(1);
            assertThat(y.get(6)).isCloseTo(0.545239f, within(1e-6f));
            kernels.tanh(x.address(), y.address(), 7);
            assertThat(y.get(0)).isEqualTo(-1);
            assertThat(y.get(6)).isEqualTo(1);
        }
    }

    @Test
    void allFiniteFindsEveryInfinityAndNaN() {
        forTailSizes(size -> {
            for (Kernels kernels : new Kernels[] {reference, vector}) {
                Tensor x = random(DType.F32, size);
                assertThat(kernels.allFinite(x.address(), size)).isTrue();
                for (int place : new int[] {0, size / 2, size - 1}) {
                    for (float bad :
                            new float[] {
                                Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY
                            }) {
                        float good = x.get(place);
                        x.set(place, bad);
                        assertThat(kernels.allFinite(x.address(), size)).isFalse();
                        x.set(place, good);
                    }
                }
            }
        });
    }

    @Test
    void normalisationsEqualTheReference() {
        forTailSizes(size -> {
            Tensor x = random(DType.F32, size);
            Tensor weight = random(DType.F32, size);
            Tensor bias = random(DType.F32, size);
            Tensor expected = zeros(size);
            Tensor actual = zeros(size);
            reference.layerNorm(
                    x.address(), weight.address(), bias.address(), 1e-5f, expected.address(), size);
            vector.layerNorm(
                    x.address(), weight.address(), bias.address(), 1e-5f, actual.address(), size);
            assertClose(actual, expected, size < 3 ? 1e-4 : 4e-6);

            Tensor[] more = new Tensor[5];
            for (int i = 0; i < more.length; i++) {
                more[i] = random(DType.F32, size);
            }
            for (Kernels kernels : new Kernels[] {reference, vector}) {
                kernels.gatedGroupNorm7(
                        x.address(),
                        weight.address(),
                        bias.address(),
                        64e-5f,
                        more[0].address(),
                        more[1].address(),
                        more[2].address(),
                        more[3].address(),
                        more[4].address(),
                        (kernels == reference ? expected : actual).address(),
                        size);
            }
            assertClose(actual, expected, 1e-5 * Math.sqrt(size) + 2e-5);
        });
    }

    @Test
    void removalKeysEqualTheReferenceAndHaveLengthOne() {
        forTailSizes(size -> {
            Tensor k = random(DType.F32, size);
            Tensor a = random(DType.F32, size);
            Tensor scale = random(DType.F32, size);
            Tensor rate = random(DType.F32, size);
            Tensor expected = zeros(3, size);
            Tensor actual = zeros(3, size);
            for (Kernels kernels : new Kernels[] {reference, vector}) {
                Tensor result = kernels == reference ? expected : actual;
                kernels.keys7(
                        k.address(),
                        a.address(),
                        scale.address(),
                        rate.address(),
                        result.part(0).address(),
                        result.part(1).address(),
                        result.part(2).address(),
                        size);
            }
            assertClose(actual, expected, 3e-6);
            double squares = 0;
            for (float value : actual.part(1).toFloats()) {
                squares += (double) value * value;
            }
            assertThat(squares).isCloseTo(1, within(1e-5));
        });
    }

    @Test
    void aZeroKeyIsNormalisedToZero() {
        Tensor zero = zeros(16);
        Tensor result = zeros(3, 16);
        for (Kernels kernels : new Kernels[] {reference, vector}) {
            kernels.keys7(
                    zero.address(),
                    zero.address(),
                    zero.address(),
                    zero.address(),
                    result.part(0).address(),
                    result.part(1).address(),
                    result.part(2).address(),
                    16);
            for (float value : result.toFloats()) {
                assertThat(Math.abs(value)).isZero();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 128})
    void wkv7EqualsTheReference(int size) {
        int heads = 2;
        int tokens = 9;
        int stride = heads * size;
        Tensor[] in = new Tensor[6];
        for (int i = 0; i < in.length; i++) {
            in[i] = random(DType.F32, tokens, stride);
        }
        for (long i = 0;
                i < in[1].elements();
                i++) { // decay in (0.545, 1), keys of moderate length
            in[1].set(i, 0.545f + 0.455f * random.nextFloat());
            in[2].set(i, in[2].get(i) / (float) Math.sqrt(size));
            in[4].set(i, in[4].get(i) / size);
            in[5].set(i, in[5].get(i) / size);
        }
        Tensor state = random(DType.F32, heads, size, size);
        Tensor expectedState = zeros(heads, size, size);
        Tensor actualState = zeros(heads, size, size);
        expectedState.copyFrom(state);
        actualState.copyFrom(state);
        Tensor expected = zeros(tokens, stride);
        Tensor actual = zeros(tokens, stride);
        for (int head = 0; head < heads; head++) {
            long offset = 4L * head * size;
            for (Kernels kernels : new Kernels[] {reference, vector}) {
                boolean isReference = kernels == reference;
                kernels.wkv7(
                        in[0].address() + offset,
                        in[1].address() + offset,
                        in[2].address() + offset,
                        in[3].address() + offset,
                        in[4].address() + offset,
                        in[5].address() + offset,
                        (isReference ? expected : actual).address() + offset,
                        size,
                        0,
                        size,
                        stride,
                        tokens,
                        (isReference ? expectedState : actualState).part(head).address(),
                        0);
            }
        }
        assertClose(actual, expected, 1e-5 * Math.sqrt(size));
        assertClose(actualState, expectedState, 1e-5);
    }
}
