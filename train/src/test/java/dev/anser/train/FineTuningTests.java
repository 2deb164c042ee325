package dev.anser.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.checkpoint.Safetensors;
import dev.anser.checkpoint.TensorCheckpoint;
import dev.anser.model.Architectures;
import dev.anser.model.Batch;
import dev.anser.model.LanguageModel;
import dev.anser.model.State;
import dev.anser.tensor.Backends;
import dev.anser.tensor.DType;
import dev.anser.tensor.EagerOps;
import dev.anser.tensor.Quantiser;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import dev.anser.train.AdapterSettings.Kind;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.SequencedMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What learns beside a frozen model, and how it gets into the model.
class FineTuningTests {
    private static final Path BASE =
            Path.of("src/test/resources/golden/training-rwkv7/weights_init.safetensors");
    private static final AdapterSettings LORA =
            new AdapterSettings(Kind.LORA, 3, 6, List.of(), List.of());
    private static final AdapterSettings STATE =
            new AdapterSettings(Kind.STATE, 1, 1, List.of(), List.of());

    @TempDir Path folder;

    private final Threads threads = new Threads(2);

    @AfterEach
    void closeThreads() {
        threads.close();
    }

    private Learner learner(AdapterSettings settings) {
        try (Checkpoint checkpoint = Checkpoints.open(BASE)) {
            return new Learner(checkpoint, settings, 7, Backends.choose(), threads);
        }
    }

    private int[][] tokens(Learner learner, int sequences, int length) {
        Random random = new Random(3);
        int vocabulary = learner.model().config().vocabulary();
        int[][] tokens = new int[sequences][];
        for (int b = 0; b < sequences; b++) {
            tokens[b] = random.ints(length + 1, 0, vocabulary).toArray();
        }
        return tokens;
    }

    private float[] logits(LanguageModel model, State state, int... tokens) {
        try (EagerOps ops = Backends.choose().newOps(threads)) {
            return model.forward(ops, Batch.of(state, Batch.Logits.ALL, tokens)).toFloats();
        }
    }

    private float[] logits(LanguageModel model, int... tokens) {
        try (State state = model.newState()) {
            return logits(model, state, tokens);
        }
    }

    private float[] logits(Path file, int... tokens) {
        try (Checkpoint checkpoint = Checkpoints.open(file);
                LanguageModel model = Architectures.load(checkpoint)) {
            return logits(model, tokens);
        }
    }

    private static double difference(float[] a, float[] b) {
        assertThat(a).hasSameSizeAs(b);
        double largest = 0;
        for (int i = 0; i < a.length; i++) {
            largest = Math.max(largest, Math.abs(a[i] - b[i]));
        }
        return largest;
    }

    /// Moves every parameter by a random amount.
    private static void shake(Learner learner, double size) {
        Random random = new Random(5);
        for (Parameter parameter : learner.parameters()) {
            Tensor weight = parameter.weight();
            for (long i = 0; i < weight.elements(); i++) {
                weight.set(i, (float) (weight.get(i) + size * random.nextGaussian()));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"LORA", "STATE"})
    void gradientsOfAdaptersAreThoseOfFiniteDifferences(Kind kind) {
        try (Learner learner = learner(kind == Kind.LORA ? LORA : STATE)) {
            shake(learner, 0.05);
            int[][] tokens = tokens(learner, 3, 21);
            LabelledTokens batch = LabelledTokens.all(tokens);
            learner.clearGradients();
            learner.addGradients(batch, 1, false);
            double worst = 0;
            for (Parameter parameter : learner.parameters()) {
                Tensor gradient = parameter.gradient();
                double scale = 0;
                for (float value : gradient.toFloats()) {
                    scale = Math.max(scale, Math.abs(value));
                }
                assertThat(scale).as(parameter.name()).isGreaterThan(1e-3);
                for (long i = 0; i < gradient.elements(); i += 1 + gradient.elements() / 5) {
                    float before = parameter.weight().get(i);
                    float step = 2e-2f;
                    parameter.weight().set(i, before + step);
                    double above = learner.loss(batch);
                    parameter.weight().set(i, before - step);
                    double below = learner.loss(batch);
                    parameter.weight().set(i, before);
                    double expected = (above - below) / (2 * step);
                    worst = Math.max(worst, Math.abs(gradient.get(i) - expected) / scale);
                }
            }
            System.out.printf("%s: worst %.1e of the largest%n", kind, worst);
            assertThat(worst).isLessThan(2e-2);
        }
    }

    @Test
    void newLowRankPairsChangeNothing() {
        try (Learner learner = learner(LORA)) {
            int[] tokens = tokens(learner, 1, 17)[0];
            assertThat(logits(learner.model(), tokens)).isEqualTo(logits(BASE, tokens));
            assertThat(learner.parameters()).hasSize(2 * 6 * learner.model().config().layers());
            shake(learner, 0.1);
            assertThat(difference(logits(learner.model(), tokens), logits(BASE, tokens)))
                    .isGreaterThan(1e-2);
        }
    }

    @Test
    void theSameSeedGivesTheSamePairsAndAnotherOthers() {
        try (Checkpoint base = Checkpoints.open(BASE);
                Learner first = learner(LORA);
                Learner second = learner(LORA);
                Learner other = new Learner(base, LORA, 8, Backends.choose(), threads)) {
            float[] down = first.parameters().getFirst().weight().toFloats();
            assertThat(down).isEqualTo(second.parameters().getFirst().weight().toFloats());
            assertThat(down).isNotEqualTo(other.parameters().getFirst().weight().toFloats());
            double bound = 1 / Math.sqrt(first.model().config().width());
            for (float value : down) {
                assertThat((double) value).isCloseTo(0, within(bound));
            }
        }
    }

    @Test
    void aMergedModelIsTheAdaptedOne() {
        Path adapter = folder.resolve("lora.safetensors");
        Path merged = folder.resolve("merged.safetensors");
        int[] tokens;
        float[] expected;
        try (Learner learner = learner(LORA)) {
            shake(learner, 0.05);
            tokens = tokens(learner, 1, 33)[0];
            expected = logits(learner.model(), tokens);
            learner.save(adapter);
        }
        try (Checkpoint base = Checkpoints.open(BASE);
                Checkpoint pairs = Checkpoints.open(adapter)) {
            assertThat(pairs.names())
                    .allMatch(name -> name.endsWith(".lora_A") || name.endsWith(".lora_B"));
            assertThat(pairs.metadata()).containsEntry("lora_alpha", "6.0");
            new Merge(base, pairs, OptionalDouble.empty(), threads).write(merged);
        }
        double difference = difference(logits(merged, tokens), expected);
        System.out.printf("merged: %.1e%n", difference);
        assertThat(difference).isLessThan(1e-5);
    }

    @Test
    void aLearnedStateGivenAsAFileOrMergedIsTheOneThatWasLearned() {
        Path file = folder.resolve("state.safetensors");
        Path merged = folder.resolve("merged.safetensors");
        int[] tokens;
        float[] expected;
        try (Learner learner = learner(STATE)) {
            shake(learner, 0.5);
            tokens = tokens(learner, 1, 15)[0];
            expected = logits(learner.model(), tokens);
            learner.save(file);
        }
        try (Checkpoint base = Checkpoints.open(BASE);
                LanguageModel model = Architectures.load(base);
                State state = model.newState();
                Checkpoint learned = Checkpoints.open(file)) {
            assertThat(state.load(file)).isEqualTo(State.Origin.BEGINNING);
            assertThat(logits(model, state, tokens)).isEqualTo(expected);
            assertThat(logits(model, tokens)).isNotEqualTo(expected);
            new Merge(base, learned, OptionalDouble.empty(), threads).write(merged);
        }
        assertThat(logits(merged, tokens)).isEqualTo(expected);
    }

    /// The axes of time_state are those of att_kv in a state file, which goldens fix as (head,
    /// value, key).
    @Test
    void aLearnedStateHasTheAxesOfAStateFile() {
        Path whole = folder.resolve("whole.safetensors");
        Path learned = folder.resolve("learned.safetensors");
        try (Checkpoint base = Checkpoints.open(BASE);
                LanguageModel model = Architectures.load(base);
                State state = model.newState()) {
            logits(model, state, 1, 2, 3, 4, 5, 6, 7);
            for (int slot = 0; slot < state.layout().slots().size(); slot++) {
                if (state.layout().slots().get(slot).initialName().isEmpty()) {
                    state.tensor(slot).clear();
                }
            }
            state.save(whole);
            try (Checkpoint saved = Checkpoints.open(whole);
                    State loaded = model.newState()) {
                SequencedMap<String, Tensor> renamed = new LinkedHashMap<>();
                for (String name : saved.names()) {
                    if (name.endsWith(".att_kv")) {
                        renamed.put(name.replace(".att_kv", ".att.time_state"), saved.tensor(name));
                    }
                }
                Safetensors.write(learned, renamed, Map.of());
                loaded.load(learned);
                assertThat(loaded.sameAs(state)).isTrue();
            }
        }
    }

    /// In its file RWKV-6 has the axes (head, value, key), in memory the last two the other way
    /// round; RWKV-7 just so.
    @ParameterizedTest
    @ValueSource(strings = {"training-rwkv6", "training-rwkv7"})
    void aLearnedStateHasTheGradientOfWhatItsFileSays(String golden) {
        Path base = Path.of("src/test/resources/golden", golden, "weights_init.safetensors");
        try (Checkpoint checkpoint = Checkpoints.open(base);
                Learner learner = new Learner(checkpoint, STATE, 7, Backends.choose(), threads)) {
            shake(learner, 0.5);
            LabelledTokens batch = LabelledTokens.all(tokens(learner, 2, 17));
            learner.clearGradients();
            learner.addGradients(batch, 1, false);
            assertThat(learner.parameters()).hasSize(learner.model().config().layers());
            for (Parameter parameter : learner.parameters()) {
                double scale = 0;
                for (float value : parameter.gradient().toFloats()) {
                    scale = Math.max(scale, Math.abs(value));
                }
                assertThat(scale).isPositive();
                int size = learner.model().config().headSize();
                Tensor weight = parameter.weight();
                long last = weight.elements() - 1;
                for (long i : new long[] {0, 1, size, 2L * size + 1, last - size, last}) {
                    float before = weight.get(i);
                    float step = 5e-2f;
                    weight.set(i, before + step);
                    double above = learner.loss(batch);
                    weight.set(i, before - step);
                    double below = learner.loss(batch);
                    weight.set(i, before);
                    assertThat((double) parameter.gradient().get(i))
                            .as("%s, element %d", parameter.name(), i)
                            .isCloseTo((above - below) / (2 * step), within(2e-2 * scale));
                }
            }
            Path file = folder.resolve("state.safetensors");
            learner.save(file);
            try (State state = learner.model().newState();
                    LanguageModel model = Architectures.load(checkpoint);
                    State loaded = model.newState()) {
                loaded.load(file);
                assertThat(loaded.sameAs(state)).isTrue();
            }
        }
    }

    @Test
    void frozenTensorsStayByteForByteAndHaveNoGradient() {
        Path file = folder.resolve("model.safetensors");
        AdapterSettings frozen =
                new AdapterSettings(Kind.FULL, 1, 1, List.of(), List.of("emb.", "blocks.0."));
        AdamW.Settings settings = new AdamW.Settings(1e-2, 0.9, 0.99, 1e-18, 0.1);
        try (Learner learner = learner(frozen);
                AdamW optimiser = new AdamW(learner.parameters(), settings, threads)) {
            assertThat(learner.parameters())
                    .noneMatch(parameter -> parameter.name().startsWith("blocks.0."));
            learner.addGradients(tokens(learner, 2, 9), false);
            optimiser.step();
            learner.save(file);
        }
        try (Checkpoint before = Checkpoints.open(BASE);
                Checkpoint after = Checkpoints.open(file)) {
            assertThat(after.names()).containsExactlyElementsOf(before.names());
            for (String name : before.names()) {
                boolean same =
                        before.tensor(name).segment().mismatch(after.tensor(name).segment()) < 0;
                boolean fixed = name.startsWith("emb.") || name.startsWith("blocks.0.");
                assertThat(same).as(name).isEqualTo(fixed);
            }
        }
    }

    private static Checkpoint quantised(Checkpoint checkpoint, Arena arena) {
        SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
        for (String name : checkpoint.names()) {
            Tensor tensor = checkpoint.tensor(name);
            if (name.endsWith(".weight") && tensor.rows() > 1 && tensor.columns() % 32 == 0) {
                Tensor small = Tensor.allocate(arena, DType.Q8_0, tensor.shape().sizes());
                Quantiser.encode(tensor, small);
                tensor = small;
            }
            tensors.put(name, tensor);
        }
        return new TensorCheckpoint("q.gguf", "GGUF", tensors, checkpoint.metadata());
    }

    @Test
    void lowRankPairsLearnOverQuantisedWeights() {
        try (Arena arena = Arena.ofConfined();
                Checkpoint checkpoint = Checkpoints.open(BASE)) {
            Checkpoint base = quantised(checkpoint, arena);
            assertThat(base.entry("blocks.1.ffn.key.weight").dtype()).isEqualTo(DType.Q8_0);
            try (Learner learner = new Learner(base, LORA, 7, Backends.choose(), threads)) {
                shake(learner, 0.05);
                LabelledTokens batch = LabelledTokens.all(tokens(learner, 2, 21));
                learner.clearGradients();
                learner.addGradients(batch, 1, false);
                for (Parameter parameter : learner.parameters()) {
                    Tensor gradient = parameter.gradient();
                    double scale = 0;
                    for (float value : gradient.toFloats()) {
                        scale = Math.max(scale, Math.abs(value));
                    }
                    float before = parameter.weight().get(1);
                    float step = 2e-2f;
                    parameter.weight().set(1, before + step);
                    double above = learner.loss(batch);
                    parameter.weight().set(1, before - step);
                    double below = learner.loss(batch);
                    parameter.weight().set(1, before);
                    assertThat((double) gradient.get(1))
                            .as(parameter.name())
                            .isCloseTo((above - below) / (2 * step), within(2e-2 * scale));
                }
            }
        }
    }

    @Test
    void quantisedWeightsCannotLearn() {
        try (Arena arena = Arena.ofConfined();
                Checkpoint checkpoint = Checkpoints.open(BASE)) {
            Checkpoint base = quantised(checkpoint, arena);
            AdapterSettings full = new AdapterSettings(Kind.FULL, 1, 1, List.of(), List.of());
            assertThatThrownBy(() -> new Learner(base, full, 1, Backends.choose(), threads))
                    .isInstanceOf(TrainingException.class)
                    .hasMessageMatching(
                            "q.gguf: tensor \\S+ is Q8_0, and quantised weights cannot learn;"
                                    + " convert the model to BF16 or F32 first, or train an adapter"
                                    + " .lora or state.");
        }
    }

    @Test
    void frozenHalfPrecisionWeightsKeepTheirType() {
        Path half = folder.resolve("half.safetensors");
        try (Checkpoint base = Checkpoints.open(BASE);
                Arena arena = Arena.ofConfined()) {
            SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
            for (String name : base.names()) {
                Tensor tensor = base.tensor(name);
                Tensor copy = Tensor.allocate(arena, DType.BF16, tensor.shape().sizes());
                copy.set(tensor.toFloats());
                tensors.put(name, copy);
            }
            Safetensors.write(half, tensors, Map.of());
        }
        try (Checkpoint checkpoint = Checkpoints.open(half);
                Learner learner = new Learner(checkpoint, LORA, 1, Backends.choose(), threads)) {
            assertThat(learner.model().weights().getFirst().tensor().dtype()).isEqualTo(DType.BF16);
            double first = learner.addGradients(tokens(learner, 2, 9), false);
            assertThat(first).isPositive();
            Path adapter = folder.resolve("adapter.safetensors");
            Path merged = folder.resolve("merged.safetensors");
            learner.save(adapter);
            try (Checkpoint pairs = Checkpoints.open(adapter)) {
                new Merge(checkpoint, pairs, OptionalDouble.empty(), threads).write(merged);
            }
            try (Checkpoint result = Checkpoints.open(merged)) {
                assertThat(result.entry("blocks.1.att.key.weight").dtype()).isEqualTo(DType.BF16);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(value = Kind.class)
    void exactCarryingIsTheGradientOfTheWholeDocument(Kind kind) {
        AdapterSettings settings =
                switch (kind) {
                    case FULL -> AdapterSettings.NONE;
                    case LORA -> LORA;
                    case STATE -> STATE;
                };
        try (Learner learner = learner(settings)) {
            assertExact(kind.toString(), learner);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"training-rwkv4", "training-rwkv6"})
    void exactCarryingIsThatOfOlderModelsAsWell(String golden) {
        Path base = Path.of("src/test/resources/golden", golden, "weights_init.safetensors");
        try (Checkpoint checkpoint = Checkpoints.open(base);
                Learner learner =
                        new Learner(
                                checkpoint, AdapterSettings.NONE, 7, Backends.choose(), threads)) {
            assertExact(golden, learner);
        }
    }

    private void assertExact(String what, Learner learner) {
        shake(learner, 0.02);
        LabelledTokens documents = LabelledTokens.all(tokens(learner, 2, 65));
        double scale = 1.0 / documents.targets();
        learner.clearGradients();
        double whole = learner.addGradients(documents, scale, true);
        List<float[]> expected = gradients(learner);
        double worst = 0;
        for (int chunk : new int[] {1, 16, 24, 64, 65, 1000}) {
            learner.clearGradients();
            double loss = learner.addDocuments(documents, chunk, Carry.EXACT, scale, true);
            assertThat(loss).isCloseTo(whole, within(1e-5 * whole));
            worst = Math.max(worst, relative(gradients(learner), expected));
        }
        System.out.printf("exact %s: worst %.1e of the largest%n", what, worst);
        assertThat(worst).isLessThan(1e-5);

        learner.clearGradients();
        double loss = learner.addDocuments(documents, 16, Carry.TRUNCATED, scale, true);
        assertThat(loss).isCloseTo(whole, within(1e-5 * whole));
        assertThat(relative(gradients(learner), expected)).isGreaterThan(1e-3);

        learner.clearGradients();
        loss = learner.addDocuments(documents, 16, Carry.NONE, scale, true);
        assertThat(Math.abs(loss - whole)).isGreaterThan(1e-3);
    }

    private static List<float[]> gradients(Learner learner) {
        return learner.parameters().stream()
                .map(parameter -> parameter.gradient().toFloats())
                .toList();
    }

    /// The largest difference over the largest number of the same tensor.
    private static double relative(List<float[]> actual, List<float[]> expected) {
        double worst = 0;
        for (int i = 0; i < actual.size(); i++) {
            double largest = 0;
            for (float value : expected.get(i)) {
                largest = Math.max(largest, Math.abs(value));
            }
            worst = Math.max(worst, difference(actual.get(i), expected.get(i)) / largest);
        }
        return worst;
    }

    @Test
    void aRestoredAdapterGoesOnWhereItWas() {
        Path file = folder.resolve("lora.safetensors");
        try (Learner learner = learner(LORA);
                Learner again = learner(LORA);
                Learner other = learner(STATE)) {
            shake(learner, 0.1);
            learner.save(file);
            try (Checkpoint saved = Checkpoints.open(file)) {
                again.restore(saved);
                int[] tokens = tokens(learner, 1, 7)[0];
                assertThat(logits(again.model(), tokens))
                        .isEqualTo(logits(learner.model(), tokens));
                assertThatThrownBy(() -> other.restore(saved))
                        .isInstanceOf(TrainingException.class)
                        .hasMessageContaining("does not learn here");
            }
        }
    }
}
