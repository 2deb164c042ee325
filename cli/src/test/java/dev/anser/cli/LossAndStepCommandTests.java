package dev.anser.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.model.Architectures;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LossAndStepCommandTests {
    @TempDir Path folder;
    private Path model;

    @BeforeEach
    void files() {
        model = Run.tinyModel(folder);
    }

    private Path tokensFile(String shape, int... ids) throws IOException {
        String header = "{'descr': '<i4', 'fortran_order': False, 'shape': (" + shape + "), }";
        header += " ".repeat(64 - (10 + header.length() + 1) % 64) + "\n";
        ByteBuffer bytes =
                ByteBuffer.allocate(10 + header.length() + 4 * ids.length)
                        .order(ByteOrder.LITTLE_ENDIAN);
        bytes.put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0});
        bytes.putShort((short) header.length()).put(header.getBytes(StandardCharsets.US_ASCII));
        for (int id : ids) {
            bytes.putInt(id);
        }
        return Files.write(folder.resolve("t.npy"), bytes.array());
    }

    private static double loss(Run run) {
        assertThat(run.err()).isEmpty();
        assertThat(run.code()).isZero();
        Matcher matcher = Pattern.compile("\\{\"loss\":([-0-9.E]+)\\}\n").matcher(run.out());
        assertThat(matcher.matches()).as(run.out()).isTrue();
        return Double.parseDouble(matcher.group(1));
    }

    @Test
    void stepsOnABatchLowerItsLoss() throws IOException {
        Path tokens = tokensFile("1, 2, 4", 'o', 'n', 'c', 'e', 't', 'i', 'm', 'e');
        Path out = folder.resolve("w.safetensors");
        Run step = Run.of("step", model, "--tokens-file", tokens, "--out", out, "--l2wrap");
        assertThat(step.code()).isZero();
        assertThat(step.err()).startsWith("step 1: loss ");
        Path batch = tokensFile("2, 4", 'o', 'n', 'c', 'e', 't', 'i', 'm', 'e');
        double before = loss(Run.of("loss", model, "--tokens-file", batch));
        double after = loss(Run.of("loss", out, "--tokens-file", batch));
        assertThat(after).isLessThan(before);
    }

    @Test
    void gradientsHaveTheOfficialNamesAndShapes() throws IOException {
        Path tokens = tokensFile("1, 3", 1, 2, 3);
        Path out = folder.resolve("g.safetensors");
        loss(Run.of("loss", model, "--tokens-file", tokens, "--gradients-out", out));
        try (Checkpoint gradients = Checkpoints.open(out);
                Checkpoint weights = Architectures.open(model)) {
            assertThat(gradients.names()).containsExactlyElementsOf(weights.names());
            for (String name : weights.names()) {
                assertThat(gradients.entry(name).shape()).isEqualTo(weights.entry(name).shape());
            }
        }
    }

    @Test
    void aTransformerGetsItsConfigurationAndKeepsThatOfOthers() throws IOException {
        Path llama = LlamaFolder.create(folder.resolve("llama"), 9);
        Path tokens = tokensFile("1, 1, 3", 1, 2, 3);
        Path made = Files.createDirectory(folder.resolve("made"));
        Path out = made.resolve("w.safetensors");
        Run run = Run.of("step", llama, "--tokens-file", tokens, "--out", out);
        assertThat(run.code()).as(run.err()).isZero();
        loss(Run.of("loss", out, "--tokens-file", tokensFile("1, 3", 1, 2, 3)));

        Files.writeString(made.resolve("config.json"), "{\"model_type\": \"gpt_neox\"}");
        assertRefused(
                1,
                "config.json: is of another model",
                "step",
                llama,
                "--tokens-file",
                tokens,
                "--out",
                made.resolve("other.safetensors"));
        assertThat(made.resolve("other.safetensors")).doesNotExist();
    }

    @Test
    void wrongInputIsRefusedInOneLineAndWritesNothing() throws IOException {
        Path out = folder.resolve("w.safetensors");
        Path flat = tokensFile("3,", 1, 2, 3);
        assertRefused(1, "expected token ids [B, T + 1]", "loss", model, "--tokens-file", flat);
        assertRefused(
                1,
                "expected token ids [S, B, T + 1]",
                "step",
                model,
                "--tokens-file",
                flat,
                "--out",
                out);
        Path tokens = tokensFile("1, 1, 3", 1, 2, 256);
        assertRefused(
                1,
                "token id 256 at position 2",
                "step",
                model,
                "--tokens-file",
                tokens,
                "--out",
                out);
        Path good = tokensFile("1, 1, 3", 1, 2, 3);
        assertRefused(
                1,
                "the learning rate is -1.0; expected above 0",
                "step",
                model,
                "--tokens-file",
                good,
                "--out",
                out,
                "--lr",
                "-1");
        assertRefused(
                2,
                "expected two, as in 0.9,0.99",
                "step",
                model,
                "--tokens-file",
                good,
                "--out",
                out,
                "--betas",
                "0.9");
        assertRefused(
                2, "the model's own file", "step", model, "--tokens-file", good, "--out", model);
        assertThat(out).doesNotExist();
    }

    private static void assertRefused(int code, String message, Object... arguments) {
        Run run = Run.of(arguments);
        assertThat(run.code()).isEqualTo(code);
        assertThat(run.err()).startsWith("anser: ").contains(message).doesNotContain("\tat ");
        assertThat(run.out()).isEmpty();
    }
}
