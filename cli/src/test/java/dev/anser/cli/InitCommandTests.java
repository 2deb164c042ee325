package dev.anser.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InitCommandTests {
    @TempDir Path folder;

    @Test
    void nothingIsOverwrittenWithoutForce() throws IOException {
        Path out = Files.writeString(folder.resolve("m.safetensors"), "precious");
        Run run = Run.of("init", "0.1b", out);
        assertThat(run.code()).isEqualTo(1);
        assertThat(run.err()).contains("m.safetensors", "--force");
        assertThat(out).hasContent("precious");
    }

    @Test
    void badInputIsNamed() {
        Run preset = Run.of("init", "7b", folder.resolve("m"));
        assertThat(preset.code()).isEqualTo(1);
        assertThat(preset.err())
                .contains("'7b'", "0.1b, 0.4b, 1.5b, 2.9b, 7.2b, 13.3b, rwkv4-0.1b");
        Run type = Run.of("init", "0.1b", folder.resolve("m"), "--type", "int8");
        assertThat(type.code()).isEqualTo(2);
        assertThat(type.err()).contains("int8");
        Run where = Run.of("init", "0.1b", folder.resolve("a/b"));
        assertThat(where.code()).isEqualTo(1);
        assertThat(where.err()).contains("not a folder");
    }

    @Test
    void controlCLeavesNothingBehind() {
        Interruption interruption = new Interruption();
        interruption.request();
        Run run =
                Run.on(
                        new java.io.ByteArrayOutputStream(),
                        interruption,
                        "init",
                        "0.1b",
                        folder.resolve("m"));
        assertThat(run.code()).isEqualTo(130);
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    @Tag("slow")
    void theSameSeedWritesTheSameFile() throws IOException {
        Path first = folder.resolve("a.safetensors");
        Path second = folder.resolve("b.safetensors");
        assertThat(Run.of("init", "0.1b", first, "--seed", 3, "-t", 1).code()).isZero();
        assertThat(Run.of("init", "0.1b", second, "--seed", 3, "-t", 3).code()).isZero();
        assertThat(Files.mismatch(first, second)).isEqualTo(-1);
        Run info = Run.of("info", first, "--json");
        assertThat(info.out()).contains("\"parameters\":191084544", "\"layers\":12", "\"BF16\"");
        assertThat(Run.of("init", "0.1b", second, "--seed", 4, "--force").code()).isZero();
        assertThat(Files.mismatch(first, second)).isNotEqualTo(-1);
    }
}
