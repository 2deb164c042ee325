package dev.anser.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Rows rounded to 8 bits, and their products with quantised weights: integers against the same
/// numbers as floats.
class EightBitTests {
    private static final String TYPES = "(Q|IQ).*";

    private final Arena arena = Arena.ofConfined();
    private final Random random = new Random(5);
    private final Kernels reference = new ReferenceKernels();
    private final Kernels vector = new VectorKernels(1);

    @AfterEach
    void free() {
        arena.close();
    }

    private Tensor random(long... sizes) {
        Tensor tensor = Tensor.allocate(arena, DType.F32, sizes);
        for (long i = 0; i < tensor.elements(); i++) {
            tensor.set(i, (float) random.nextGaussian());
        }
        return tensor;
    }

    private Tensor rounded(Kernels kernels, DType weights, Tensor x) {
        Tensor y = Tensor.allocate(arena, DType.F32, x.shape().sizes());
        kernels.roundToEightBits(weights, x.address(), y.address(), (int) x.elements());
        return y;
    }

    /// A row of the kind that models have, and blocks that are hard: zeros, one number, numbers too
    /// small or too large for a scale in binary16, ties, infinities and NaN.
    private Tensor difficult() {
        Tensor x = random(1, 4096);
        for (int i = 0; i < 256; i++) {
            x.set(256 + i, 0);
            x.set(512 + i, i == 77 ? -3e-7f : 0);
            x.set(768 + i, x.get(768 + i) * 1e-9f);
            x.set(1024 + i, x.get(1024 + i) * 1e20f);
            x.set(1280 + i, i - 127.5f);
            x.set(1536 + i, i % 2 == 0 ? 127 : 0.5f + i % 100);
        }
        x.set(1800, Float.POSITIVE_INFINITY);
        x.set(2100, Float.NaN);
        x.set(2400, -3e38f);
        x.set(2700, Float.MIN_VALUE);
        return x;
    }

    /// ggml's Q8_0 is the rounding of blocks of 32.
    @Test
    void blocksOf32AreTheOnesOfGgml() {
        float[] source = GoldenBlocks.source();
        Tensor x = Tensor.of(arena, source, source.length);
        float[] expected = Arrays.copyOf(GoldenBlocks.floats(DType.Q8_0), source.length);
        assertThat(rounded(reference, DType.Q4_0, x).toFloats()).isEqualTo(expected);
    }

    /// By the definition, `1 / (127 / top)` times an integer.
    @Test
    void elementsOfABlockOf256AreWholeNumbersOfSteps() {
        Tensor x = random(1, 256);
        float top = 0;
        for (int i = 0; i < 256; i++) {
            top = Math.max(top, Math.abs(x.get(i)));
        }
        Tensor y = rounded(reference, DType.Q4_K, x);
        for (int i = 0; i < 256; i++) {
            double steps = y.get(i) / (top / 127);
            assertThat(steps).isCloseTo(Math.rint(x.get(i) * 127.0 / top), within(1e-4));
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"Q4_0", "Q6_K"})
    void vectorsRoundToTheBitsOfTheReference(DType weights) {
        Tensor x = difficult();
        float[] expected = rounded(reference, weights, x).toFloats();
        assertThat(rounded(vector, weights, x).toFloats()).containsExactly(expected);
        assertThat(expected[1800]).isNaN();
        assertThat(expected[2100]).isNaN();
        assertThat(expected[256]).isZero();
        assertThat(expected[512 + 77]).isCloseTo(-3e-7f, within(2e-10f));
    }

    @ParameterizedTest
    @EnumSource(value = DType.class, mode = EnumSource.Mode.MATCH_ALL, names = TYPES)
    void integersAreTheRoundedNumbers(DType weights) {
        if (!vector.multipliesEightBits(weights)) {
            return;
        }
        Tensor x = difficult();
        Tensor expected = rounded(reference, weights, x);
        EightBitRow row = new EightBitRow();
        vector.roundToEightBits(weights, x.address(), 4096, row);
        int group = BlockScales.groupSize(weights);
        for (int g = 0; g < 4096 / group; g++) {
            double sum = 0;
            double size = 0;
            for (int i = g * group; i < (g + 1) * group; i++) {
                assertThat(Float.valueOf(row.values[i] * row.scales[g]))
                        .isEqualTo(Float.valueOf(expected.get(i)));
                sum += expected.get(i);
                size += Math.abs(expected.get(i));
            }
            if (Double.isFinite(sum)) {
                assertThat((double) row.sums[g]).isCloseTo(sum, within(1e-7 * size));
            } else {
                assertThat(row.sums[g]).isNaN();
            }
        }
    }

    @Test
    void everyTypeThatIsWrittenIsMultipliedAsIntegers() {
        for (DType type : DType.values()) {
            assertThat(vector.multipliesEightBits(type))
                    .as(type.name())
                    .isEqualTo(Quantiser.writes(type) && type.quantised());
        }
    }

    @ParameterizedTest
    @EnumSource(value = DType.class, mode = EnumSource.Mode.MATCH_ALL, names = TYPES)
    void integerProductsAreThoseOfTheRoundedNumbers(DType type) {
        if (!vector.multipliesEightBits(type)) {
            return;
        }
        for (int blocks : new int[] {1, 2, 3, 5, 9}) {
            int in = blocks * type.blockElements();
            int out = 67;
            Tensor x = random(1, in);
            Tensor w = GoldenBlocks.matrix(arena, random, type, out, in);
            EightBitRow row = new EightBitRow();
            vector.roundToEightBits(type, x.address(), in, row);
            Tensor actual = Tensor.allocate(arena, DType.F32, out);
            for (int[] range : new int[][] {{0, 33}, {33, 34}, {34, out}}) {
                vector.linear(type, row, in, w.address(), range[0], range[1], actual.address(), 0);
            }
            Tensor rounded = rounded(reference, type, x);
            float[] weights = w.toFloats();
            for (int o = 0; o < out; o++) {
                double expected = 0;
                double size = 0;
                for (int i = 0; i < in; i++) {
                    double product = (double) rounded.get(i) * weights[o * in + i];
                    expected += product;
                    size += Math.abs(product);
                }
                assertThat((double) actual.get(o))
                        .as("%s, %d blocks, output %d", type, blocks, o)
                        .isCloseTo(expected, within(1e-6 + 1e-6 * size));
            }
        }
    }

    /// The largest integers of every kind, all of one sign: sums fit.
    @ParameterizedTest
    @EnumSource(value = DType.class, mode = EnumSource.Mode.MATCH_ALL, names = TYPES)
    void theLargestProductsFit(DType type) {
        if (!vector.multipliesEightBits(type)) {
            return;
        }
        int in = 1024;
        for (int filling : new int[] {0x00, 0xff, 0x80, 0x7f}) {
            Tensor w = Tensor.allocate(arena, type, 3, in);
            w.segment().fill((byte) filling);
            finiteScales(type, w);
            for (float sign : new float[] {-1, 1}) {
                Tensor x = Tensor.allocate(arena, DType.F32, 1, in);
                for (int i = 0; i < in; i++) {
                    x.set(i, sign * 127);
                }
                EightBitRow row = new EightBitRow();
                vector.roundToEightBits(type, x.address(), in, row);
                Tensor actual = Tensor.allocate(arena, DType.F32, 3);
                vector.linear(type, row, in, w.address(), 0, 3, actual.address(), 0);
                float[] weights = w.toFloats();
                double expected = 0;
                double size = 0;
                for (int i = 0; i < in; i++) {
                    expected += sign * 127.0 * weights[i];
                    size += Math.abs(127.0 * weights[i]);
                }
                // Q6_K: of integers up to 63, less 32 of each.
                assertThat((double) actual.get(0)).isCloseTo(expected, within(4e-6 * size));
            }
        }
    }

    /// Puts 1 wherever a block has a binary16.
    private static void finiteScales(DType type, Tensor w) {
        short one = Float.floatToFloat16(1);
        int[] places =
                switch (type) {
                    case Q4_1, Q5_1, Q4_K, Q5_K -> new int[] {0, 2};
                    case Q6_K -> new int[] {208};
                    default -> new int[] {0};
                };
        for (long block = 0; block < w.bytes(); block += type.blockBytes()) {
            for (int place : places) {
                Memory.setShort(w.address() + block + place, 0, one);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(value = DType.class, mode = EnumSource.Mode.MATCH_ALL, names = TYPES)
    void backendsAndNumbersOfRowsAndThreadsAgree(DType type) {
        int in = 768;
        int out = 515;
        Tensor x = random(5, in);
        Tensor w = GoldenBlocks.matrix(arena, random, type, out, in);
        float[] expected = linear("scalar", 1, x, w);
        float[] together = linear("vector", 1, x, w);
        double size = 0;
        for (float value : expected) {
            size = Math.max(size, Math.abs(value));
        }
        for (int row = 0; row < 5; row++) {
            float[] alone = linear("vector", 1, x.part(row).reshape(1, in), w);
            assertThat(linear("vector", 3, x.part(row).reshape(1, in), w)).isEqualTo(alone);
            for (int o = 0; o < out; o++) {
                float truth = expected[row * out + o];
                assertThat((double) together[row * out + o]).isCloseTo(truth, within(1e-5 * size));
                assertThat((double) alone[o]).isCloseTo(truth, within(1e-5 * size));
            }
        }
    }

    @Test
    void otherWeightsMeetRowsAsTheyAre() {
        Tensor x = random(1, 256);
        Tensor w = random(64, 256);
        try (Threads team = new Threads(1);
                EagerOps ops = new VectorBackend().newOps(team)) {
            ops.begin();
            float[] expected = ops.linear(x, w).toFloats();
            ops.activations(Activations.INT8);
            assertThat(ops.linear(x, w).toFloats()).isEqualTo(expected);
        }
    }

    private float[] linear(String backend, int threads, Tensor x, Tensor w) {
        try (Threads team = new Threads(threads);
                EagerOps ops = Backends.named(backend).newOps(team)) {
            ops.activations(Activations.INT8);
            ops.begin();
            return ops.linear(x, w).toFloats();
        }
    }
}
