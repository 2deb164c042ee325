package dev.anser.base;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/// Writes a file whole or not at all.
///
/// The content goes to a temporary file in the same folder, is forced to the disk, and takes the
/// target's name in one step. When anything fails (a full disk, an exception from the writer) the
/// target is as it was before and the temporary file is gone.
public final class WholeFile {
    /// What writes the content.
    @FunctionalInterface
    public interface Content {
        /// Writes everything to `channel`, which starts empty.
        void writeTo(FileChannel channel) throws IOException;
    }

    private WholeFile() {}

    /// Writes `target` with `content`. A symbolic link stays one: the file that it names is
    /// written.
    ///
    /// An exception that `content` throws, other than an `IOException`, comes out as it is.
    ///
    /// @throws AnserException when the file cannot be written; the message names it and why
    public static void write(Path target, Content content) {
        Path file = resolve(target);
        // A name of its own, not made from the target's, which may be as long as names can be.
        Path temporary = file.resolveSibling(".anser-" + UUID.randomUUID() + ".part");
        boolean moved = false;
        try {
            try (FileChannel channel =
                    FileChannel.open(
                            temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                content.writeTo(channel);
                channel.force(true);
            }
            move(temporary, file);
            moved = true;
        } catch (IOException e) {
            throw new AnserException(
                    target + ": could not be written (" + reason(e) + "); nothing was left behind",
                    e);
        } finally {
            if (!moved) {
                delete(temporary);
            }
        }
    }

    private static Path resolve(Path target) {
        Path file = target.toAbsolutePath();
        if (Files.isSymbolicLink(file)) {
            try {
                file = file.toRealPath();
            } catch (IOException e) {
                throw new AnserException(
                        target + ": cannot be written, it is a link to nothing; remove it first",
                        e);
            }
        }
        Path folder = file.getParent();
        if (folder == null || Files.isDirectory(file)) {
            throw new AnserException(
                    target + ": cannot be written, it is a folder; give a file name");
        }
        if (!Files.isDirectory(folder)) {
            throw new AnserException(
                    "%s: cannot be written, %s is not a folder; create it first"
                            .formatted(target, folder));
        }
        // Taking the name of a device or a pipe would remove it.
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            throw new AnserException(
                    target + ": cannot be written, it is not a regular file; give a file name");
        }
        return file;
    }

    private static void move(Path temporary, Path file) throws IOException {
        try {
            Files.move(
                    temporary,
                    file,
                    StandardCopyOption.ATOMIC_MOVE,
                    StandardCopyOption.REPLACE_EXISTING);
        } catch (AtomicMoveNotSupportedException e) {
            Files.move(temporary, file, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    private static void delete(Path temporary) {
        try {
            Files.deleteIfExists(temporary);
        } catch (IOException e) {
            temporary.toFile().deleteOnExit();
        }
    }

    private static String reason(IOException e) {
        if (e instanceof AccessDeniedException) {
            return "permission denied";
        }
        // Its message starts with the name of the temporary file, which says nothing to a reader.
        String reason = e instanceof FileSystemException f ? f.getReason() : e.getMessage();
        return reason == null ? e.getClass().getSimpleName() : reason;
    }
}
