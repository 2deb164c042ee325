package dev.anser.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.anser.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// RWKV-7 against numbers of the official code in double precision.
///
/// The official code in float differs from them by 7e-6 in the logits (which are about ±5) and
/// 2.4e-5 in the state; these tests allow 5e-5 and 1e-4. A real mistake, such as a wrong epsilon,
/// moves the logits by 0.03 or more.
class Rwkv7GoldenTests {
    private static final double LOGITS = 5e-5;
    private static final double STATE = 1e-4;

    /// A way to run a sequence: which kernels, how many threads, how many tokens at a time.
    record Run(String backend, int threads, int chunk) {}

    static List<Run> runs() {
        if (Integer.getInteger("anser.vector.bits") != null) {
            // A width that the processor lacks is emulated, and slow: what does not depend on the
            // width is left to the run at the processor's own.
            return List.of(
                    new Run("vector", 2, 1),
                    new Run("vector", 2, 7),
                    new Run("vector", 2, Integer.MAX_VALUE));
        }
        List<Run> runs = new ArrayList<>();
        for (String backend : new String[] {"scalar", "vector"}) {
            for (int threads = 1; threads <= 3; threads++) {
                for (int chunk : new int[] {1, 2, 7, 16, Integer.MAX_VALUE}) {
                    runs.add(new Run(backend, threads, chunk));
                }
            }
        }
        return runs;
    }

    private static void check(Path model, Path tokens, Path logits, Path state, Run run) {
        int[] ids = Golden.npy(tokens).ints();
        Golden.Array expected = Golden.npy(logits);
        Map<String, Golden.Array> expectedState = Golden.npz(state);
        try (Loaded loaded = new Loaded(model, run.backend(), run.threads());
                State actualState = loaded.model.newState()) {
            int chunk = Math.min(run.chunk(), ids.length);
            float[] actual = loaded.logits(actualState, chunk, ids);
            double difference = expected.largestDifference(actual);
            System.out.printf("%s %s: logits %.1e%n", model.getFileName(), run, difference);
            assertThat(difference).isLessThan(LOGITS);
            checkState(actualState, expectedState);
        }
    }

    private static void checkState(State state, Map<String, Golden.Array> expected) {
        assertThat(state.layout().slots()).hasSize(expected.size());
        for (int i = 0; i < state.layout().slots().size(); i++) {
            StateLayout.Slot slot = state.layout().slots().get(i);
            Golden.Array array = Objects.requireNonNull(expected.get(slot.name()), slot.name());
            double difference = array.largestDifference(Golden.inFile(state, i));
            assertThat(difference).as(slot.name()).isLessThan(STATE);
        }
    }

    @ParameterizedTest
    @MethodSource("runs")
    void bfloat16WeightsGiveTheOfficialLogits(Run run) {
        Path folder = Golden.own("rwkv7-L2-D64-hs32-half");
        for (String file : new String[] {"model-bf16.pth", "model-bf16.safetensors"}) {
            check(
                    folder.resolve(file),
                    folder.resolve("tokens.npy"),
                    folder.resolve("bf16_upcast_logits_f64.npy"),
                    folder.resolve("bf16_upcast_state_f64.npz"),
                    run);
        }
    }

    @ParameterizedTest
    @MethodSource("runs")
    void binary16WeightsGiveTheOfficialLogits(Run run) {
        Path folder = Golden.own("rwkv7-L2-D64-hs32-half");
        for (String file : new String[] {"model-fp16.pth", "model-fp16.safetensors"}) {
            check(
                    folder.resolve(file),
                    folder.resolve("tokens.npy"),
                    folder.resolve("fp16_upcast_logits_f64.npy"),
                    folder.resolve("fp16_upcast_state_f64.npz"),
                    run);
        }
    }

    /// RWKV-7a with matrices of 12 × 12 instead of the official 32 × 32.
    @ParameterizedTest
    @MethodSource("runs")
    void deepEmbedGivesTheOfficialLogits(Run run) {
        Path folder = Golden.own("rwkv7a-L2-D64-rank12");
        check(
                folder.resolve("model.safetensors"),
                folder.resolve("tokens.npy"),
                folder.resolve("logits_f64.npy"),
                folder.resolve("state_f64.npz"),
                run);
    }

    @Test
    void deepEmbedGivesTheSameBitsInAnyBatchAndReadsOneRowOfATable() {
        Path folder = Golden.own("rwkv7a-L2-D64-rank12");
        int[] ids = Golden.npy(folder.resolve("tokens.npy")).ints();
        try (Loaded loaded = new Loaded(folder.resolve("model.safetensors"), "vector", 2);
                State whole = loaded.model.newState();
                State parts = loaded.model.newState();
                State other = loaded.model.newState()) {
            float[] expected = loaded.logits(whole, ids.length, ids);
            int half = ids.length / 2;
            float[] first = loaded.logits(parts, 1, Arrays.copyOf(ids, half));
            float[] rest =
                    loaded.model
                            .forward(
                                    loaded.ops,
                                    Batch.builder()
                                            .add(other, Batch.Logits.NONE, 3, 1, 4)
                                            .add(
                                                    parts,
                                                    Batch.Logits.ALL,
                                                    Arrays.copyOfRange(ids, half, ids.length))
                                            .build())
                            .toFloats();
            assertThat(first).isEqualTo(Arrays.copyOf(expected, first.length));
            assertThat(rest).isEqualTo(Arrays.copyOfRange(expected, first.length, expected.length));
            assertThat(loaded.model.config().version()).isEqualTo("7a");
            long tables = 4L * 48 * (64 + 2 * 144);
            assertThat(loaded.model.bytesPerToken())
                    .isEqualTo(4 * loaded.model.parameters() - tables + tables / 48);
        }
    }

    @ParameterizedTest
    @MethodSource("runs")
    void floatWeightsGiveTheOfficialLogits(Run run) {
        Path folder = Golden.shared("golden/inference/rwkv7-L3-D128");
        assumeTrue(Files.exists(folder));
        check(
                folder.resolve("model.pth"),
                folder.resolve("tokens.npy"),
                folder.resolve("logits_f64.npy"),
                folder.resolve("state_f64.npz"),
                run);
    }

    @Test
    void theTrainedDigitReverserReversesItsSamples() throws IOException {
        Golden.assumeVectorsOfTheProcessor();
        String digits = "0123456789,#";
        String json = Files.readString(Golden.own("rwkv7-reverse/samples.json"));
        Matcher samples =
                Pattern.compile("\"input\": \"([0-9]+)\", \"expected\": \"([0-9]+#)\"")
                        .matcher(json);
        int count = 0;
        try (Loaded loaded =
                new Loaded(Golden.own("rwkv7-reverse/model-folded-L4.pth"), "vector", 2)) {
            while (samples.find()) {
                count++;
                try (State state = loaded.model.newState()) {
                    int[] prompt = (samples.group(1) + ",").chars().map(digits::indexOf).toArray();
                    Tensor logits =
                            loaded.model.forward(
                                    loaded.ops, Batch.of(state, Batch.Logits.LAST, prompt));
                    StringBuilder answer = new StringBuilder();
                    while (answer.length() < samples.group(2).length()) {
                        int best = 0;
                        for (int i = 1; i < digits.length(); i++) {
                            best = logits.get(i) > logits.get(best) ? i : best;
                        }
                        answer.append(digits.charAt(best));
                        logits =
                                loaded.model.forward(
                                        loaded.ops, Batch.of(state, Batch.Logits.LAST, best));
                    }
                    assertThat(answer.toString()).isEqualTo(samples.group(2));
                }
            }
        }
        assertThat(count).isGreaterThan(100);
    }
}
