package dev.anser.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.anser.base.AnserException;
import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.TensorCheckpoint;
import dev.anser.data.Samples;
import dev.anser.model.rwkv7.Rwkv7Initial;
import dev.anser.tensor.Backends;
import dev.anser.tensor.Threads;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainerTests {
    private static final int LENGTH = 7;
    private static final int VOCABULARY = 17;

    @TempDir private Path folder;

    /// Random tokens that follow from a seed.
    private record RandomTokens(long seed) implements Samples {
        @Override
        public int length() {
            return LENGTH;
        }

        @Override
        public long count() {
            return 1000;
        }

        @Override
        public int largestToken() {
            return VOCABULARY - 1;
        }

        @Override
        public String fingerprint() {
            return "random " + seed;
        }

        @Override
        public void read(long index, int[] tokens, boolean[] counts) {
            SplittableRandom random = new SplittableRandom(seed * 1000 + index % count());
            for (int i = 0; i <= LENGTH; i++) {
                tokens[i] = random.nextInt(VOCABULARY);
            }
            for (int i = 0; i < LENGTH; i++) {
                // Different numbers of targets in each sample.
                counts[i] = i == 0 || random.nextInt(3) > 0;
            }
        }

        @Override
        public void close() {}
    }

    /// Trains a tiny model and returns its weights.
    private static float[] train(int threads, Samples samples, Consumer<TrainerBuilder> settings) {
        return train(threads, samples, settings, _ -> {});
    }

    private static float[] train(
            int threads,
            Samples samples,
            Consumer<TrainerBuilder> settings,
            Consumer<Learner> before) {
        try (Arena arena = Arena.ofShared();
                Threads team = new Threads(threads);
                Checkpoint first =
                        new TensorCheckpoint(
                                "first",
                                "safetensors",
                                Rwkv7Initial.of(Rwkv7Initial.Sizes.of(2, 32, 16, VOCABULARY), 3)
                                        .tensors(arena, team),
                                Map.of());
                Learner learner = new Learner(first, Backends.choose(), team)) {
            before.accept(learner);
            TrainerBuilder builder =
                    Trainer.builder(learner, samples, team)
                            .steps(6)
                            .sequences(2)
                            .learningRate(
                                    new LearningRate(1e-3, 1e-4, 2, LearningRate.Schedule.COSINE));
            settings.accept(builder);
            builder.build().run();
            return weights(learner);
        }
    }

    private static float[] weights(Learner learner) {
        List<float[]> all = new ArrayList<>();
        int size = 0;
        for (Parameter parameter : learner.parameters()) {
            float[] values = parameter.weight().toFloats();
            all.add(values);
            size += values.length;
        }
        float[] weights = new float[size];
        int at = 0;
        for (float[] values : all) {
            System.arraycopy(values, 0, weights, at, values.length);
            at += values.length;
        }
        return weights;
    }

    private RunFolder open(RunFolder.Use use) {
        return RunFolder.open(folder.resolve("run"), use);
    }

    private static Consumer<TrainerBuilder> inFolder(
            RunFolder run, int stopAfter, Consumer<TrainerBuilder> more) {
        return builder -> {
            long[] done = {0};
            builder.folder(run)
                    .checkpoints(2, 0, 2)
                    .observer(
                            new TrainingObserver() {
                                @Override
                                public void stepped(Step step) {
                                    done[0] = step.step();
                                }
                            })
                    .stop(() -> done[0] == stopAfter)
                    .described(Map.of("seed", "1"));
            more.accept(builder);
        };
    }

    @Test
    void aRunThatIsStoppedAndResumedEndsWithTheSameBits() {
        RandomTokens samples = new RandomTokens(1);
        float[] straight = train(2, samples, _ -> {});
        try (RunFolder run = open(RunFolder.Use.NEW)) {
            train(2, samples, inFolder(run, 3, _ -> {}));
        }
        float[] resumed;
        try (RunFolder run = open(RunFolder.Use.RESUME)) {
            resumed = train(1, samples, inFolder(run, -1, _ -> {}));
        }
        assertThat(resumed).isEqualTo(straight);
    }

    @Test
    void theNumberOfThreadsChangesNothing() {
        RandomTokens samples = new RandomTokens(1);
        assertThat(train(3, samples, _ -> {})).isEqualTo(train(1, samples, _ -> {}));
    }

    @Test
    void batchesThatAreAccumulatedMakeTheStepOfOneBigBatch() {
        RandomTokens samples = new RandomTokens(2);
        // With an epsilon this large the step follows the gradient, not only its sign.
        OptimiserSettings smooth =
                new OptimiserSettings(new AdamW.Settings(1e-2, 0.9, 0.99, 1e-2, 0.1), 1, true);
        Consumer<TrainerBuilder> one =
                builder ->
                        builder.steps(1)
                                .optimiser(smooth)
                                .learningRate(
                                        new LearningRate(
                                                1e-2, 1e-2, 0, LearningRate.Schedule.CONSTANT));
        float[] big = train(2, samples, one.andThen(builder -> builder.sequences(6)));
        float[] small =
                train(2, samples, one.andThen(builder -> builder.sequences(2).accumulate(3)));
        assertThat(largestDifference(big, small)).isLessThan(1e-6);
        float[] other = train(2, samples, one.andThen(builder -> builder.sequences(2)));
        assertThat(largestDifference(big, other)).isGreaterThan(1e-4);
    }

    private static double largestDifference(float[] a, float[] b) {
        double largest = 0;
        for (int i = 0; i < a.length; i++) {
            largest = Math.max(largest, Math.abs(a[i] - b[i]));
        }
        return largest;
    }

    @Test
    void onlyTheLastCheckpointsStay() throws Exception {
        try (RunFolder run = open(RunFolder.Use.NEW)) {
            train(1, new RandomTokens(1), inFolder(run, -1, _ -> {}));
        }
        try (Stream<Path> files = Files.list(folder.resolve("run/checkpoints"))) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrder("step-00000004", "step-00000006");
        }
        assertThat(folder.resolve("run/model.safetensors")).exists();
    }

    @Test
    void dataOfAnotherFingerprintIsRefused() {
        try (RunFolder run = open(RunFolder.Use.NEW)) {
            train(1, new RandomTokens(1), inFolder(run, 2, _ -> {}));
        }
        try (RunFolder run = open(RunFolder.Use.RESUME)) {
            assertThatThrownBy(() -> train(1, new RandomTokens(2), inFolder(run, -1, _ -> {})))
                    .isInstanceOf(TrainingException.class)
                    .hasMessageContaining(
                            "learned from other data (fingerprint random 1, now random 2)");
        }
    }

    @Test
    void aFolderIsNotUsedAgainUnlessToldSo() throws Exception {
        Path run = folder.resolve("run");
        open(RunFolder.Use.NEW).close();
        open(RunFolder.Use.NEW).close();
        try (RunFolder opened = open(RunFolder.Use.NEW)) {
            assertThatThrownBy(() -> open(RunFolder.Use.NEW))
                    .hasMessageContaining("another process trains in this folder");
            opened.writeConfig("seed: 1\n");
        }
        assertThatThrownBy(() -> open(RunFolder.Use.NEW))
                .isInstanceOf(TrainingException.class)
                .hasMessageContaining("--resume")
                .hasMessageContaining("--force");
        Files.writeString(run.resolve("other.txt"), "mine");
        open(RunFolder.Use.FORCE).close();
        assertThat(run.resolve("config.yaml")).doesNotExist();
        assertThat(run.resolve("other.txt")).doesNotExist();
    }

    @Test
    void forceDeletesNothingThatIsNoRun() throws Exception {
        Path run = Files.createDirectory(folder.resolve("run"));
        Files.writeString(run.resolve("thesis.txt"), "years");
        assertThatThrownBy(() -> open(RunFolder.Use.FORCE)).hasMessageContaining("is no run");
        assertThatThrownBy(() -> open(RunFolder.Use.RESUME))
                .hasMessageContaining("no run to resume");
        assertThat(run.resolve("thesis.txt")).exists();
    }

    @Test
    void aNumberThatIsNotFiniteStopsTheRunAndNamesTheTensor() {
        assertThatThrownBy(() ->
                        train(
                                1,
                                new RandomTokens(1),
                                _ -> {},
                                learner ->
                                        learner.parameters().stream()
                                                .filter(p ->
                                                        p.name().equals("blocks.1.att.key.weight"))
                                                .forEach(p -> p.weight().set(5, Float.NaN))))
                .isInstanceOf(TrainingException.class)
                .hasMessageContaining("step 1: ")
                .hasMessageContaining("the weight blocks.1.att.key.weight");
    }

    /// The same token all the time, and from sample `turn` on what `odd` makes of it.
    private record Monotonous(long turn, Consumer<int[]> odd) implements Samples {
        @Override
        public int length() {
            return LENGTH;
        }

        @Override
        public long count() {
            return 1000;
        }

        @Override
        public int largestToken() {
            return VOCABULARY - 1;
        }

        @Override
        public String fingerprint() {
            return "monotonous";
        }

        @Override
        public void read(long index, int[] tokens, boolean[] counts) {
            Arrays.fill(tokens, 3);
            Arrays.fill(counts, true);
            if (index >= turn) {
                odd.accept(tokens);
            }
        }

        @Override
        public void close() {}
    }

    @Test
    void aJumpOfTheLossStopsTheRunAndTheLastCheckpointStays() {
        // Two samples a step: step 61 is the first of another kind.
        Samples samples = new Monotonous(120, tokens -> Arrays.setAll(tokens, i -> 5 + i));
        try (RunFolder run = open(RunFolder.Use.NEW)) {
            assertThatThrownBy(() -> train(1, samples, inFolder(run, -1, TrainerTests::quickly)))
                    .isInstanceOf(TrainingException.class)
                    .hasMessageContaining("step 61: the loss jumped to")
                    .hasMessageContaining("the last good weights are")
                    .hasMessageContaining("step-00000060");
            assertThat(run.lastModel()).get().matches(Files::exists);
        }
    }

    @Test
    void aLossThatIsManyTimesAlmostNothingIsNoJump() {
        Samples samples = new Monotonous(120, tokens -> tokens[LENGTH] = 4);
        List<Double> losses = new ArrayList<>();
        train(
                1,
                samples,
                builder -> {
                    quickly(builder);
                    builder.observer(
                            new TrainingObserver() {
                                @Override
                                public void stepped(Step step) {
                                    losses.add(step.loss());
                                }
                            });
                });
        assertThat(losses).hasSize(64);
        assertThat(losses.get(60)).isGreaterThan(3 * losses.get(59));
    }

    private static void quickly(TrainerBuilder builder) {
        builder.steps(64)
                .learningRate(new LearningRate(3e-3, 3e-3, 0, LearningRate.Schedule.CONSTANT));
    }

    @Test
    void aCheckpointThatCannotBeWrittenIsReportedAndTheOlderOnesStay() {
        Path checkpoints = folder.resolve("run/checkpoints");
        Path aside = folder.resolve("run/aside");
        try (RunFolder run = open(RunFolder.Use.NEW)) {
            assertThatThrownBy(() ->
                            train(
                                    1,
                                    new RandomTokens(1),
                                    inFolder(
                                            run,
                                            -1,
                                            builder ->
                                                    builder.observer(
                                                            new TrainingObserver() {
                                                                @Override
                                                                public void saved(
                                                                        long step, String file) {
                                                                    replace(checkpoints, aside);
                                                                }
                                                            }))))
                    .isInstanceOf(AnserException.class)
                    .hasMessageContaining("step-00000004: the checkpoint could not be written");
        }
        assertThat(aside.resolve("step-00000002/model.safetensors")).exists();
        assertThat(aside.resolve("step-00000002/optimiser.safetensors")).exists();
    }

    /// Moves `folder` aside and puts a file in its place.
    private static void replace(Path folder, Path aside) {
        try {
            Files.writeString(
                    Files.move(folder, aside).resolveSibling("checkpoints"), "in the way");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void theWholeOfTheHeldOutDataIsEvaluated() {
        List<TrainingObserver.Evaluation> seen = new ArrayList<>();
        Samples held = new RandomTokens(9);
        train(
                1,
                new RandomTokens(1),
                builder ->
                        builder.steps(2)
                                .validation(held, 1, 3)
                                .tokensPerByte(0.5)
                                .observer(
                                        new TrainingObserver() {
                                            @Override
                                            public void evaluated(Evaluation evaluation) {
                                                seen.add(evaluation);
                                            }
                                        }));
        assertThat(seen).hasSize(2);
        int[] tokens = new int[LENGTH + 1];
        boolean[] counts = new boolean[LENGTH];
        long targets = 0;
        for (int i = 0; i < 6; i++) {
            Arrays.fill(counts, false);
            held.read(i, tokens, counts);
            for (boolean counting : counts) {
                targets += counting ? 1 : 0;
            }
        }
        TrainingObserver.Evaluation last = seen.getLast();
        assertThat(last.tokens()).isEqualTo(targets);
        assertThat(last.loss()).isBetween(1.0, 10.0);
        assertThat(last.bitsPerByte()).isCloseTo(last.loss() / Math.log(2) * 0.5, within(1e-12));
    }

    @Test
    void tokensBeyondTheVocabularyAreRefusedBeforeTheStart() {
        Samples large =
                new Samples() {
                    private final Samples samples = new RandomTokens(1);

                    @Override
                    public int length() {
                        return samples.length();
                    }

                    @Override
                    public long count() {
                        return samples.count();
                    }

                    @Override
                    public int largestToken() {
                        return VOCABULARY;
                    }

                    @Override
                    public String fingerprint() {
                        return samples.fingerprint();
                    }

                    @Override
                    public void read(long index, int[] tokens, boolean[] counts) {
                        throw new AssertionError("training has started");
                    }

                    @Override
                    public void close() {}
                };
        assertThatThrownBy(() -> train(1, large, _ -> {}))
                .hasMessageContaining("token id 17, the model a vocabulary of 17");
    }
}
