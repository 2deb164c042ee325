package dev.anser.checkpoint;

import dev.anser.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;
import java.util.SequencedSet;
import org.jspecify.annotations.Nullable;

/// Another checkpoint's tensors under other names and in other forms, each made when it is asked
/// for. Owns the other one: closing the view closes it. Safe for many threads.
public final class CheckpointView implements Checkpoint {
    /// Makes one tensor of a view.
    public interface Maker {
        /// The tensor that the view's entry promises: one of `source`, or a copy in `arena`, which
        /// lives as long as the view.
        Tensor make(Checkpoint source, Arena arena);
    }

    private record Made(Entry entry, Maker maker) {}

    private final Checkpoint source;
    private final SequencedMap<String, Made> table;
    private final Map<String, Object> values;
    private final Map<String, String> metadata;
    private final @Nullable Map<String, Object> configuration;
    private final Arena arena = Arena.ofShared();
    private final Map<String, Tensor> opened = new HashMap<>();
    private boolean closed;

    private CheckpointView(Builder builder) {
        source = builder.source;
        table = new LinkedHashMap<>(builder.table);
        values = builder.values;
        metadata = Map.copyOf(builder.metadata);
        configuration = builder.configuration;
    }

    /// Starts a view of `source` without tensors, with all that it says beside them.
    public static Builder of(Checkpoint source) {
        return new Builder(source);
    }

    /// Collects the tensors of a view.
    public static final class Builder {
        private final Checkpoint source;
        private final SequencedMap<String, Made> table = new LinkedHashMap<>();
        private Map<String, Object> values;
        private Map<String, String> metadata;
        private @Nullable Map<String, Object> configuration;

        private Builder(Checkpoint source) {
            this.source = source;
            this.values = source.values();
            this.metadata = source.metadata();
        }

        /// Adds a tensor.
        ///
        /// @throws ModelFormatException when there is one of that name
        public Builder add(Entry entry, Maker maker) {
            if (table.putIfAbsent(entry.name(), new Made(entry, maker)) != null) {
                throw new ModelFormatException(
                        source.source()
                                + ": two of its tensors are "
                                + FileBytes.quote(entry.name())
                                + " of the model");
            }
            return this;
        }

        /// Adds the tensor `name` of the source as it is.
        public Builder keep(String name) {
            return add(source.entry(name), (from, _) -> from.tensor(name));
        }

        /// Replaces the typed metadata; the map is copied, in its order.
        public Builder values(Map<String, Object> values) {
            this.values = copy(values);
            return this;
        }

        /// Replaces the metadata.
        public Builder metadata(Map<String, String> metadata) {
            this.metadata = metadata;
            return this;
        }

        /// Replaces the configuration; the map is copied, in its order.
        public Builder configuration(Map<String, Object> configuration) {
            this.configuration = copy(configuration);
            return this;
        }

        /// The view.
        public CheckpointView build() {
            return new CheckpointView(this);
        }

        private static Map<String, Object> copy(Map<String, Object> map) {
            return Collections.unmodifiableMap(new LinkedHashMap<>(map));
        }
    }

    @Override
    public String source() {
        return source.source();
    }

    @Override
    public String format() {
        return source.format();
    }

    @Override
    public SequencedSet<String> names() {
        return Collections.unmodifiableSequencedSet(table.sequencedKeySet());
    }

    @Override
    public Entry entry(String name) {
        return made(name).entry();
    }

    @Override
    public synchronized Tensor tensor(String name) {
        Made made = made(name);
        if (closed) {
            throw new ModelFormatException(
                    source() + ": is closed; read its tensors before closing it");
        }
        Tensor tensor = opened.get(name);
        if (tensor == null) {
            tensor = made.maker().make(source, arena);
            Entry entry = made.entry();
            if (tensor.dtype() != entry.dtype() || !tensor.shape().equals(entry.shape())) {
                throw new IllegalStateException(
                        name
                                + " was made as "
                                + tensor
                                + ", not "
                                + entry.dtype()
                                + " "
                                + entry.shape());
            }
            opened.put(name, tensor);
        }
        return tensor;
    }

    private Made made(String name) {
        Made made = table.get(name);
        if (made == null) {
            throw new ModelFormatException(
                    source() + ": has no tensor named " + FileBytes.quote(name));
        }
        return made;
    }

    @Override
    public Map<String, String> metadata() {
        return metadata;
    }

    @Override
    public Map<String, Object> values() {
        return values;
    }

    @Override
    public Map<String, Object> configuration() {
        return configuration == null ? source.configuration() : configuration;
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            opened.clear();
            arena.close();
            source.close();
        }
    }
}
