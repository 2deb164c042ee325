package dev.anser.checkpoint;

import dev.anser.tensor.Tensor;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;
import java.util.SequencedSet;

/// A checkpoint of tensors that are in memory already, such as those of a model in training. It
/// borrows them: closing it frees nothing.
public final class TensorCheckpoint implements Checkpoint {
    private final String source;
    private final String format;
    private final SequencedMap<String, Tensor> tensors;
    private final Map<String, String> metadata;
    private final Map<String, Object> configuration;

    /// A checkpoint of `tensors`, borrowed; the maps are copied.
    ///
    /// @param source the name errors use
    /// @param format the format that the tensors are laid out as, see [Checkpoint#format()]
    public TensorCheckpoint(
            String source,
            String format,
            SequencedMap<String, Tensor> tensors,
            Map<String, String> metadata) {
        this(source, format, tensors, metadata, Map.of());
    }

    /// The same with what the model's `config.json` says, see [Checkpoint#configuration()].
    public TensorCheckpoint(
            String source,
            String format,
            SequencedMap<String, Tensor> tensors,
            Map<String, String> metadata,
            Map<String, Object> configuration) {
        this.source = source;
        this.format = format;
        this.tensors = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(tensors));
        this.metadata = Map.copyOf(metadata);
        this.configuration = Collections.unmodifiableMap(new LinkedHashMap<>(configuration));
    }

    @Override
    public String source() {
        return source;
    }

    @Override
    public String format() {
        return format;
    }

    @Override
    public SequencedSet<String> names() {
        return tensors.sequencedKeySet();
    }

    @Override
    public Entry entry(String name) {
        Tensor tensor = tensor(name);
        return new Entry(name, tensor.dtype(), tensor.shape());
    }

    @Override
    public Tensor tensor(String name) {
        Tensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new ModelFormatException(source + ": there is no tensor " + name);
        }
        return tensor;
    }

    @Override
    public Map<String, String> metadata() {
        return metadata;
    }

    @Override
    public Map<String, Object> configuration() {
        return configuration;
    }

    @Override
    public void close() {
        // The tensors are borrowed.
    }
}
