package dev.anser.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Quantised weights: what their bits mean against ggml, and products with them against those with
/// the same weights as floats.
class QuantisedTests {
    private static final String TYPES = "(Q|IQ).*";

    private final Arena arena = Arena.ofConfined();
    private final Random random = new Random(42);
    private final Kernels reference = new ReferenceKernels();
    private final Kernels vector = new VectorKernels(1);

    @AfterEach
    void free() {
        arena.close();
    }

    private Tensor golden(DType type) {
        byte[] raw = GoldenBlocks.raw(type);
        Tensor tensor =
                Tensor.allocate(
                        arena, type, (long) raw.length / type.blockBytes() * type.blockElements());
        MemorySegment.copy(MemorySegment.ofArray(raw), 0, tensor.segment(), 0, raw.length);
        return tensor;
    }

    private Tensor random(long... sizes) {
        Tensor tensor = Tensor.allocate(arena, DType.F32, sizes);
        for (long i = 0; i < tensor.elements(); i++) {
            tensor.set(i, (float) random.nextGaussian());
        }
        return tensor;
    }

    private Tensor floats(Tensor quantised) {
        return Tensor.of(arena, quantised.toFloats(), quantised.shape().sizes());
    }

    private static void assertSameBits(Tensor actual, Tensor expected) {
        assertThat(actual.segment().mismatch(expected.segment())).isEqualTo(-1);
    }

    @ParameterizedTest
    @EnumSource(value = DType.class, mode = EnumSource.Mode.MATCH_ALL, names = TYPES)
    void everyElementIsTheOneOfGgml(DType type) {
        assertThat(golden(type).toFloats()).isEqualTo(GoldenBlocks.floats(type));
    }

    @ParameterizedTest
    @EnumSource(value = DType.class, mode = EnumSource.Mode.MATCH_ALL, names = TYPES)
    void kernelsWidenToTheNumbersOfGgml(DType type) {
        Tensor blocks = golden(type);
        Tensor expected = Tensor.of(arena, GoldenBlocks.floats(type), blocks.shape().sizes());
        for (Kernels kernels : new Kernels[] {reference, vector}) {
            Tensor wide = Tensor.allocate(arena, DType.F32, blocks.shape().sizes());
            kernels.toFloat(type, blocks.address(), wide.address(), wide.columns(), 0);
            assertSameBits(wide, expected);
        }
    }

    /// The weights reach 80 and more, so the tolerance is relative to what the sum is made of.
    @ParameterizedTest
    @EnumSource(value = DType.class, mode = EnumSource.Mode.MATCH_ALL, names = TYPES)
    void productsEqualTheReference(DType type) {
        int block = type.blockElements();
        for (int[] shape : new int[][] {{1, 1}, {1, 2}, {1, 9}, {3, 5}, {4, 4}, {5, 7}, {9, 66}}) {
            for (int blocks : new int[] {1, 2, 3, 5}) {
                int rows = shape[0];
                int out = shape[1];
                int in = blocks * block;
                Tensor x = random(rows, in);
                Tensor w = GoldenBlocks.matrix(arena, random, type, out, in);
                Tensor actual = Tensor.allocate(arena, DType.F32, rows, out);
                vector.linear(
                        type, x.address(), rows, in, w.address(), out, 0, out, actual.address(), 0);
                Tensor expected = Tensor.allocate(arena, DType.F32, rows, out);
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
                float[] weights = w.toFloats();
                for (int i = 0; i < rows * out; i++) {
                    double size = 0;
                    for (int j = 0; j < in; j++) {
                        size +=
                                Math.abs(
                                        x.get((long) i / out * in + j) * weights[i % out * in + j]);
                    }
                    assertThat((double) actual.get(i))
                            .isCloseTo(expected.get(i), within(1e-6 + 1e-6 * size));
                }
            }
        }
    }

    /// Also when the row comes alone, and outputs are cut anywhere.
    @ParameterizedTest
    @EnumSource(value = DType.class, mode = EnumSource.Mode.MATCH_ALL, names = TYPES)
    void productsHaveTheBitsOfThoseWithTheSameWeightsAsFloats(DType type) {
        int rows = 7;
        int in = 768;
        int out = 70;
        Tensor x = random(rows, in);
        Tensor w = GoldenBlocks.matrix(arena, random, type, out, in);
        Tensor expected = Tensor.allocate(arena, DType.F32, rows, out);
        vector.linear(
                DType.F32,
                x.address(),
                rows,
                in,
                floats(w).address(),
                out,
                0,
                out,
                expected.address(),
                0);
        Tensor together = Tensor.allocate(arena, DType.F32, rows, out);
        vector.linear(type, x.address(), rows, in, w.address(), out, 0, out, together.address(), 0);
        assertSameBits(together, expected);
        Tensor alone = Tensor.allocate(arena, DType.F32, rows, out);
        for (int row = 0; row < rows; row++) {
            for (int[] range : new int[][] {{0, 33}, {33, 34}, {34, out}}) {
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
        assertSameBits(alone, expected);
    }

    /// Also when a range of outputs cuts blocks.
    @ParameterizedTest
    @EnumSource(value = DType.class, mode = EnumSource.Mode.MATCH_ALL, names = TYPES)
    void projectionsHaveTheBitsOfThoseWithTheSameWeightsAsFloats(DType type) {
        int rows = 5;
        int in = 9;
        int out = 768;
        Tensor x = random(rows, in);
        Tensor w = GoldenBlocks.matrix(arena, random, type, in, out);
        Tensor wide = floats(w);
        for (Kernels kernels : new Kernels[] {reference, vector}) {
            Tensor expected = Tensor.allocate(arena, DType.F32, rows, out);
            kernels.project(
                    DType.F32,
                    x.address(),
                    rows,
                    in,
                    wide.address(),
                    out,
                    0,
                    out,
                    expected.address(),
                    0);
            Tensor actual = Tensor.allocate(arena, DType.F32, rows, out);
            for (int[] range : new int[][] {{0, 33}, {33, 256}, {256, 512}, {512, out}}) {
                kernels.project(
                        type,
                        x.address(),
                        rows,
                        in,
                        w.address(),
                        out,
                        range[0],
                        range[1],
                        actual.address(),
                        0);
            }
            assertSameBits(actual, expected);
        }
    }

    @ParameterizedTest
    @EnumSource(value = DType.class, mode = EnumSource.Mode.MATCH_ALL, names = TYPES)
    void operationsTakeQuantisedWeightsWithAnyNumberOfThreads(DType type) {
        int in = 512;
        int out = 1024;
        Tensor square = GoldenBlocks.matrix(arena, random, type, out, in);
        Tensor wide = floats(square);
        int[] ids = {3, 0, 1023};
        for (int threads : new int[] {1, 3}) {
            try (Threads team = new Threads(threads);
                    EagerOps ops = new VectorBackend().newOps(team)) {
                for (int rows : new int[] {1, 6}) {
                    Tensor x = random(rows, in);
                    Tensor y = random(rows, out);
                    ops.begin();
                    assertSameBits(ops.linear(x, square), ops.linear(x, wide));
                    assertSameBits(ops.project(y, square), ops.project(y, wide));
                    assertSameBits(ops.embedding(square, ids, 3), ops.embedding(wide, ids, 3));
                }
            }
        }
    }

    @Test
    void aRowThatIsNoWholeNumberOfBlocksIsRefused() {
        assertThatThrownBy(() -> Tensor.allocate(arena, DType.Q4_0, 32, 48))
                .isInstanceOf(ShapeException.class)
                .hasMessage(
                        "the last axis of a tensor Q4_0 [32, 48] is no whole number of blocks of 32");
        assertThatThrownBy(() -> Tensor.allocate(arena, DType.Q4_K, 2, 256).reshape(4, 128))
                .isInstanceOf(ShapeException.class)
                .hasMessageContaining("no whole number of blocks of 256");
    }

    @Test
    void anElementCannotBeSetAlone() {
        Tensor tensor = Tensor.allocate(arena, DType.Q8_0, 32);
        assertThatThrownBy(() -> tensor.set(0, 1))
                .isInstanceOf(ShapeException.class)
                .hasMessage("elements of Q8_0 cannot be set one by one; expected F32, F16 or BF16");
    }
}
