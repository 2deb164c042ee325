package dev.anser.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anser.checkpoint.Npy;
import dev.anser.checkpoint.NpyArray;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogitsCommandTests {
    @TempDir Path folder;
    private Path model;
    private Path out;

    @BeforeEach
    void files() {
        model = Run.tinyModel(folder);
        out = folder.resolve("l.npy");
    }

    private float[] logits(Object... options) {
        Object[] arguments = new Object[options.length + 4];
        arguments[0] = "logits";
        arguments[1] = model;
        arguments[2] = "--out";
        arguments[3] = out;
        System.arraycopy(options, 0, arguments, 4, options.length);
        Run run = Run.of(arguments);
        assertThat(run.err()).isEmpty();
        assertThat(run.code()).isZero();
        NpyArray array = Npy.read(out);
        assertThat(array.type()).isEqualTo("f4");
        assertThat(array.shape().size(1)).isEqualTo(256);
        return array.floats();
    }

    private Path tokensFile(int... ids) throws IOException {
        String header =
                "{'descr': '<i4', 'fortran_order': False, 'shape': (" + ids.length + ",), }";
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

    @Test
    void allModesAndChunksAgree() throws IOException {
        float[] recurrent = logits("--tokens", "34,105,110,32,116", "--mode", "recurrent");
        assertThat(recurrent).hasSize(5 * 256);
        Offset<Float> close = Offset.offset(1e-5f);
        Path file = tokensFile(34, 105, 110, 32, 116);
        assertThat(logits("--tokens-file", file)).containsExactly(recurrent, close);
        assertThat(logits("--tokens-file", file, "--mode", "parallel", "--chunk", 2))
                .containsExactly(recurrent, close);
        assertThat(logits("--tokens-file", file, "-t", 1)).containsExactly(recurrent, close);
    }

    @Test
    void activationsOf8BitsChangeTheLogitsOfQuantisedWeightsALittle() {
        String[] tokens = {"--tokens", "34,105,110,32,116"};
        assertThat(logits(tokens[0], tokens[1], "--activations", "int8"))
                .isEqualTo(logits(tokens[0], tokens[1]));
        Path quantised = folder.resolve("q.bin");
        assertThat(Run.of("convert", model, quantised, "--type", "q4_0", "--force").code())
                .isZero();
        model = quantised;
        float[] exact = logits(tokens[0], tokens[1], "--activations", "f32");
        assertThat(logits(tokens[0], tokens[1])).isEqualTo(exact);
        for (String mode : new String[] {"recurrent", "parallel"}) {
            float[] rounded = logits(tokens[0], tokens[1], "--activations", "int8", "--mode", mode);
            assertThat(rounded).isNotEqualTo(exact).containsExactly(exact, Offset.offset(0.2f));
        }
    }

    @Test
    void aStateCarriesASequenceOn() {
        float[] whole = logits("--tokens", "34,105,110,32,116", "--mode", "recurrent");
        Path state = folder.resolve("s.safetensors");
        logits("--tokens", "34,105,110", "--mode", "recurrent", "--state-out", state);
        float[] rest = logits("--tokens", "32,116", "--mode", "recurrent", "--state-in", state);
        for (int i = 0; i < rest.length; i++) {
            assertThat(rest[i]).isEqualTo(whole[3 * 256 + i]);
        }
    }

    private void refused(int code, String[] messages, Object... options) throws IOException {
        Object[] arguments = new Object[options.length + 1];
        arguments[0] = "logits";
        System.arraycopy(options, 0, arguments, 1, options.length);
        byte[] before = Files.exists(out) ? Files.readAllBytes(out) : new byte[0];
        Run run = Run.of(arguments);
        assertThat(run.code()).isEqualTo(code);
        assertThat(run.err())
                .startsWith("anser: ")
                .contains(messages)
                .doesNotContain("internal error");
        byte[] after = Files.exists(out) ? Files.readAllBytes(out) : new byte[0];
        assertThat(after).isEqualTo(before);
    }

    private static String[] says(String... messages) {
        return messages;
    }

    @Test
    void badTokensLeaveNoFile() throws IOException {
        refused(1, says("256", "position 1", "0 to 255"), model, "--tokens", "1,256", "--out", out);
        refused(1, says("'x'"), model, "--tokens", "1,x", "--out", out);
        refused(1, says("'-1'"), model, "--tokens", "-1", "--out", out);
        refused(1, says("no token"), model, "--tokens", "", "--out", out);
        refused(1, says("t.npy", "300"), model, "--tokens-file", tokensFile(5, 300), "--out", out);
        refused(
                1,
                says("none.npy"),
                model,
                "--tokens-file",
                folder.resolve("none.npy"),
                "--out",
                out);
        refused(2, says("--tokens"), model, "--out", out);
        refused(
                2,
                says("mutually exclusive"),
                model,
                "--tokens",
                "1",
                "--tokens-file",
                tokensFile(1),
                "--out",
                out);
    }

    @Test
    void badOptionsLeaveNoFile() throws IOException {
        refused(2, says("--chunk", "0"), model, "--tokens", "1", "--chunk", 0, "--out", out);
        refused(
                2,
                says("--chunk", "recurrent"),
                model,
                "--tokens",
                "1",
                "--mode",
                "recurrent",
                "--chunk",
                3,
                "--out",
                out);
        refused(2, says("--mode", "fast"), model, "--tokens", "1", "--mode", "fast", "--out", out);
        refused(1, says("threads"), model, "--tokens", "1", "-t", 0, "--out", out);
        refused(2, says("--out"), model, "--tokens", "1");
        Path nowhere = folder.resolve("nowhere").resolve("l.npy");
        refused(1, says("nowhere", "not a folder"), model, "--tokens", "1", "--out", nowhere);
        refused(1, says("nowhere"), model, "--tokens", "1", "--out", out, "--state-out", nowhere);
        refused(2, says("same file"), model, "--tokens", "1", "--out", out, "--state-out", out);
        refused(2, says("model's own file"), model, "--tokens", "1", "--out", model);
    }

    @Test
    void aStateOfAnotherModelIsRefused() throws IOException {
        Path state = folder.resolve("s.safetensors");
        Run other =
                Run.of(
                        "logits",
                        Run.Reversing.in(folder).model(),
                        "--tokens",
                        "1",
                        "--out",
                        folder.resolve("o.npy"),
                        "--state-out",
                        state);
        assertThat(other.code()).isZero();
        refused(
                1,
                says("s.safetensors"),
                model,
                "--tokens",
                "1",
                "--state-in",
                state,
                "--out",
                out);
        refused(1, says("tiny.bin"), model, "--tokens", "1", "--state-in", model, "--out", out);
    }

    @Test
    void weightsThatAreNotNumbersAreNamed() throws IOException {
        byte[] bytes = Files.readAllBytes(model);
        // The file ends with the last element of head.weight, in F16.
        bytes[bytes.length - 1] = 0x7e;
        Path broken = Files.write(folder.resolve("nan.bin"), bytes);
        refused(1, says("nan.bin", "head.weight", "NaN"), broken, "--tokens", "1", "--out", out);
    }
}
