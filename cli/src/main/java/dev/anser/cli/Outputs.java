package dev.anser.cli;

import dev.anser.base.AnserException;
import java.nio.file.Files;
import java.nio.file.Path;

/// Looks at where results will go, before the work begins.
final class Outputs {
    private Outputs() {}

    /// Checks that `file` can be written.
    ///
    /// @throws AnserException when its folder is missing or read-only, or it is a folder itself
    static void requireWritable(Path file) {
        Path folder = file.toAbsolutePath().getParent();
        if (folder == null || !Files.isDirectory(folder)) {
            throw new AnserException(
                    file + ": cannot be written, " + folder + " is not a folder; create it first");
        }
        if (Files.isDirectory(file)) {
            throw new AnserException(
                    file + ": cannot be written, it is a folder; give a file name");
        }
        if (!Files.isWritable(folder)) {
            throw new AnserException(file + ": cannot be written, " + folder + " is read-only");
        }
    }

    /// Checks that `file` can be written, and is not there yet unless `force` says to overwrite it.
    ///
    /// @throws AnserException as [#requireWritable(Path)] does, or when it exists already
    static void requireNew(Path file, boolean force) {
        requireWritable(file);
        if (Files.exists(file) && !force) {
            throw new AnserException(file + ": exists already; give --force to overwrite it");
        }
    }

    /// Whether `a` and `b` are one file, or would be.
    static boolean same(Path a, Path b) {
        return a.toAbsolutePath().normalize().equals(b.toAbsolutePath().normalize());
    }
}
