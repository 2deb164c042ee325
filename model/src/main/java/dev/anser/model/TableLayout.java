package dev.anser.model;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.CheckpointView;
import dev.anser.tensor.DType;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// A layout that a [LayoutTable] describes.
public abstract class TableLayout implements Layout {
    private final String name;

    /// A layout called `name`.
    protected TableLayout(String name) {
        this.name = name;
    }

    @Override
    public final String name() {
        return name;
    }

    /// The table for `checkpoint`, a file of this layout or an official one.
    protected abstract LayoutTable table(Checkpoint checkpoint);

    /// Tensors of `file` that stand for nothing.
    protected Set<String> skipped(Checkpoint file) {
        return Set.of();
    }

    @Override
    public Checkpoint official(Checkpoint file) {
        CheckpointView.Builder view = table(file).official(file, skipped(file));
        configuration(file).ifPresent(view::configuration);
        return view.build();
    }

    /// What `file` says of the model in the words of a `config.json`, where its own are others.
    protected Optional<Map<String, Object>> configuration(Checkpoint file) {
        return Optional.empty();
    }

    @Override
    public Checkpoint stored(Checkpoint official) {
        return table(official).stored(official).build();
    }

    @Override
    public List<String> lost(Checkpoint official) {
        return table(official).lost(official);
    }

    @Override
    public DType type(Checkpoint.Entry entry, DType wanted) {
        return isMatrix(entry) ? wanted : entry.dtype();
    }

    /// Whether `entry` has at least two axes longer than one.
    protected static boolean isMatrix(Checkpoint.Entry entry) {
        return entry.shape().squeeze().rank() >= 2;
    }
}
