package dev.anser.checkpoint;

import dev.anser.base.AnserException;
import dev.anser.base.WholeFile;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/// The `config.json` that a model's weights need beside them, ready to be written. A model that
/// needs none has an empty one, which is never written.
///
/// ```java
/// ConfigurationFile configuration = new ConfigurationFile(checkpoint.configuration());
/// configuration.requireRoom(file);
/// Safetensors.write(file, tensors, metadata);
/// configuration.write(file);
/// ```
public final class ConfigurationFile {
    private final boolean needed;
    private final byte[] json;

    /// What [Checkpoint#configuration()] says: `String`, `Number`, `Boolean`, `List` and `Map`.
    ///
    /// @throws AnserException when JSON cannot say one of the values
    public ConfigurationFile(Map<String, Object> configuration) {
        needed = !configuration.isEmpty();
        json =
                JsonWriter.write(Path.of(Configuration.NAME), configuration)
                        .getBytes(StandardCharsets.UTF_8);
    }

    /// Checks, before the work for `weights` begins, that no `config.json` of another model stands
    /// in their folder.
    ///
    /// @throws AnserException when one does
    public void requireRoom(Path weights) {
        Path file = beside(weights);
        if (needed && Files.exists(file) && !isIn(file)) {
            throw new AnserException(
                    file
                            + ": is of another model, and "
                            + weights.getFileName()
                            + " needs a config.json of its own; give it another folder");
        }
    }

    /// Writes it beside `weights`, whole or not at all. A file that says the same stays as it is.
    ///
    /// @throws AnserException when it cannot be written
    public void write(Path weights) {
        Path file = beside(weights);
        if (needed && !isIn(file)) {
            WholeFile.write(file, channel -> Safetensors.writeAll(channel, ByteBuffer.wrap(json)));
        }
    }

    private static Path beside(Path weights) {
        return weights.resolveSibling(Configuration.NAME);
    }

    private boolean isIn(Path file) {
        if (!Files.isRegularFile(file)) {
            return false;
        }
        FileBytes own = new FileBytes(Configuration.NAME, MemorySegment.ofArray(json));
        try {
            return Configuration.read(file).equals(JsonValues.object(own));
        } catch (ModelFormatException _) {
            return false;
        }
    }
}
