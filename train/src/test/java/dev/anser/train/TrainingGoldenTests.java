package dev.anser.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.checkpoint.Npy;
import dev.anser.tensor.Backends;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Loss, gradients and five optimiser steps of RWKV-4, 6 and 7a, LLaMA, GPT-NeoX and RetNet against
/// the reference code in double precision, and of ARWKV-7 against its formulas. RWKV-7 has tests of
/// its own.
class TrainingGoldenTests {
    @TempDir Path folder;

    private static Path golden(String model) {
        return Path.of("src/test/resources/golden/training-" + model);
    }

    private static int[][][] tokens(String model) {
        int[] all = Npy.read(golden(model).resolve("tokens.npy")).ints();
        int[][][] steps = new int[5][2][33];
        for (int i = 0; i < all.length; i++) {
            steps[i / 66][i / 33 % 2][i % 33] = all[i];
        }
        return steps;
    }

    private static Learner learner(String model, String backend, Threads threads) {
        try (Checkpoint checkpoint =
                Checkpoints.open(golden(model).resolve("weights_init.safetensors"))) {
            return new Learner(checkpoint, Backends.named(backend), threads);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "rwkv4,scalar,1,4.829375746315624",
        "rwkv4,vector,3,4.829375746315624",
        "rwkv6,scalar,1,4.706830447392785",
        "rwkv6,vector,3,4.706830447392785",
        "rwkv7a,scalar,1,5.828490263188177",
        "rwkv7a,vector,3,5.828490263188177",
        "llama,scalar,1,4.363635565849357",
        "llama,vector,3,4.363635565849357",
        "gptneox,scalar,1,4.517142575914249",
        "gptneox,vector,3,4.517142575914249",
        "retnet,scalar,1,4.392520837801094",
        "retnet,vector,3,4.392520837801094",
        "arwkv7,scalar,1,4.292620995377505",
        "arwkv7,vector,3,4.292620995377505",
        "arwkv7-ungated,scalar,1,4.495366527680453",
        "arwkv7-ungated,vector,3,4.495366527680453",
        "arwkv7-normed,scalar,1,4.377041748629846",
        "arwkv7-normed,vector,3,4.377041748629846",
        "arwkv7-whole,scalar,1,4.423596002482534",
        "arwkv7-whole,vector,3,4.423596002482534"
    })
    void lossAndEveryGradientEqualTheReference(
            String model, String backend, int count, double expectedLoss) {
        Path file = folder.resolve("gradients.safetensors");
        try (Threads threads = new Threads(count);
                Learner learner = learner(model, backend, threads)) {
            double loss = learner.addGradients(tokens(model)[0], false);
            assertThat(loss).isCloseTo(expectedLoss, within(1e-5));
            learner.saveGradients(file);
        }
        double worst = 0;
        try (Checkpoint expected = Checkpoints.open(golden(model).resolve("grads_ce.safetensors"));
                Checkpoint actual = Checkpoints.open(file)) {
            assertThat(actual.names()).containsExactlyInAnyOrderElementsOf(expected.names());
            for (String name : expected.names()) {
                Tensor e = expected.tensor(name);
                Tensor a = actual.tensor(name);
                double largest = 0;
                double difference = 0;
                for (long i = 0; i < e.elements(); i++) {
                    largest = Math.max(largest, Math.abs(e.get(i)));
                    difference = Math.max(difference, Math.abs(a.get(i) - e.get(i)));
                }
                worst = Math.max(worst, difference / largest);
                assertThat(difference / largest).as(name).isLessThan(1e-4);
            }
        }
        System.out.printf("%s gradients (%s): worst %.1e of the largest%n", model, backend, worst);
    }

    private Path gradients(String model, int count, boolean recompute) {
        Path file = folder.resolve("gradients-" + count + "-" + recompute + ".safetensors");
        try (Threads threads = new Threads(count);
                Learner learner = learner(model, "vector", threads)) {
            learner.recomputeBlocks(recompute);
            for (int[][] batch : tokens(model)) {
                learner.clearGradients();
                learner.addGradients(batch, true);
            }
            learner.saveGradients(file);
        }
        return file;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "rwkv4",
                "rwkv6",
                "rwkv7a",
                "llama",
                "gptneox",
                "retnet",
                "arwkv7",
                "arwkv7-ungated",
                "arwkv7-normed"
            })
    void gradientsHaveTheSameBitsOnAnyThreadsAndWhenBlocksAreComputedAgain(String model)
            throws IOException {
        Path first = gradients(model, 1, false);
        assertThat(Files.mismatch(first, gradients(model, 3, false))).isEqualTo(-1);
        assertThat(Files.mismatch(first, gradients(model, 2, true))).isEqualTo(-1);
    }

    @ParameterizedTest
    @CsvSource({
        "rwkv4,1e-18,true",
        "rwkv6,1e-18,true",
        "rwkv7a,1e-18,true",
        "llama,1e-8,false",
        "gptneox,1e-6,false",
        "retnet,1e-8,false",
        "arwkv7,1e-8,false",
        "arwkv7-ungated,1e-8,false",
        "arwkv7-normed,1e-8,false",
        "arwkv7-whole,1e-8,false"
    })
    void fiveStepsEndAtTheReferenceWeights(String model, double epsilon, boolean l2Wrap) {
        Path file = folder.resolve("weights.safetensors");
        AdamW.Settings settings = new AdamW.Settings(1e-3, 0.9, 0.99, epsilon, 0.1);
        try (Threads threads = new Threads(2);
                Learner learner = learner(model, "vector", threads);
                AdamW optimiser = new AdamW(learner.parameters(), settings, threads)) {
            for (int[][] batch : tokens(model)) {
                learner.clearGradients();
                learner.addGradients(batch, l2Wrap);
                optimiser.step();
            }
            learner.save(file);
        }
        double worst = 0;
        try (Checkpoint expected =
                        Checkpoints.open(golden(model).resolve("weights_after_5.safetensors"));
                Checkpoint actual = Checkpoints.open(file)) {
            for (String name : expected.names()) {
                float[] e = expected.tensor(name).toFloats();
                float[] a = actual.tensor(name).toFloats();
                for (int i = 0; i < e.length; i++) {
                    worst = Math.max(worst, Math.abs(a[i] - e[i]));
                }
            }
        }
        assertThat(worst).isLessThan(5e-5);
    }

    /// A chunk after the first attends to what earlier ones left, as a constant.
    @ParameterizedTest
    @ValueSource(strings = {"llama", "gptneox", "retnet"})
    void aLongDocumentIsLearnedInChunksThatHandOnTheState(String model) {
        int[][] batch = tokens(model)[0];
        try (Threads threads = new Threads(2);
                Learner learner = learner(model, "vector", threads)) {
            double whole = learner.addGradients(batch, false);
            learner.clearGradients();
            LabelledTokens all = LabelledTokens.all(batch);
            double sum = learner.addDocuments(all, 7, Carry.TRUNCATED, 1, false);
            assertThat(sum / all.targets()).isCloseTo(whole, within(2e-5));
            assertThatThrownBy(() -> learner.addDocuments(all, 7, Carry.EXACT, 1, false))
                    .isInstanceOf(TrainingException.class)
                    .hasMessageContaining("expected truncated or none");
        }
    }

    /// Its state has a gradient, as that of RWKV-7 has.
    @ParameterizedTest
    @ValueSource(strings = {"arwkv7", "arwkv7-ungated"})
    void aLongDocumentInChunksHasTheGradientOfTheWhole(String model) {
        LabelledTokens all = LabelledTokens.all(tokens(model)[0]);
        try (Threads threads = new Threads(2);
                Learner learner = learner(model, "vector", threads)) {
            double whole = learner.addDocuments(all, 32, Carry.NONE, 1, false);
            List<float[]> expected = gradients(learner);
            learner.clearGradients();
            assertThat(learner.addDocuments(all, 7, Carry.EXACT, 1, false))
                    .isCloseTo(whole, within(1e-5 * whole));
            List<float[]> actual = gradients(learner);
            for (int i = 0; i < expected.size(); i++) {
                String name = learner.parameters().get(i).name();
                float[] e = expected.get(i);
                float[] a = actual.get(i);
                double largest = 0;
                double difference = 0;
                for (int n = 0; n < e.length; n++) {
                    largest = Math.max(largest, Math.abs(e[n]));
                    difference = Math.max(difference, Math.abs(a[n] - e[n]));
                }
                assertThat(difference).as(name).isLessThan(1e-5 * largest);
            }
        }
    }

    private static List<float[]> gradients(Learner learner) {
        return learner.parameters().stream()
                .map(parameter -> parameter.gradient().toFloats())
                .toList();
    }
}
