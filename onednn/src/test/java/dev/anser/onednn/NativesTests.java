package dev.anser.onednn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.anser.base.AnserException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Which files a platform needs, and how they come out of the jar.
class NativesTests {
    @TempDir Path cache;

    @Test
    void platformsAreNamedAsTheJarsAre() {
        assertThat(Platform.of("Linux", "amd64").name()).isEqualTo("linux-x86_64");
        assertThat(Platform.of("Linux", "aarch64").name()).isEqualTo("linux-arm64");
        assertThat(Platform.of("Mac OS X", "aarch64").name()).isEqualTo("macosx-arm64");
        assertThat(Platform.of("Mac OS X", "x86_64").openMp()).isEqualTo("libiomp5.dylib");
        assertThat(Platform.of("Windows 11", "amd64").library()).isEqualTo("dnnl.dll");
    }

    @Test
    void aMachineWithoutALibraryIsToldSo() {
        assertThatThrownBy(() -> Natives.unpacked(Platform.of("Plan 9", "mips"), cache))
                .isInstanceOf(AnserException.class)
                .hasMessageContaining("there is no oneDNN for plan 9-mips")
                .hasMessageContaining("ANSER_BACKEND=vector");
    }

    @Test
    void aCacheThatCannotBeWrittenIsNamed() throws IOException {
        assumeNatives();
        Path file = Files.createFile(cache.resolve("file"));
        assertThatThrownBy(() -> Natives.unpacked(Platform.here(), file))
                .isInstanceOf(AnserException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining("XDG_CACHE_HOME");
    }

    @Test
    void aDamagedCopyIsReplaced() throws IOException {
        assumeNatives();
        // The smallest file only: the library itself is large.
        Platform here = Platform.here();
        Platform small = new Platform(here.name(), List.of(here.openMp()), here.openMp());
        Path file = Natives.unpacked(small, cache).resolve(here.openMp());
        byte[] whole = Files.readAllBytes(file);
        byte[] damaged = whole.clone();
        damaged[damaged.length / 2] ^= 1;
        Files.write(file, damaged);
        Natives.unpacked(small, cache);
        assertThat(Files.readAllBytes(file)).isEqualTo(whole);
        Files.write(file, List.of("short"));
        Natives.unpacked(small, cache);
        assertThat(Files.readAllBytes(file)).isEqualTo(whole);
        try (var files = Files.list(file.getParent())) {
            assertThat(files).hasSize(1);
        }
    }

    private static void assumeNatives() {
        OneDnnBackend backend = new OneDnnBackend();
        assumeTrue(
                backend.unavailable().isEmpty()
                        && Platform.here().files().contains(Platform.here().openMp()),
                () -> "no natives here: " + backend.unavailable().orElse(""));
    }
}
