package dev.anser.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anser.tensor.Tensor;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What a sequence computes depends on itself alone, bit for bit: not on its neighbours in a batch,
/// on how it is cut into chunks, or on the number of threads.
class BatchTests {
    private static final Path MODEL = Golden.own("rwkv7-L2-D64-hs32-half/model-fp16.pth");

    @BeforeAll
    static void assumeVectorsOfTheProcessor() {
        Golden.assumeVectorsOfTheProcessor();
    }

    private static int[] tokens(int count, long seed) {
        return new Random(seed).ints(count, 0, 128).toArray();
    }

    @ParameterizedTest
    @CsvSource({"scalar,1", "vector,1", "vector,2", "vector,3"})
    void everySequenceOfARaggedBatchComputesWhatItComputesAlone(String backend, int threads) {
        int[] lengths = {1, 2, 17, 64};
        try (Loaded loaded = new Loaded(MODEL, backend, threads)) {
            int vocabulary = loaded.model.config().vocabulary();
            State[] together = new State[lengths.length];
            State[] alone = new State[lengths.length];
            float[][] expected = new float[lengths.length][];
            Batch.Builder builder = Batch.builder();
            for (int i = 0; i < lengths.length; i++) {
                // Each sequence has a past of its own.
                together[i] = loaded.model.newState();
                int[] past = tokens(5 + i, 100 + i);
                loaded.logits(together[i], past.length, past);
                alone[i] = together[i].copy();
                int[] next = tokens(lengths[i], i);
                builder.add(together[i], Batch.Logits.ALL, next);
                expected[i] = loaded.logits(alone[i], next.length, next);
            }
            float[] all = loaded.model.forward(loaded.ops, builder.build()).toFloats();
            int row = 0;
            for (int i = 0; i < lengths.length; i++) {
                int from = row * vocabulary;
                row += lengths[i];
                assertThat(Arrays.copyOfRange(all, from, row * vocabulary)).isEqualTo(expected[i]);
                assertThat(together[i].sameAs(alone[i])).isTrue();
                together[i].close();
                alone[i].close();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"scalar", "vector"})
    void anyChunkingAndAnyNumberOfThreadsGiveTheSameBits(String backend) {
        int[] ids = tokens(64, 3);
        float[] expected = null;
        for (int threads = 1; threads <= 3; threads++) {
            for (int chunk : new int[] {64, 1, 2, 3, 7, 16, 31}) {
                try (Loaded loaded = new Loaded(MODEL, backend, threads);
                        State state = loaded.model.newState()) {
                    float[] logits = loaded.logits(state, chunk, ids);
                    if (expected == null) {
                        expected = logits;
                    }
                    assertThat(logits)
                            .as("%d threads, chunks of %d", threads, chunk)
                            .isEqualTo(expected);
                }
            }
        }
    }

    @Test
    void logitsComeForTheRowsThatAreWanted() {
        try (Loaded loaded = new Loaded(MODEL, "vector", 2);
                State a = loaded.model.newState();
                State b = loaded.model.newState();
                State c = loaded.model.newState();
                State all = loaded.model.newState()) {
            int[] ids = tokens(9, 8);
            float[] expected = loaded.logits(all, 9, ids);
            Tensor logits =
                    loaded.model.forward(
                            loaded.ops,
                            Batch.builder()
                                    .add(a, Batch.Logits.NONE, ids)
                                    .add(b, Batch.Logits.LAST, ids)
                                    .add(c, Batch.Logits.ALL, ids[0], ids[1])
                                    .build());
            assertThat(logits.rows()).isEqualTo(3);
            float[] actual = logits.toFloats();
            assertThat(Arrays.copyOfRange(actual, 0, 128))
                    .isEqualTo(Arrays.copyOfRange(expected, 8 * 128, 9 * 128));
            assertThat(Arrays.copyOfRange(actual, 128, 384))
                    .isEqualTo(Arrays.copyOfRange(expected, 0, 256));
            assertThat(a.sameAs(b)).isTrue();
        }
    }

    @Test
    void impossibleBatchesAreRefused() {
        try (Loaded loaded = new Loaded(MODEL, "vector", 1);
                State state = loaded.model.newState()) {
            assertThatThrownBy(() -> Batch.of(state, Batch.Logits.LAST))
                    .hasMessageContaining("at least one token");
            assertThatThrownBy(() -> Batch.builder().build())
                    .hasMessageContaining("at least one segment");
            assertThatThrownBy(() ->
                            Batch.builder()
                                    .add(state, Batch.Logits.LAST, 1)
                                    .add(state, Batch.Logits.LAST, 2))
                    .hasMessageContaining("twice");
            assertThatThrownBy(() -> loaded.logits(state, 1, 128))
                    .hasMessage("token id 128 is outside the vocabulary of 128 tokens");
        }
    }
}
