package dev.anser.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The operations of a DeepEmbed against their formulas in double, at sizes that hit the tails.
class RowProductTests {
    private static final int ROWS = 300;

    private final Arena arena = Arena.ofConfined();
    private final Random random = new Random(4);

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

    private interface Run {
        Tensor of(Ops ops);
    }

    /// The result with any backend and team, which all have the same bits within a backend.
    private static float[] result(String backend, Run run) {
        float[] first = null;
        for (int count : new int[] {1, 3}) {
            try (Threads threads = new Threads(count);
                    EagerOps ops = Backends.named(backend).newOps(threads)) {
                ops.begin();
                float[] y = run.of(ops).toFloats();
                first = first == null ? y : first;
                assertThat(y).as("%s, %d threads", backend, count).isEqualTo(first);
            }
        }
        return Objects.requireNonNull(first);
    }

    @ParameterizedTest
    @CsvSource({"1,1", "2,7", "7,1", "15,17", "16,16", "32,32", "33,65"})
    void everyRowIsMultipliedWithItsOwnMatrix(int inner, int columns) {
        Tensor x = random(ROWS, inner);
        Tensor matrices = random(ROWS, (long) inner * columns);
        for (String backend : new String[] {"scalar", "vector"}) {
            float[] y = result(backend, ops -> ops.run(new RowProduct(x, matrices)));
            for (int row = 0; row < ROWS; row++) {
                for (int c = 0; c < columns; c++) {
                    double expected = 0;
                    for (int i = 0; i < inner; i++) {
                        expected +=
                                (double) x.get((long) row * inner + i)
                                        * matrices.get(((long) row * inner + i) * columns + c);
                    }
                    assertThat((double) y[row * columns + c])
                            .as("%s, row %d, column %d", backend, row, c)
                            .isCloseTo(expected, within(2e-6 * inner));
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1", "7", "16", "17", "63", "130"})
    void aProductWithBiasScalesEveryElement(int columns) {
        Tensor x = random(ROWS, columns);
        Tensor factor = random(ROWS, columns);
        Tensor bias = random(columns);
        for (String backend : new String[] {"scalar", "vector"}) {
            float[] y = result(backend, ops -> ops.run(new ProductWithBias(x, factor, bias)));
            for (int i = 0; i < y.length; i++) {
                assertThat(y[i]).isEqualTo(x.get(i) * (factor.get(i) + bias.get(i % columns)));
            }
        }
    }

    @Test
    void operandsThatDoNotFitAreRefused() {
        try (Threads threads = new Threads(1);
                EagerOps ops = Backends.named("scalar").newOps(threads)) {
            ops.begin();
            assertThatThrownBy(() -> ops.run(new RowProduct(random(2, 3), random(2, 7))))
                    .isInstanceOf(ShapeException.class)
                    .hasMessageContaining("each a matrix of 3 rows");
            assertThatThrownBy(() -> ops.run(new RowProduct(random(2, 3), random(1, 6))))
                    .isInstanceOf(ShapeException.class)
                    .hasMessageContaining("as many rows");
            Tensor x = random(2, 3);
            assertThatThrownBy(() -> ops.run(new ProductWithBias(x, random(1, 3), random(3))))
                    .isInstanceOf(ShapeException.class)
                    .hasMessageContaining("productWithBias");
            assertThatThrownBy(() -> ops.run(new ProductWithBias(x, x, random(2))))
                    .isInstanceOf(ShapeException.class)
                    .hasMessageContaining("the bias of productWithBias");
        }
    }
}
