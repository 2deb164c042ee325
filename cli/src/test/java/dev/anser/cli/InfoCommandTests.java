package dev.anser.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InfoCommandTests {
    @TempDir Path folder;

    @Test
    void jsonTellsEverything() {
        Run run = Run.of("info", Run.tinyModel(folder), "--json");
        assertThat(run.code()).isZero();
        assertThat(run.out())
                .isEqualTo(
                        "{\"architecture\":\"rwkv7\",\"version\":\"7.0\",\"layers\":12,\"width\":64,"
                                + "\"heads\":1,\"headSize\":64,\"feedForward\":256,\"vocabulary\":256,"
                                + "\"parameters\":829888,\"dtypes\":{"
                                + "\"F32\":{\"tensors\":171,\"elements\":14784,\"bytes\":59136},"
                                + "\"F16\":{\"tensors\":168,\"elements\":815104,\"bytes\":1630208}},"
                                + "\"stateBytes\":202752,\"stateBytesPerToken\":0,"
                                + "\"format\":\"rwkv.cpp\",\"fileBytes\":1702508}\n");
    }

    @Test
    void theTableIsForPeople() {
        Run run = Run.of("info", Run.Reversing.in(folder).model());
        assertThat(run.out())
                .contains("architecture  rwkv7", "layers        4", "heads         2 of 16", "pth");
    }

    @Test
    void whatIsNoModelIsNamed() throws IOException {
        Run missing = Run.of("info", folder.resolve("none.pth"));
        assertThat(missing.code()).isEqualTo(1);
        assertThat(missing.err()).contains("none.pth", "no such file");

        Run directory = Run.of("info", folder);
        assertThat(directory.code()).isEqualTo(1);
        assertThat(directory.err()).contains(folder.toString(), "folder");

        byte[] whole = Files.readAllBytes(Run.tinyModel(folder));
        Path cut = Files.write(folder.resolve("cut.bin"), Arrays.copyOf(whole, 1_000_000));
        Run truncated = Run.of("info", cut);
        assertThat(truncated.code()).isEqualTo(1);
        assertThat(truncated.err().lines()).hasSize(1);
        assertThat(truncated.err()).contains("cut.bin");

        Run empty = Run.of("info", Files.createFile(folder.resolve("empty.pth")));
        assertThat(empty.code()).isEqualTo(1);
        assertThat(empty.err()).contains("empty.pth", "empty");

        Run none = Run.of("info");
        assertThat(none.code()).isEqualTo(2);
        assertThat(none.err()).contains("MODEL");
    }
}
