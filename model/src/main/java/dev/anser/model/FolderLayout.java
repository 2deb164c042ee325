package dev.anser.model;

import dev.anser.checkpoint.Checkpoint;
import java.util.Map;

/// How one family stands in folders of the Hugging Face kind when its official files are others:
/// the tensors, and the `config.json` beside them.
public abstract class FolderLayout extends TableLayout {
    /// A layout called `name`.
    protected FolderLayout(String name) {
        super(name);
    }

    /// What `config.json` says of the model in `official`.
    public abstract Map<String, Object> written(Checkpoint official);
}
