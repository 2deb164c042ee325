package dev.anser.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The vector kernels of attention and retention against the reference ones, on sizes that hit
/// every tail. Sums of n normal products differ by rounding: within 1e-6 + 2e-7 · n.
class HeadKernelsTests {
    private final Arena arena = Arena.ofConfined();
    private final Random random = new Random(5);
    private final HeadKernels reference = new ReferenceHeads();
    private final HeadKernels vector = new VectorHeads();

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

    private interface Call {
        void run(HeadKernels kernels, long target);
    }

    /// Runs `call` with both on copies of `before`.
    private void check(Tensor before, double tolerance, Call call) {
        Tensor expected = Tensor.allocate(arena, DType.F32, before.elements());
        Tensor actual = Tensor.allocate(arena, DType.F32, before.elements());
        expected.copyFrom(before);
        actual.copyFrom(before);
        call.run(reference, expected.address());
        call.run(vector, actual.address());
        for (long i = 0; i < before.elements(); i++) {
            assertThat((double) actual.get(i))
                    .as("element %d", i)
                    .isCloseTo(expected.get(i), within(tolerance));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 127, 1021})
    void everyKernelEqualsTheReference(int size) {
        int count = 5;
        int stride = size + 3;
        double tolerance = 1e-6 + 2e-7 * size;
        Tensor x = random(size);
        Tensor other = random(size);
        Tensor weights = random(count);
        Tensor rows = random(count, stride);
        long a = x.address();
        long b = other.address();
        long w = weights.address();
        long r = rows.address();
        assertThat((double) vector.dot(a, b, size))
                .isCloseTo(reference.dot(a, b, size), within(tolerance));
        check(weights, tolerance, (kernels, y) -> kernels.dots(a, r, stride, count, size, y));
        check(other, 2e-6, (kernels, y) -> kernels.addRows(w, r, stride, count, size, y));
        check(rows, 1e-6, (kernels, y) -> kernels.addOuter(w, a, count, size, y, stride));
        check(other, 0, (kernels, y) -> kernels.scale(a, 1.7f, y, size));
        check(other, 0, (kernels, y) -> kernels.multiply(a, y, 0.3f, y, size));
        check(other, 0, (kernels, y) -> kernels.addProduct(a, b, 0.3f, y, size));
        for (boolean add : new boolean[] {false, true}) {
            check(
                    other,
                    1e-6,
                    (kernels, y) -> kernels.combination(a, 0.4f, b, -1.3f, y, add, size));
        }
        check(x, 1e-6, (kernels, y) -> kernels.exponentials(y, 0.7f, 2, y, size));
        check(x, tolerance, (kernels, y) -> kernels.retain(y, 0.9f, 0.5f, b, a, size));
    }

    /// From -6 to 6 in steps, so that every polynomial of the error function has its turn.
    @Test
    void theActivationsAndTheirSlopesEqualTheReference() {
        Tensor x = Tensor.allocate(arena, DType.F32, 2003);
        for (int i = 0; i < 2003; i++) {
            x.set(i, (i - 1001) * 0.006f);
        }
        long from = x.address();
        for (Activation activation : Activation.values()) {
            check(x, 1e-6, (kernels, y) -> activation.value(kernels, from, y, 2003));
            check(x, 1e-6, (kernels, y) -> activation.slope(kernels, from, y, 2003));
        }
    }

    /// Values of the normal distribution to 16 digits.
    @Test
    void theNormalDistributionHasItsValues() {
        double[][] values = {
            {0, 0.5},
            {0.5, 0.6914624612740131},
            {1, 0.8413447460685429},
            {-1, 0.15865525393145707},
            {2, 0.9772498680518208},
            {-2.5, 0.006209665325776132},
            {-3.5, 0.00023262907903552502},
            {-5, 2.866515718791933e-7}
        };
        for (double[] value : values) {
            assertThat(ErrorFunction.normal(value[0])).isCloseTo(value[1], within(2e-7 * value[1]));
        }
    }
}
