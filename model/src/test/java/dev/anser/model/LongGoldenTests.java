package dev.anser.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// 4096 tokens against the official code in double: a few rows of logits, and the last state. They
/// are read where the shared goldens are.
class LongGoldenTests {
    private static final double LOGITS = 5e-5;

    @ParameterizedTest
    @CsvSource({
        "rwkv4-L3-D64,1",
        "rwkv4-L3-D64,4096",
        "rwkv6-L2-D128,1",
        "rwkv6-L2-D128,4096",
        "rwkv7-L3-D128,1",
        "rwkv7-L3-D128,100",
        "rwkv7-L3-D128,4096"
    })
    void aLongSequenceDoesNotDrift(String name, int chunk) {
        Golden.assumeVectorsOfTheProcessor();
        Path folder = Golden.shared("golden/long/" + name);
        assumeTrue(Files.exists(folder));
        Path model = Golden.shared("golden/inference/" + name + "/model.pth");
        int[] ids = Golden.npy(folder.resolve("tokens.npy")).ints();
        int[] rows = Golden.npy(folder.resolve("rows.npy")).ints();
        Golden.Array expected = Golden.npy(folder.resolve("logits_f64_rows.npy"));
        Map<String, Golden.Array> states = Golden.npz(folder.resolve("state_f64.npz"));
        try (Loaded loaded = new Loaded(model, "vector", 2);
                State state = loaded.model.newState()) {
            float[] all = loaded.logits(state, chunk, ids);
            int vocabulary = loaded.model.config().vocabulary();
            float[] picked = new float[rows.length * vocabulary];
            for (int i = 0; i < rows.length; i++) {
                System.arraycopy(all, rows[i] * vocabulary, picked, i * vocabulary, vocabulary);
            }
            double worst = expected.largestDifference(picked);
            System.out.printf("%s, chunks of %d: logits %.1e%n", name, chunk, worst);
            assertThat(worst).isLessThan(LOGITS);
            checkState(state, states);
        }
    }

    /// Relative to the largest number of all.
    private static void checkState(State state, Map<String, Golden.Array> expected) {
        assertThat(state.layout().slots()).hasSize(expected.size());
        double largest =
                expected.values().stream().mapToDouble(Golden.Array::largest).max().orElseThrow();
        for (int i = 0; i < state.layout().slots().size(); i++) {
            StateLayout.Slot slot = state.layout().slots().get(i);
            Golden.Array array = Objects.requireNonNull(expected.get(slot.name()), slot.name());
            float[] values = Golden.inFile(state, i);
            assertThat(array.largestDifference(values))
                    .as(slot.name())
                    .isLessThan(1e-4 * Math.max(1, largest));
        }
    }
}
