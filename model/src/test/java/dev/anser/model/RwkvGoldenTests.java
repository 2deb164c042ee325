package dev.anser.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// RWKV-4, 5.1, 5.2 and 6 against numbers that the official code computed in double precision: the
/// logits of every token and the state after the last. The goldens of 5.1 and 5.2 are this
/// project's own; those of 4 and 6 are read where the shared ones are.
class RwkvGoldenTests {
    private static final double LOGITS = 5e-5;
    private static final double STATE = 1e-4;

    private static Path folder(String name) {
        Path own = Golden.own(name);
        Path folder = Files.exists(own) ? own : Golden.shared("golden/inference/" + name);
        assumeTrue(Files.exists(folder));
        return folder;
    }

    private static Path model(String name) {
        Path file = folder(name).resolve("model.safetensors");
        return Files.exists(file) ? file : folder(name).resolve("model.pth");
    }

    @ParameterizedTest
    @CsvSource({
        "rwkv4-L3-D64,4",
        "rwkv5.1-L2-D64-hs32,5.1",
        "rwkv5.2-L2-D64-hs32,5.2",
        "rwkv6-L2-D128,6.0"
    })
    void logitsAndStateEqualTheReferenceInAnyChunkingAndOnAnyNumberOfThreads(
            String name, String version) {
        int[] ids = Golden.npy(folder(name).resolve("tokens.npy")).ints();
        Golden.Array expected = Golden.npy(folder(name).resolve("logits_f64.npy"));
        Map<String, Golden.Array> states = Golden.npz(folder(name).resolve("state_f64.npz"));
        for (String backend : new String[] {"scalar", "vector"}) {
            float[] first = null;
            for (int threads = 1; threads <= 3; threads++) {
                for (int chunk : new int[] {ids.length, 1, 7}) {
                    try (Loaded loaded = new Loaded(model(name), backend, threads);
                            State state = loaded.model.newState()) {
                        assertThat(loaded.model.config().version()).isEqualTo(version);
                        float[] logits = loaded.logits(state, chunk, ids);
                        first = first == null ? logits : first;
                        assertThat(logits)
                                .as("%s, %d threads, chunks of %d", backend, threads, chunk)
                                .isEqualTo(first);
                        checkState(state, states);
                    }
                }
            }
            double worst = expected.largestDifference(Objects.requireNonNull(first));
            System.out.printf("%s %s: logits %.1e%n", name, backend, worst);
            assertThat(worst).isLessThan(LOGITS);
        }
    }

    private static void checkState(State state, Map<String, Golden.Array> expected) {
        assertThat(state.layout().slots()).hasSize(expected.size());
        for (int i = 0; i < expected.size(); i++) {
            StateLayout.Slot slot = state.layout().slots().get(i);
            assertThat(slot.transposedInFile()).isFalse();
            Golden.Array array = Objects.requireNonNull(expected.get(slot.name()), slot.name());
            assertThat(array.largestDifference(state.tensor(i).toFloats()))
                    .as(slot.name())
                    .isLessThan(STATE);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "rwkv4-L3-D64",
                "rwkv5.1-L2-D64-hs32",
                "rwkv5.2-L2-D64-hs32",
                "rwkv6-L2-D128"
            })
    void everySequenceOfARaggedBatchComputesWhatItComputesAlone(String name) {
        int[] ids = Golden.npy(folder(name).resolve("tokens.npy")).ints();
        int[] lengths = {1, 2, 17};
        try (Loaded loaded = new Loaded(model(name), "vector", 2)) {
            State[] together = new State[lengths.length];
            Batch.Builder builder = Batch.builder();
            for (int i = 0; i < lengths.length; i++) {
                together[i] = loaded.model.newState();
                builder.add(
                        together[i], Batch.Logits.ALL, Arrays.copyOfRange(ids, i, i + lengths[i]));
            }
            float[] all = loaded.model.forward(loaded.ops, builder.build()).toFloats();
            int at = 0;
            for (int i = 0; i < lengths.length; i++) {
                try (State alone = loaded.model.newState()) {
                    float[] expected =
                            loaded.logits(
                                    alone, lengths[i], Arrays.copyOfRange(ids, i, i + lengths[i]));
                    assertThat(Arrays.copyOfRange(all, at, at + expected.length))
                            .isEqualTo(expected);
                    assertThat(together[i].sameAs(alone)).isTrue();
                    at += expected.length;
                }
                together[i].close();
            }
        }
    }
}
