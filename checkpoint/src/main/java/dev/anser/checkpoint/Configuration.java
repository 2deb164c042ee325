package dev.anser.checkpoint;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The `config.json` beside a model's weights, read when it is first asked for. Safe for many
/// threads.
final class Configuration {
    static final String NAME = "config.json";

    private static final int MAX_BYTES = 1 << 20;

    private final @Nullable Path file;
    private @Nullable Map<String, Object> values;

    private Configuration(@Nullable Path file) {
        this.file = file;
    }

    /// That of a model without one.
    static Configuration none() {
        return new Configuration(null);
    }

    /// The one in `folder`, if there is one.
    static Configuration in(Path folder) {
        return new Configuration(folder.resolve(NAME));
    }

    /// The one in the folder of the file `weights`, if there is one.
    static Configuration beside(Path weights) {
        return new Configuration(weights.resolveSibling(NAME));
    }

    /// What it says; empty when there is none.
    synchronized Map<String, Object> values() {
        if (values == null) {
            values = file == null || !Files.isRegularFile(file) ? Map.of() : read(file);
        }
        return values;
    }

    /// What `file` says.
    static Map<String, Object> read(Path file) {
        return JsonValues.object(bytes(file, MAX_BYTES));
    }

    /// All bytes of a small text file.
    static FileBytes bytes(Path file, int maxBytes) {
        try (InputStream in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(maxBytes + 1);
            FileBytes read = new FileBytes(file.toString(), MemorySegment.ofArray(bytes));
            if (bytes.length > maxBytes) {
                throw read.error("has more than " + maxBytes + " bytes, the most that are read");
            }
            return read;
        } catch (IOException e) {
            throw Checkpoints.unreadable(file, e);
        }
    }
}
