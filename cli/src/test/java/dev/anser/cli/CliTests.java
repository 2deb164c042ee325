package dev.anser.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CliTests {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "generate",
                "chat",
                "info",
                "tokenize",
                "logits",
                "bench",
                "init",
                "data",
                "data build",
                "data text",
                "data info",
                "data vocabulary",
                "pull",
                "list",
                "show",
                "rm",
                "doctor"
            })
    void everyCommandExplainsItselfWithAnExample(String command) {
        Run run = Run.of((Object[]) (command + " --help").split(" "));
        assertThat(run.code()).isZero();
        assertThat(run.out())
                .startsWith("Usage: anser " + command)
                .containsPattern("Examples?:\n  anser " + command);
        assertThat(run.err()).isEmpty();
    }

    @Test
    void versionNamesAnserJavaAndTheBackend() {
        Run run = Run.of("--version");
        assertThat(run.code()).isZero();
        assertThat(run.out().lines())
                .hasSize(3)
                .satisfiesExactly(
                        line -> assertThat(line).startsWith("anser "),
                        line -> assertThat(line).startsWith("Java 25"),
                        line -> assertThat(line).startsWith("backend "));
    }

    @Test
    void withoutACommandTheHelpGoesToStandardError() {
        Run run = Run.of();
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.bytes()).isEmpty();
        assertThat(run.err()).contains("Usage: anser", "generate", "doctor");
    }

    @Test
    void mistypedOptionsAndCommandsAreGuessed() {
        Run option = Run.of("generate", "-p", "x", "--temprature", "1");
        assertThat(option.code()).isEqualTo(2);
        assertThat(option.err())
                .startsWith("anser: Unknown option")
                .contains("did you mean '--temperature'?", "Try 'anser generate --help'");
        assertThat(option.err().lines()).hasSize(2);

        Run missing = Run.of("tokenize", "--vocba", "x");
        assertThat(missing.err()).contains("'--vocba'", "did you mean '--vocab'?");

        Run command = Run.of("generat");
        assertThat(command.code()).isEqualTo(2);
        assertThat(command.err()).contains("did you mean 'generate'?");
    }

    @Test
    void failuresTakeOneLineAndATraceOnlyOnRequest() {
        Run run = Run.of("info", "no-such-file.pth");
        assertThat(run.code()).isEqualTo(1);
        assertThat(run.err().lines()).hasSize(1);
        assertThat(run.err()).startsWith("anser: no-such-file.pth: ");

        Run debug = Run.of("info", "no-such-file.pth", "--debug");
        assertThat(debug.err()).contains("\tat dev.anser");
    }

    @Test
    void aClosedPipeEndsQuietly(@TempDir Path folder) {
        Run run = Run.on(failing("Broken pipe"), new Interruption(), "info", Run.tinyModel(folder));
        assertThat(run.code()).isZero();
        assertThat(run.err()).isEmpty();

        Run generate = Run.on(failing("Broken pipe"), new Interruption(), "generate", "-p", "x");
        assertThat(generate.code()).isZero();
        assertThat(generate.err()).isEmpty();
    }

    @Test
    void aFullDiskUnderStandardOutputFails(@TempDir Path folder) {
        Run run =
                Run.on(
                        failing("No space left on device"),
                        new Interruption(),
                        "info",
                        Run.tinyModel(folder));
        assertThat(run.code()).isEqualTo(1);
        assertThat(run.err())
                .isEqualTo(
                        "anser: standard output could not be written (No space left on device)\n");
    }

    private static OutputStream failing(String reason) {
        return new OutputStream() {
            @Override
            public void write(int value) throws IOException {
                throw new IOException(reason);
            }
        };
    }

    @Test
    void shownNumbersAreShort() {
        assertThat(Units.bytes(999)).isEqualTo("999 B");
        assertThat(Units.bytes(1_702_508)).isEqualTo("1.70 MB");
        assertThat(Units.bytes(999_999)).isEqualTo("1.00 MB");
        assertThat(Units.bytes(14_000_000_000L)).isEqualTo("14.0 GB");
        assertThat(Units.count(829_888)).isEqualTo("829888 (830 k)");
        assertThat(Units.rate(0.0123)).isEqualTo("0.012");
        assertThat(Units.rate(123.4)).isEqualTo("123");
    }
}
