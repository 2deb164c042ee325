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
import java.util.SequencedMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConvertCommandTests {
    @TempDir Path folder;
    private Path model;

    @BeforeEach
    void model() {
        model = Run.Reversing.in(folder).model();
    }

    @Test
    void matricesChangeTheirTypeAndNothingElse() {
        Path out = folder.resolve("out.safetensors");
        Run run = Run.of("convert", model, out, "--type", "f16");
        assertThat(run.code()).as(run.err()).isZero();
        try (Checkpoint before = Checkpoints.open(model);
                Checkpoint after = Checkpoints.open(out)) {
            assertThat(after.names()).containsExactlyElementsOf(before.names());
            for (String name : before.names()) {
                Tensor from = before.tensor(name);
                Tensor to = after.tensor(name);
                assertThat(to.shape()).isEqualTo(from.shape());
                boolean matrix = to.dtype() == DType.F16;
                assertThat(matrix || to.dtype() == from.dtype()).isTrue();
                for (long i = 0; i < from.elements(); i++) {
                    float value = from.get(i);
                    assertThat(to.get(i))
                            .isEqualTo(
                                    matrix
                                            ? Float.float16ToFloat(Float.floatToFloat16(value))
                                            : value);
                }
            }
            assertThat(after.entry("emb.weight").dtype()).isEqualTo(DType.F16);
            assertThat(after.entry("blocks.0.att.w0").dtype()).isEqualTo(DType.F32);
        }
    }

    @Test
    void aWeightThatTheTypeCannotHoldIsNamedAndNothingIsWritten() {
        Path big = folder.resolve("big.safetensors");
        try (Arena arena = Arena.ofConfined()) {
            Tensor tensor = Tensor.allocate(arena, DType.F32, 2, 2);
            tensor.set(3, 70000);
            SequencedMap<String, Tensor> tensors = new LinkedHashMap<>(Map.of("w", tensor));
            Safetensors.write(big, tensors, Map.of());
        }
        Path out = folder.resolve("out.safetensors");
        Run run = Run.of("convert", big, out, "--type", "f16");
        assertThat(run.code()).isEqualTo(1);
        assertThat(run.err())
                .contains("'w'")
                .contains("70000.0")
                .contains("F16")
                .contains("--type");
        assertThat(out).doesNotExist();
        assertThat(Run.of("convert", big, out).code()).isZero();
    }

    @Test
    void matricesThatDoNotFitTheBlocksOfTheirTypeAreSaid() {
        Path out = folder.resolve("out.gguf");
        Run run = Run.of("convert", model, out, "--type", "q4_k");
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.err()).contains("no whole number of blocks of q4_k", "they become q8_0");
        Run fits = Run.of("convert", model, out, "--type", "q4_0", "--force");
        assertThat(fits.code()).as(fits.err()).isZero();
        assertThat(fits.err()).doesNotContain("blocks of");
    }

    @Test
    void everyFormatKeepsTheModelBitForBit() {
        Path before = model;
        for (String name : new String[] {"a.gguf", "b.bin", "c.pth", "d.safetensors"}) {
            Path after = folder.resolve(name);
            Run run = Run.of("convert", before, after, "--verify");
            assertThat(run.code()).as(run.err()).isZero();
            assertThat(run.out()).contains("64 of 64");
            before = after;
        }
        try (Checkpoint first = Checkpoints.open(model);
                Checkpoint last = Checkpoints.open(before)) {
            for (String name : last.names()) {
                Tensor expected = first.tensor(name);
                Tensor actual = last.tensor(name);
                assertThat(actual.toString()).as(name).isEqualTo(expected.toString());
                assertThat(actual.segment().mismatch(expected.segment())).as(name).isEqualTo(-1);
            }
        }
    }

    @Test
    void aQuantisedFileRunsAndIsSmaller() throws IOException {
        Path out = folder.resolve("out.gguf");
        Run run = Run.of("convert", model, out, "--type", "q8_0", "--verify");
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out()).contains("largest logit difference");
        assertThat(Run.of("info", out).out()).contains("q8_0");
    }

    @Test
    void aModelThatNeedsItsConfigurationIsWrittenAsAFolder() throws IOException {
        Path llama = LlamaFolder.create(folder.resolve("llama"), 8);
        Run lost = Run.of("convert", llama, folder.resolve("out.safetensors"));
        assertThat(lost.code()).isEqualTo(1);
        assertThat(lost.err()).contains("its configuration").contains("--force");
        Path gguf = folder.resolve("llama.gguf");
        assertThat(Run.of("convert", llama, gguf, "--verify").out()).contains("64 of 64");
        Run back = Run.of("convert", gguf, folder.resolve("again"), "--verify");
        assertThat(back.code()).as(back.err()).isZero();
        assertThat(back.out()).contains("difference 0.00");
    }

    @Test
    void whatAFolderOfFlashLinearAttentionCannotSayIsNamed() {
        // Heads of 16 channels, whose groups are normalised otherwise there.
        assertThat(Run.of("convert", model, folder.resolve("rwkv")).err())
                .contains("the epsilon of the group normalisation")
                .contains("--force");
    }

    @Test
    void anRwkv6BecomesAnRwkv7ToBeginWithOnlyByForce() {
        Path old =
                Path.of(
                        "../train/src/test/resources/golden/training-rwkv6/weights_init.safetensors");
        Path out = folder.resolve("rwkv7.pth");
        Run asked = Run.of("convert", old, out, "--to", "rwkv7");
        assertThat(asked.code()).isEqualTo(1);
        assertThat(asked.err())
                .contains("loses blocks.#.att.time_faaaa")
                .contains("close with blocks.#.att.w1")
                .contains("anew with blocks.#.att.x_a")
                .contains("--force");
        assertThat(out).doesNotExist();
        Run forced = Run.of("convert", old, out, "--to", "rwkv7", "--force");
        assertThat(forced.code()).as(forced.err()).isZero();
        assertThat(Run.of("info", out).out()).contains("rwkv7 (version 7.0)");
        assertThat(Run.of("convert", model, out, "--to", "rwkv7", "--force").err())
                .contains("expected RWKV-6");
        Run verified = Run.of("convert", old, out, "--to", "rwkv7", "--verify");
        assertThat(verified.code()).isEqualTo(2);
        assertThat(verified.err()).contains("--to makes another model");
        Run unknown = Run.of("convert", old, out, "--to", "rwkv8");
        assertThat(unknown.code()).isEqualTo(2);
        assertThat(unknown.err()).contains("expected rwkv7");
    }

    @Test
    void aTypeThatTheFormatLacksIsRefused() {
        Run run = Run.of("convert", model, folder.resolve("out.pth"), "--type", "q4_0");
        assertThat(run.code()).isEqualTo(1);
        assertThat(run.err()).contains("Q4_0").contains(".gguf");
        assertThat(Run.of("convert", model, folder.resolve("out.xyz")).err())
                .contains(".safetensors");
        assertThat(Run.of("convert", model, folder.resolve("out.st"), "--type", "f32").err())
                .contains("F16")
                .contains("leave --type out");
    }

    @Test
    void aFileIsOverwrittenOnlyByForceAndNeverTheSource() throws IOException {
        Path out = Files.writeString(folder.resolve("out.safetensors"), "mine");
        assertThat(Run.of("convert", model, out).err()).contains("exists already");
        assertThat(out).hasContent("mine");
        assertThat(Run.of("convert", model, model).code()).isEqualTo(2);
        assertThat(Run.of("convert", model, out, "--force").code()).isZero();
    }
}
