package dev.anser.base;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WholeFileTests {
    @TempDir Path folder;

    @Test
    void writesWhatTheContentWrites() throws IOException {
        Path target = folder.resolve("new.txt");
        WholeFile.write(target, text("all of it"));
        assertThat(target).content().isEqualTo("all of it");
        assertThat(names()).containsExactly("new.txt");
    }

    @Test
    void replacesAnOlderAndLongerFile() throws IOException {
        Path target =
                Files.writeString(folder.resolve("old.txt"), "a longer text than the new one");
        WholeFile.write(target, text("new"));
        assertThat(target).content().isEqualTo("new");
        assertThat(names()).containsExactly("old.txt");
    }

    @Test
    void writesAnEmptyFile() {
        Path target = folder.resolve("empty");
        WholeFile.write(target, channel -> {});
        assertThat(target).isEmptyFile();
    }

    @Test
    void givesTheFileTheModeOfAnyNewFile() throws IOException {
        assumeTrue(Files.getFileStore(folder).supportsFileAttributeView("posix"));
        Path usual = Files.createFile(folder.resolve("usual"));
        Path target = folder.resolve("whole");
        WholeFile.write(target, text("x"));
        assertThat(Files.getPosixFilePermissions(target))
                .isEqualTo(Files.getPosixFilePermissions(usual));
    }

    @Test
    void keepsTheOldFileWhenTheDiskIsFullHalfWay() throws IOException {
        Path target = Files.writeString(folder.resolve("old.txt"), "old");
        assertThatExceptionOfType(AnserException.class)
                .isThrownBy(() ->
                        WholeFile.write(
                                target,
                                channel -> {
                                    text("half").writeTo(channel);
                                    throw new IOException("No space left on device");
                                }))
                .withMessage(
                        target
                                + ": could not be written (No space left on device); nothing was"
                                + " left behind");
        assertThat(target).content().isEqualTo("old");
        assertThat(names()).containsExactly("old.txt");
    }

    @Test
    void leavesNothingBehindWhenTheContentThrows() throws IOException {
        Path target = folder.resolve("new.txt");
        var thrown = new IllegalStateException("from the content");
        assertThatThrownBy(() ->
                        WholeFile.write(
                                target,
                                channel -> {
                                    text("half").writeTo(channel);
                                    throw thrown;
                                }))
                .isSameAs(thrown);
        assertThat(names()).isEmpty();
    }

    @Test
    void showsTheOldFileUntilTheNewOneIsWhole() throws IOException {
        Path target = Files.writeString(folder.resolve("old.txt"), "old");
        WholeFile.write(
                target,
                channel -> {
                    text("new").writeTo(channel);
                    assertThat(target).content().isEqualTo("old");
                });
        assertThat(target).content().isEqualTo("new");
    }

    @Test
    void takesTheLongestName() {
        Path target = folder.resolve("n".repeat(255));
        WholeFile.write(target, text("x"));
        assertThat(target).content().isEqualTo("x");
    }

    @Test
    void writesTheFileThatALinkNames() throws IOException {
        Path file = Files.writeString(folder.resolve("file"), "old");
        Path link = Files.createSymbolicLink(folder.resolve("link"), Path.of("file"));
        WholeFile.write(link, text("new"));
        assertThat(link).isSymbolicLink();
        assertThat(file).content().isEqualTo("new");
    }

    @Test
    void refusesALinkToNothing() throws IOException {
        Path link = Files.createSymbolicLink(folder.resolve("link"), Path.of("nowhere"));
        refuses(link, "it is a link to nothing; remove it first");
        assertThat(names()).containsExactly("link");
    }

    @Test
    void refusesAFolder() {
        refuses(folder, "it is a folder; give a file name");
        refuses(Path.of("/"), "it is a folder; give a file name");
        refuses(Path.of(""), "it is a folder; give a file name");
    }

    @Test
    void refusesAMissingFolder() {
        Path missing = folder.resolve("missing");
        refuses(missing.resolve("file"), missing + " is not a folder; create it first");
    }

    @Test
    void refusesADeviceAndLeavesItThere() {
        Path device = Path.of("/dev/full");
        assumeTrue(Files.exists(device));
        refuses(device, "it is not a regular file; give a file name");
        assertThat(Files.isRegularFile(device)).isFalse();
    }

    @Test
    void namesAFolderWithoutPermission() throws IOException {
        assumeTrue(!"root".equals(System.getProperty("user.name")));
        assumeTrue(folder.toFile().setWritable(false));
        Path target = folder.resolve("file");
        assertThatExceptionOfType(AnserException.class)
                .isThrownBy(() -> WholeFile.write(target, text("x")))
                .withMessage(
                        target
                                + ": could not be written (permission denied); nothing was left"
                                + " behind");
    }

    private static void refuses(Path target, String why) {
        assertThatExceptionOfType(AnserException.class)
                .isThrownBy(() -> WholeFile.write(target, text("x")))
                .withMessage(target + ": cannot be written, " + why);
    }

    private static WholeFile.Content text(String text) {
        return channel -> writeAll(channel, UTF_8.encode(text));
    }

    private static void writeAll(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    private List<String> names() {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
