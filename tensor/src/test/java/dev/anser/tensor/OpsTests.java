package dev.anser.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OpsTests {
    private final Arena arena = Arena.ofConfined();
    private final Random random = new Random(7);

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

    @ParameterizedTest
    @ValueSource(strings = {"scalar", "vector"})
    void resultsDoNotDependOnTheNumberOfThreads(String backend) {
        Tensor x = random(DType.F32, 37, 96);
        Tensor weight = random(DType.F16, 1021, 96);
        Tensor down = random(DType.BF16, 96, 257);
        Tensor norm = random(DType.F32, 96);
        byte[][] results = new byte[3][];
        for (int count = 1; count <= 3; count++) {
            try (Threads threads = new Threads(count);
                    EagerOps ops = Backends.named(backend).newOps(threads)) {
                ops.begin();
                Tensor y = ops.layerNorm(x, norm, norm, 1e-5f);
                Tensor z = ops.reluSquared(ops.linear(y, weight));
                Tensor p = ops.tanh(ops.project(y, down));
                byte[] a = z.segment().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
                byte[] b = p.segment().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
                results[count - 1] = new byte[a.length + b.length];
                System.arraycopy(a, 0, results[count - 1], 0, a.length);
                System.arraycopy(b, 0, results[count - 1], a.length, b.length);
            }
        }
        assertThat(results[1]).isEqualTo(results[0]);
        assertThat(results[2]).isEqualTo(results[0]);
    }

    @ParameterizedTest
    @ValueSource(strings = {"scalar", "vector"})
    void tokenShiftTakesEachSegmentsOwnCarriedRowFirst(String backend) {
        TestSegments segments =
                new TestSegments(
                        new int[] {1, 3, 2},
                        new Tensor[] {
                            random(DType.F32, 5), random(DType.F32, 5), random(DType.F32, 5)
                        });
        float[][] before = new float[3][];
        for (int s = 0; s < 3; s++) {
            before[s] = segments.carried(s, 0).toFloats();
        }
        Tensor x = random(DType.F32, 6, 5);
        Tensor[] mixes = {random(DType.F32, 5), random(DType.F32, 5)};
        try (Threads threads = new Threads(2);
                EagerOps ops = Backends.named(backend).newOps(threads)) {
            ops.begin();
            Tensor y = ops.shiftLerp(x, mixes, segments, 0);
            for (int m = 0; m < 2; m++) {
                for (int row = 0; row < 6; row++) {
                    int segment = segments.segment(row);
                    for (int c = 0; c < 5; c++) {
                        float now = x.get(row * 5 + c);
                        float previous =
                                row == segments.start(segment)
                                        ? before[segment][c]
                                        : x.get((row - 1) * 5 + c);
                        float expected = Math.fma(previous - now, mixes[m].get(c), now);
                        assertThat(y.part(m).get(row * 5 + c)).isEqualTo(expected);
                    }
                }
            }
        }
        for (int s = 0; s < 3; s++) {
            float[] last = new float[5];
            System.arraycopy(x.toFloats(), (segments.end(s) - 1) * 5, last, 0, 5);
            assertThat(segments.carried(s, 0).toFloats()).isEqualTo(last);
        }
    }

    @Test
    void aBlockKeepsItsResultAlone() {
        Tensor x = random(DType.F32, 4, 33);
        try (Threads threads = new Threads(1);
                EagerOps ops = Backends.named("vector").newOps(threads)) {
            ops.begin();
            for (int pass = 0; pass < 3; pass++) {
                float[] expected = ops.add(ops.add(x, x), x).toFloats();
                long before = ops.mark();
                Tensor kept =
                        ops.block(
                                (inner, input, shared, _) ->
                                        inner.add(inner.add(input, shared), input),
                                x,
                                x,
                                new TestSegments(new int[] {4}, new Tensor[] {x}),
                                0,
                                0);
                assertThat(kept.toFloats()).isEqualTo(expected);
                Tensor next = ops.add(kept, x);
                assertThat(next.address()).isNotEqualTo(kept.address());
                assertThat(kept.toFloats()).isEqualTo(expected);
                assertThat(ops.mark() - before).isLessThan(3 * 4 * 33 * 4);
            }
        }
    }

    @Test
    void operandsThatDoNotFitAreRefusedByName() {
        try (Threads threads = new Threads(1);
                EagerOps ops = Backends.named("vector").newOps(threads)) {
            Tensor x = random(DType.F32, 2, 8);
            assertThatThrownBy(() -> ops.linear(x, random(DType.F32, 4, 7)))
                    .isInstanceOf(ShapeException.class)
                    .hasMessage(
                            "linear of F32 [2, 8] with a weight F32 [4, 7]: expected 8 columns");
            assertThatThrownBy(() -> ops.project(x, random(DType.F32, 4, 7)))
                    .hasMessageContaining("expected 8 rows");
            assertThatThrownBy(() -> ops.add(x, random(DType.F32, 2, 9)))
                    .hasMessageContaining("add of");
            assertThatThrownBy(() ->
                            ops.layerNorm(x, random(DType.F32, 9), random(DType.F32, 8), 1e-5f))
                    .hasMessageContaining("the weight of layerNorm");
            assertThatThrownBy(() -> ops.linear(x, Tensor.allocate(arena, DType.I32, 4, 8)))
                    .hasMessageContaining("expected a matrix of F32, F16 or BF16");
            assertThatThrownBy(() -> ops.embedding(random(DType.F32, 10, 8), new int[] {10}, 1))
                    .hasMessage("token id 10 is outside the vocabulary of 10 tokens");
            assertThatThrownBy(() -> ops.keys7(x, x, random(DType.F32, 8), random(DType.F32, 8), 3))
                    .hasMessageContaining("heads of 3");
        }
    }

    @Test
    void theReferenceIsAlwaysThereAndAnUnknownBackendIsRefused() {
        assertThat(Backends.named("scalar").unavailable()).isEmpty();
        assertThatThrownBy(() -> Backends.named("abacus"))
                .hasMessage("there is no backend 'abacus'; expected one of [vector, scalar]");
    }
}
