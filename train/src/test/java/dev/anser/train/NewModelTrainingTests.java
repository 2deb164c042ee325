package dev.anser.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.Architectures;
import dev.anser.model.ModelConversion;
import dev.anser.model.ModelFormat;
import dev.anser.tensor.Backends;
import dev.anser.tensor.Threads;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Every family, trained from scratch by a settings file.
class NewModelTrainingTests {
    private static final int STEPS = 12;

    @TempDir private Path folder;
    private Path config;

    static List<String> families() {
        return Architectures.newFamilies();
    }

    @BeforeEach
    void files() throws IOException {
        Files.writeString(
                folder.resolve("text.txt"),
                "The quick brown fox jumps over the lazy dog.\n".repeat(40));
        config =
                Files.writeString(
                        folder.resolve("new.yaml"),
                        """
                        model: {layers: 2, width: 64}
                        data: {train: text.txt, context: 15}
                        batch: {sequences: 4}
                        optimiser: {learningRate: 5e-3}
                        steps: 12
                        checkpoint: {everySteps: 4}
                        seed: 7
                        """);
    }

    /// Trains in the folder `run`, and stops after `last` steps.
    private List<Double> train(String run, RunFolder.Use use, long last, String... more) {
        List<String> overrides = new ArrayList<>(List.of(more));
        overrides.add("run.folder=" + folder.resolve(run));
        TrainConfig settings = TrainConfig.read(config, overrides);
        List<Double> losses = new ArrayList<>();
        long[] done = {0};
        try (Threads threads = new Threads(2);
                TrainingRun training =
                        TrainingRun.open(settings, use, Backends.choose(), threads, 1L << 32)) {
            training.start(trainer ->
                    trainer.stop(() -> done[0] >= last)
                            .observer(
                                    new TrainingObserver() {
                                        @Override
                                        public void stepped(Step step) {
                                            done[0] = step.step();
                                            losses.add(step.loss());
                                        }
                                    }));
        }
        return losses;
    }

    private Path model(String run) {
        return folder.resolve(run).resolve("model.safetensors");
    }

    @ParameterizedTest
    @MethodSource("families")
    void theLossFallsAndResumingEndsWithTheSameBytes(String family) throws IOException {
        String architecture = "model.architecture=" + family;
        List<Double> losses = train("straight", RunFolder.Use.NEW, STEPS, architecture);
        assertThat(losses).hasSize(STEPS);
        assertThat(losses.getFirst()).isBetween(5.0, 6.5);
        assertThat(losses.getLast()).isLessThan(losses.getFirst() - 1);

        train("stopped", RunFolder.Use.NEW, 5, architecture);
        assertThat(model("stopped")).doesNotExist();
        train("stopped", RunFolder.Use.RESUME, STEPS, architecture);
        assertThat(Files.mismatch(model("stopped"), model("straight"))).isEqualTo(-1);

        Path checkpoint = folder.resolve("stopped/checkpoints/step-00000012/model.safetensors");
        for (Path file : List.of(model("straight"), model("stopped"), checkpoint)) {
            try (Checkpoint open = Architectures.open(file)) {
                assertThat(Architectures.describe(open).architecture()).isEqualTo(family);
                assertThat(open.metadata()).containsEntry("architecture", family);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "gptneox", "retnet"})
    void aModelThatGoesOnLearningKeepsItsConfiguration(String family) throws IOException {
        train("first", RunFolder.Use.NEW, STEPS, "model.architecture=" + family);
        Path first = folder.resolve("first/config.json");
        Files.writeString(
                config,
                Files.readString(config)
                        .replace("model: {layers: 2, width: 64}", "model: {from: first}"));
        // Something that this program does not know.
        Files.writeString(first, Files.readString(first).replaceFirst("\\{", "{\"mine\": [1],"));
        train("second", RunFolder.Use.NEW, STEPS);
        try (Checkpoint before = Architectures.open(model("first"));
                Checkpoint after = Architectures.open(model("second"))) {
            assertThat(after.configuration())
                    .isEqualTo(before.configuration())
                    .containsEntry("mine", List.of(1L));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "gptneox"})
    void aTransformerFromScratchGoesThroughGguf(String family) {
        train("run", RunFolder.Use.NEW, STEPS, "model.architecture=" + family);
        Path gguf = folder.resolve("model.gguf");
        try (Threads threads = new Threads(1);
                Checkpoint model = Architectures.open(model("run"))) {
            new ModelConversion(model, ModelFormat.GGUF, Optional.empty(), threads)
                    .write(gguf, _ -> {}, _ -> {});
        }
        try (Checkpoint before = Architectures.open(model("run"));
                Checkpoint after = Architectures.open(gguf)) {
            assertThat(after.names()).containsExactlyInAnyOrderElementsOf(before.names());
            for (String name : before.names()) {
                assertThat(after.tensor(name).toFloats()).isEqualTo(before.tensor(name).toFloats());
            }
            assertThat(Architectures.describe(after).heads())
                    .isEqualTo(Architectures.describe(before).heads());
        }
    }
}
