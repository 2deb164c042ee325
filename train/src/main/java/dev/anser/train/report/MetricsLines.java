package dev.anser.train.report;

import dev.anser.train.TrainingException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/// Reads the lines of a metrics file, however the process that wrote it ended.
///
/// A line ends with a line feed. The last one may be torn (without its end, or broken), which is
/// what a kill leaves; a broken line with another one after it is an error.
final class MetricsLines {
    /// Who is handed the lines.
    @FunctionalInterface
    interface Reader {
        /// Takes a line.
        ///
        /// @return whether to go on
        boolean line(MetricsLine line) throws MetricsLine.Malformed;
    }

    /// Longer lines are none of ours.
    private static final int LONGEST = 16 << 20;

    private final Path file;
    private final Reader reader;
    private byte[] line = new byte[4096];
    private int length;
    private long number;
    private long offset;
    private boolean going = true;
    private String broken = "";

    private MetricsLines(Path file, Reader reader) {
        this.file = file;
        this.reader = reader;
    }

    /// Reads `file` from its start.
    ///
    /// @return how many bytes there are before the line at which the reader stopped, before a torn
    ///   last line, or in the file when there is neither
    static long read(Path file, Reader reader) {
        MetricsLines lines = new MetricsLines(file, reader);
        try (InputStream in = Files.newInputStream(file)) {
            byte[] buffer = new byte[1 << 16];
            for (int n = in.read(buffer); n >= 0 && lines.going; n = in.read(buffer)) {
                lines.take(buffer, n);
            }
        } catch (IOException e) {
            throw failure(file, "the metrics cannot be read", e);
        }
        return lines.offset;
    }

    private void take(byte[] buffer, int n) {
        int from = 0;
        for (int i = 0; i < n && going; i++) {
            if (buffer[i] == '\n') {
                append(buffer, from, i);
                from = i + 1;
                end();
            }
        }
        if (going) {
            append(buffer, from, n);
        }
    }

    private void append(byte[] buffer, int from, int to) {
        if (!broken.isEmpty() && to > from) {
            throw new TrainingException(
                    "%s: line %d is none of a metrics file, %s; delete it and what follows"
                            .formatted(file, number, broken));
        }
        int count = to - from;
        if (length + count > LONGEST) {
            throw new TrainingException(
                    "%s: line %d is longer than %d bytes; this is no metrics file"
                            .formatted(file, number + 1, LONGEST));
        }
        if (length + count > line.length) {
            line = Arrays.copyOf(line, Math.max(length + count, 2 * line.length));
        }
        System.arraycopy(buffer, from, line, length, count);
        length += count;
    }

    private void end() {
        number++;
        try {
            MetricsLine parsed = MetricsLine.parse(line, length);
            going = reader.line(parsed);
            if (going) {
                offset += length + 1;
            }
        } catch (MetricsLine.Malformed e) {
            broken = String.valueOf(e.getMessage());
        }
        length = 0;
    }

    /// An error of the file system, in one line.
    static TrainingException failure(Path file, String what, IOException e) {
        String reason = e instanceof FileSystemException f ? f.getReason() : e.getMessage();
        return new TrainingException(
                "%s: %s (%s)"
                        .formatted(
                                file, what, reason == null ? e.getClass().getSimpleName() : reason),
                e);
    }
}
