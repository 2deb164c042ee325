package dev.anser.base;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/// Writes a file whole or not at all.
///
/// The content goes to a temporary file in the same folder, is forced to the disk, and takes the target's name in one
/// step. When anything fails (a full disk, an exception from the writer) the target is as it was before and the
/// temporary file is gone.
public final class WholeFile {
    /// What writes the content.
    @FunctionalInterface
    public interface Content {
        /// Writes everything to `channel`, which starts empty.
        void writeTo(FileChannel channel) throws IOException;
    }

    private WholeFile() {}

    /// Writes `target` with `content`.
    ///
    /// @throws AnserException when the file cannot be written; the message names it and why
    public static void write(Path target, Content content) {
        Path absolute = target.toAbsolutePath();
        Path folder = absolute.getParent();
        if (folder == null || !Files.isDirectory(folder)) {
            throw new AnserException(target + ": cannot be written, " + folder + " is not a folder; create it first");
        }
        if (Files.isDirectory(absolute)) {
            throw new AnserException(target + ": cannot be written, it is a folder; give a file name");
        }
        Path temporary = null;
        try {
            temporary = Files.createTempFile(folder, "." + absolute.getFileName() + "-", ".part");
            try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
                content.writeTo(channel);
                channel.force(true);
            }
            moveInto(temporary, absolute);
            temporary = null;
        } catch (IOException e) {
            throw new AnserException(
                    target + ": could not be written (" + reason(e) + "); nothing was left behind", e);
        } finally {
            if (temporary != null) {
                try {
                    Files.deleteIfExists(temporary);
                } catch (IOException ignored) {
                    temporary.toFile().deleteOnExit();
                }
            }
        }
    }

    private static void moveInto(Path temporary, Path target) throws IOException {
        try {
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (AtomicMoveNotSupportedException e) {
            Files.move(temporary, target, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    private static String reason(IOException e) {
        String message = e.getMessage();
        return message == null ? e.getClass().getSimpleName() : message;
    }
}
