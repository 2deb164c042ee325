package dev.anser.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.checkpoint.Npy;
import dev.anser.tensor.Backend;
import dev.anser.tensor.Backends;
import dev.anser.tensor.Precision;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Loss, gradients and five optimiser steps against the official code in double precision.
class Rwkv7TrainingGoldenTests {
    private static final Path FOLDER = Path.of("src/test/resources/golden/training-rwkv7");

    @TempDir Path folder;

    private static int[][][] tokens() {
        int[] all = Npy.read(FOLDER.resolve("tokens.npy")).ints();
        int[][][] steps = new int[5][2][33];
        for (int i = 0; i < all.length; i++) {
            steps[i / 66][i / 33 % 2][i % 33] = all[i];
        }
        return steps;
    }

    private static Learner learner(String backend, Threads threads) {
        Optional<String> reason =
                Backends.all().stream()
                        .filter(b -> b.name().equals(backend))
                        .findFirst()
                        .flatMap(Backend::unavailable);
        assumeTrue(reason.isEmpty(), () -> reason.orElse(""));
        try (Checkpoint checkpoint = Checkpoints.open(FOLDER.resolve("weights_init.safetensors"))) {
            return new Learner(checkpoint, Backends.named(backend), threads);
        }
    }

    private static double largest(Tensor tensor) {
        double largest = 0;
        for (float value : tensor.toFloats()) {
            largest = Math.max(largest, Math.abs(value));
        }
        return largest;
    }

    private static double largestDifference(Tensor a, Tensor b) {
        assertThat(a.shape()).isEqualTo(b.shape());
        double largest = 0;
        for (long i = 0; i < a.elements(); i++) {
            largest = Math.max(largest, Math.abs(a.get(i) - b.get(i)));
        }
        return largest;
    }

    @ParameterizedTest
    @CsvSource({"scalar,1", "vector,1", "vector,2", "vector,3", "onednn,1", "onednn,2"})
    void lossAndEveryGradientEqualTheOfficialOnes(String backend, int count) {
        Path file = folder.resolve("gradients.safetensors");
        try (Threads threads = new Threads(count);
                Learner learner = learner(backend, threads)) {
            double loss = learner.addGradients(tokens()[0], false);
            assertThat(Math.abs(loss - 4.992966025525556)).isLessThan(1e-5);
            learner.saveGradients(file);
        }
        double worst = 0;
        try (Checkpoint expected = Checkpoints.open(FOLDER.resolve("grads_ce.safetensors"));
                Checkpoint actual = Checkpoints.open(file)) {
            for (String name : expected.names()) {
                Tensor tensor = expected.tensor(name);
                double difference = largestDifference(actual.tensor(name), tensor);
                double scale = Math.max(largest(tensor), 1e-30);
                worst = Math.max(worst, difference / scale);
                assertThat(difference / scale).as(name).isLessThan(1e-4);
            }
        }
        System.out.printf(
                "gradients (%s, %d threads): worst %.1e of the largest%n", backend, count, worst);
    }

    private Path gradients(String name, boolean recompute, Precision precision) {
        Path file = folder.resolve(name);
        try (Threads threads = new Threads(2);
                Learner learner = learner("vector", threads)) {
            learner.recomputeBlocks(recompute);
            learner.precision(precision);
            for (int[][] batch : tokens()) { // later passes use the memory of earlier ones again
                learner.clearGradients();
                learner.addGradients(batch, true);
            }
            learner.saveGradients(file);
        }
        return file;
    }

    @Test
    void gradientsHaveTheSameBitsWhenBlocksAreComputedAgain() throws IOException {
        Path kept = gradients("kept.safetensors", false, Precision.F32);
        Path again = gradients("again.safetensors", true, Precision.F32);
        assertThat(Files.mismatch(kept, again)).isEqualTo(-1);
    }

    /// A bfloat16 has 8 bits: a rounded operand is off by 2^-9 of its size at most, 2e-3, and a
    /// chain of products by a few times that. Not so where r · k nearly cancels at a first token:
    /// group normalisation then divides by almost nothing, and the gradients before it may change
    /// by as much as they are (the worst tensor by 0.04 to 0.7 of its largest gradient, from batch
    /// to batch). So it is the median tensor that must be near: 0.012 to 0.035.
    @Test
    void roundedProductsStayNearTheGradients() {
        try (Checkpoint exact =
                        Checkpoints.open(gradients("exact.safetensors", false, Precision.F32));
                Checkpoint rounded =
                        Checkpoints.open(gradients("rounded.safetensors", true, Precision.BF16))) {
            double[] differences =
                    exact.names().stream()
                            .filter(name -> largest(exact.tensor(name)) > 0)
                            .mapToDouble(name ->
                                    largestDifference(rounded.tensor(name), exact.tensor(name))
                                            / largest(exact.tensor(name)))
                            .sorted()
                            .toArray();
            double median = differences[differences.length / 2];
            System.out.printf("gradients with bf16 products: median %.1e of the largest%n", median);
            assertThat(median).isBetween(1e-4, 5e-2);
        }
    }

    @ParameterizedTest
    @CsvSource({"scalar,1", "vector,2", "onednn,2"})
    void theWrapOfTheLargestLogitEqualsTheOfficialOne(String backend, int count) {
        Path file = folder.resolve("gradients.safetensors");
        try (Threads threads = new Threads(count);
                Learner learner = learner(backend, threads)) {
            learner.addGradients(tokens()[0], true);
            learner.saveGradients(file);
        }
        try (Checkpoint expected =
                        Checkpoints.open(FOLDER.resolve("grads_l2wrap_subset.safetensors"));
                Checkpoint actual = Checkpoints.open(file)) {
            for (String name : expected.names()) {
                Tensor tensor = expected.tensor(name);
                assertThat(largestDifference(actual.tensor(name), tensor) / largest(tensor))
                        .as(name)
                        .isLessThan(1e-4);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"scalar,1", "vector,2", "onednn,2"})
    void fiveStepsEndAtTheOfficialWeights(String backend, int count) {
        Path file = folder.resolve("weights.safetensors");
        AdamW.Settings settings = new AdamW.Settings(1e-3, 0.9, 0.99, 1e-18, 0.1);
        try (Threads threads = new Threads(count);
                Learner learner = learner(backend, threads);
                AdamW optimiser = new AdamW(learner.parameters(), settings, threads)) {
            for (int[][] batch : tokens()) {
                learner.clearGradients();
                learner.addGradients(batch, true);
                optimiser.step();
            }
            learner.save(file);
        }
        long elements = 0;
        long off = 0;
        try (Checkpoint expected = Checkpoints.open(FOLDER.resolve("weights_after_5.safetensors"));
                Checkpoint actual = Checkpoints.open(file)) {
            assertThat(actual.names()).containsExactlyInAnyOrderElementsOf(expected.names());
            for (String name : expected.names()) {
                float[] a = actual.tensor(name).toFloats();
                float[] e = expected.tensor(name).toFloats();
                elements += e.length;
                for (int i = 0; i < e.length; i++) {
                    off += Math.abs(a[i] - e[i]) > 5e-5 ? 1 : 0;
                }
            }
        }
        // An element whose gradient is rounding alone moves by the learning rate either way.
        assertThat(off).isLessThanOrEqualTo(elements / 10_000);
    }
}
