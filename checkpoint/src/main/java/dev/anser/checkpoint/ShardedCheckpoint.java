package dev.anser.checkpoint;

import dev.anser.tensor.Tensor;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.SequencedSet;

/// One checkpoint over several files, which it owns; every name is in exactly one of them. Safe for
/// many threads.
final class ShardedCheckpoint implements Checkpoint {
    private final String source;
    private final List<Checkpoint> parts;
    private final Configuration configuration;
    private final SequencedMap<String, Checkpoint> table = new LinkedHashMap<>();
    private final SequencedMap<String, String> metadata = new LinkedHashMap<>();

    /// @param parts at least one, in the order of their names
    ShardedCheckpoint(String source, List<Checkpoint> parts, Configuration configuration) {
        this.source = source;
        this.parts = List.copyOf(parts);
        this.configuration = configuration;
        for (Checkpoint part : parts) {
            if (!part.format().equals(format())) {
                throw new ModelFormatException(
                        part.source()
                                + ": is "
                                + part.format()
                                + ", expected "
                                + format()
                                + " as the files before it");
            }
            part.metadata().forEach(metadata::putIfAbsent);
            for (String name : part.names()) {
                Checkpoint other = table.putIfAbsent(name, part);
                if (other != null) {
                    throw new ModelFormatException(
                            part.source()
                                    + ": has the tensor "
                                    + FileBytes.quote(name)
                                    + ", which is in "
                                    + other.source()
                                    + " too; download the model again");
                }
            }
        }
    }

    @Override
    public String source() {
        return source;
    }

    @Override
    public String format() {
        return parts.getFirst().format();
    }

    @Override
    public SequencedSet<String> names() {
        return Collections.unmodifiableSequencedSet(table.sequencedKeySet());
    }

    @Override
    public Entry entry(String name) {
        return part(name).entry(name);
    }

    @Override
    public Tensor tensor(String name) {
        return part(name).tensor(name);
    }

    /// The files' metadata together; where two say something else, what the first says.
    @Override
    public Map<String, String> metadata() {
        return Collections.unmodifiableMap(metadata);
    }

    @Override
    public Map<String, Object> configuration() {
        return configuration.values();
    }

    @Override
    public void close() {
        parts.forEach(Checkpoint::close);
    }

    @Override
    public String toString() {
        return source + " (" + format() + ", " + table.size() + " tensors)";
    }

    private Checkpoint part(String name) {
        Checkpoint part = table.get(name);
        if (part == null) {
            throw new ModelFormatException(
                    source + ": has no tensor named " + FileBytes.quote(name));
        }
        return part;
    }
}
