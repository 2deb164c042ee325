package dev.anser.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/// What the operating system says about this machine and process; only Linux says it in these
/// places.
final class Machine {
    private Machine() {}

    /// The processor's name.
    static Optional<String> processor() {
        return field(Path.of("/proc/cpuinfo"), "model name");
    }

    /// Bytes of memory in this machine.
    static Optional<Long> memory() {
        return kilobytes(Path.of("/proc/meminfo"), "MemTotal");
    }

    /// Bytes of memory that a new program could take.
    static Optional<Long> availableMemory() {
        return kilobytes(Path.of("/proc/meminfo"), "MemAvailable");
    }

    /// The most bytes of memory that this process has held at once.
    static Optional<Long> peakResidentMemory() {
        return kilobytes(Path.of("/proc/self/status"), "VmHWM");
    }

    /// How many processes have wanted to run in the last minute.
    static Optional<Double> load() {
        try {
            return Optional.of(
                    Double.parseDouble(Files.readString(Path.of("/proc/loadavg")).split(" ")[0]));
        } catch (IOException | NumberFormatException e) {
            return Optional.empty();
        }
    }

    private static Optional<Long> kilobytes(Path file, String name) {
        return field(file, name)
                .filter(value -> value.matches("[0-9]{1,15} kB"))
                .map(value -> Long.parseLong(value.substring(0, value.length() - 3)) * 1024);
    }

    private static Optional<String> field(Path file, String name) {
        try (Stream<String> lines = Files.lines(file)) {
            return lines.filter(line -> line.startsWith(name))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst();
        } catch (IOException e) {
            return Optional.empty();
        }
    }
}
