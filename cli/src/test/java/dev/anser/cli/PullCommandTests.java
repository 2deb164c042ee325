package dev.anser.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `pull`, `list`, `show` and `rm` on a cache that is there; the room `hub` tests how it fills.
class PullCommandTests {
    private static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";
    private static final String CHECKSUM = "ab".repeat(32);

    @TempDir Path folder;
    private Path snapshot;
    private Map<String, String> environment;

    @BeforeEach
    void pulled() throws IOException {
        Path home = folder.resolve("models--org--tiny");
        snapshot = Files.createDirectories(home.resolve("snapshots").resolve(COMMIT));
        Path blobs = Files.createDirectories(home.resolve("blobs"));
        Files.move(Run.tinyModel(folder), blobs.resolve(CHECKSUM));
        Files.createSymbolicLink(
                snapshot.resolve("tiny.bin"), Path.of("../../blobs").resolve(CHECKSUM));
        Files.writeString(Files.createDirectories(home.resolve("refs")).resolve("main"), COMMIT);
        environment = Map.of("HF_HUB_CACHE", folder.toString(), "HF_HUB_OFFLINE", "1");
    }

    private Run run(Object... arguments) {
        return Run.in(environment, arguments);
    }

    @Test
    void whatIsThereIsPulledOffline() {
        Run run = run("pull", "org/tiny");
        assertThat(run.err()).isEmpty();
        assertThat(run.out()).isEqualTo(snapshot.resolve("tiny.bin") + "\n");
    }

    @Test
    void whatIsNotThereIsOneLine() {
        Run run = run("pull", "org/other", "--revision", "v1");
        assertThat(run.code()).isEqualTo(1);
        assertThat(run.err()).startsWith("anser: org/other at v1: was not pulled").hasLineCount(1);
        assertThat(run("pull", "nothing").err()).contains("ORG/REPO");
        assertThat(run("pull", "org/tiny", "--revision", "../x").err()).contains("revision");
        assertThat(run("show", "org/other").err()).contains("'anser pull org/other'");
        assertThat(run("rm", "org/other").code()).isEqualTo(1);
    }

    @Test
    void aModelMayBeTheNameOfWhatWasPulled() {
        assertThat(run("info", "org/tiny").out()).contains("architecture  rwkv7");
        assertThat(run("info", "org/tiny:tiny.bin").out()).contains("architecture  rwkv7");
        assertThat(run("info", "org/other").err()).contains("org/other", "no such file");
    }

    @Test
    void theListHasSizes() {
        assertThat(run("list").out()).isEqualTo("org/tiny  1.70 MB\n  tiny.bin  1.70 MB\n");
        assertThat(run("list", "--json").out())
                .startsWith(
                        "{\"repositories\":[{\"name\":\"org/tiny\",\"bytes\":1702548,\"files\":["
                                + "{\"name\":\"tiny.bin\",\"commit\":\""
                                + COMMIT
                                + "\"");
    }

    @Test
    void showTellsPathCommitAndChecksum() {
        assertThat(run("show", "org/tiny:tiny.bin").out())
                .contains(snapshot.resolve("tiny.bin").toString(), COMMIT, CHECKSUM, "1702508");
    }

    @Test
    void removingNamesWhatItFreesAndFreesIt() {
        Run dry = run("rm", "org/tiny", "--dry-run");
        assertThat(dry.out()).contains(CHECKSUM, "org/tiny: would free 1.70 MB in 3 files");
        assertThat(snapshot.resolve("tiny.bin")).exists();
        assertThat(run("rm", "org/tiny").out()).contains("org/tiny: frees 1.70 MB in 3 files");
        assertThat(folder.resolve("models--org--tiny")).doesNotExist();
        assertThat(run("list").err()).contains("nothing was pulled");
    }
}
