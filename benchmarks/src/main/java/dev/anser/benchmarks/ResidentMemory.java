package dev.anser.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// The memory that this process holds, as Linux counts it.
final class ResidentMemory {
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final Path CLEAR = Path.of("/proc/self/clear_refs");

    private ResidentMemory() {}

    /// Bytes held now.
    static long now() throws IOException {
        return kilobytes("VmRSS:") * 1024;
    }

    /// The most bytes held at once since the start or [#forgetPeak()].
    static long peak() throws IOException {
        return kilobytes("VmHWM:") * 1024;
    }

    /// From now on [#peak()] counts anew.
    static void forgetPeak() throws IOException {
        Files.writeString(CLEAR, "5"); // proc(5): 5 sets the peak to what is held
    }

    private static long kilobytes(String field) throws IOException {
        if (!Files.exists(STATUS)) {
            throw new IOException(
                    STATUS + " is not there; this benchmark reads the memory of Linux");
        }
        for (String line : Files.readAllLines(STATUS)) {
            if (line.startsWith(field)) {
                return Long.parseLong(line.replaceAll("[^0-9]", ""));
            }
        }
        throw new IOException(STATUS + " has no line " + field);
    }
}
