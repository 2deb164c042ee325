package dev.anser.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.checkpoint.Safetensors;
import dev.anser.tensor.DType;
import dev.anser.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.SequencedMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `anser merge`, and learned states in the commands that run a model.
class MergeCommandTests {
    @TempDir Path folder;
    private Path model;
    private Path vocabulary;

    @BeforeEach
    void files() {
        Run.Reversing reversing = Run.Reversing.in(folder);
        model = reversing.model();
        vocabulary = reversing.vocabulary();
    }

    /// Writes random tensors under `names`, each with its shape.
    private Path adapter(Map<String, String> metadata, Object... namesAndShapes) {
        Path file = folder.resolve("adapter" + namesAndShapes.length + ".safetensors");
        Random random = new Random(2);
        try (Arena arena = Arena.ofConfined()) {
            SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
            for (int i = 0; i < namesAndShapes.length; i += 2) {
                Tensor tensor = Tensor.allocate(arena, DType.F32, (long[]) namesAndShapes[i + 1]);
                for (long e = 0; e < tensor.elements(); e++) {
                    tensor.set(e, (float) random.nextGaussian());
                }
                tensors.put((String) namesAndShapes[i], tensor);
            }
            Safetensors.write(file, tensors, metadata);
        }
        return file;
    }

    private Path learnedState() {
        long[] shape = {2, 16, 16};
        return adapter(
                Map.of(),
                "blocks.0.att.time_state",
                shape,
                "blocks.1.att.time_state",
                shape,
                "blocks.2.att.time_state",
                shape,
                "blocks.3.att.time_state",
                shape);
    }

    private static void succeeds(Object... arguments) {
        Run run = Run.of(arguments);
        assertThat(run.code()).as(run.err()).isZero();
    }

    private void refuses(String message, Path adapter, Object... options) {
        Path out = folder.resolve("refused.safetensors");
        Object[] arguments = new Object[4 + options.length];
        arguments[0] = "merge";
        arguments[1] = model;
        arguments[2] = adapter;
        arguments[3] = out;
        System.arraycopy(options, 0, arguments, 4, options.length);
        Run run = Run.of(arguments);
        assertThat(run.code()).isNotZero();
        assertThat(run.err()).contains(message).startsWith("anser: ");
        assertThat(out).doesNotExist();
    }

    @Test
    void aLearnedStateMergedOrGivenIsTheSameInEveryCommand() throws IOException {
        Path state = learnedState();
        Path merged = folder.resolve("merged.safetensors");
        Path a = folder.resolve("a.npy");
        Path b = folder.resolve("b.npy");
        succeeds("merge", model, state, merged);
        succeeds("logits", model, "--tokens", "5,1,10", "--state", state, "--out", a);
        succeeds("logits", merged, "--tokens", "5,1,10", "--out", b);
        assertThat(Files.mismatch(a, b)).isEqualTo(-1);
        succeeds("logits", model, "--tokens", "5,1,10", "--out", b);
        assertThat(Files.mismatch(a, b)).isNotEqualTo(-1);
        Object[] text = {"--vocab", vocabulary, "-p", "12,", "-n", "9", "--temperature", "0"};
        assertThat(generated(text, model, "--state", state)).isEqualTo(generated(text, merged));
        succeeds("bench", model, "-p", "4", "-n", "2", "-r", "1", "--state", state);
    }

    private static String generated(Object[] text, Object... model) {
        Object[] arguments = new Object[1 + model.length + text.length];
        arguments[0] = "generate";
        System.arraycopy(model, 0, arguments, 1, model.length);
        System.arraycopy(text, 0, arguments, 1 + model.length, text.length);
        Run run = Run.of(arguments);
        assertThat(run.code()).as(run.err()).isZero();
        return run.out();
    }

    @Test
    void lowRankPairsAreAddedWithTheAlphaThatIsGiven() {
        Path pairs =
                adapter(
                        Map.of(),
                        "blocks.1.att.key.lora_A",
                        new long[] {3, 32},
                        "blocks.1.att.key.lora_B",
                        new long[] {32, 3});
        Path merged = folder.resolve("merged.safetensors");
        refuses("--alpha", pairs);
        refuses("alpha of LoRA is -1.0", pairs, "--alpha", "-1");
        succeeds("merge", model, pairs, merged, "--alpha", "1.5");
        try (Checkpoint base = Checkpoints.open(model);
                Checkpoint added = Checkpoints.open(pairs);
                Checkpoint result = Checkpoints.open(merged)) {
            assertThat(result.names()).containsExactlyElementsOf(base.names());
            float[] down = added.tensor("blocks.1.att.key.lora_A").toFloats();
            float[] up = added.tensor("blocks.1.att.key.lora_B").toFloats();
            float[] before = base.tensor("blocks.1.att.key.weight").toFloats();
            float[] after = result.tensor("blocks.1.att.key.weight").toFloats();
            for (int i = 0; i < before.length; i++) {
                double sum = 0;
                for (int r = 0; r < 3; r++) {
                    sum += (double) up[i / 32 * 3 + r] * down[r * 32 + i % 32];
                }
                assertThat(Math.abs(before[i] + 0.5 * sum - after[i])).isLessThan(1e-5);
            }
            for (String name : base.names()) {
                if (!name.equals("blocks.1.att.key.weight")) {
                    assertThat(result.tensor(name).segment().mismatch(base.tensor(name).segment()))
                            .as(name)
                            .isEqualTo(-1);
                }
            }
        }
    }

    @Test
    void adaptersForOtherModelsAreRefusedBeforeAnythingIsWritten() {
        Map<String, String> alpha = Map.of("lora_alpha", "4");
        refuses(
                "without blocks.1.att.key.lora_B",
                adapter(alpha, "blocks.1.att.key.lora_A", new long[] {3, 32}));
        refuses(
                "expected [r, in] and [out, r] for blocks.1.att.key.weight",
                adapter(
                        alpha,
                        "blocks.1.att.key.lora_A",
                        new long[] {3, 33},
                        "blocks.1.att.key.lora_B",
                        new long[] {32, 3}));
        refuses(
                "has no blocks.9.att.key.weight",
                adapter(
                        alpha,
                        "blocks.9.att.key.lora_A",
                        new long[] {3, 32},
                        "blocks.9.att.key.lora_B",
                        new long[] {32, 3}));
        refuses(
                "blocks.1.att.time_state is missing",
                adapter(Map.of(), "blocks.0.att.time_state", new long[] {2, 16, 16}));
        refuses("expected an adapter", adapter(Map.of(), "other", new long[] {2}));
        refuses("has no meaning", learnedState(), "--alpha", "3");
        refuses(
                "was made for another model",
                adapter(
                        Map.of("lora_alpha", "4", "base_fingerprint", "00"),
                        "blocks.1.att.key.lora_A",
                        new long[] {3, 32},
                        "blocks.1.att.key.lora_B",
                        new long[] {32, 3}));
    }

    @Test
    void aMergeNeverOverwritesWhatItIsMadeOf() {
        Path state = learnedState();
        assertThat(Run.of("merge", model, state, model).code()).isEqualTo(2);
        assertThat(Run.of("merge", model, state, state, "--force").code()).isEqualTo(2);
        Path out = folder.resolve("out.safetensors");
        succeeds("merge", model, state, out);
        Run again = Run.of("merge", model, state, out);
        assertThat(again.code()).isEqualTo(1);
        assertThat(again.err()).contains("exists already; give --force");
        succeeds("merge", model, state, out, "--force");
    }
}
