package dev.anser.model;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.tensor.DType;

/// How a version of RWKV stands in the files that web-rwkv's converter writes (`.st`): safetensors
/// with low-rank pairs and learned states transposed, everything in F16.
public abstract class WebRwkvLayout extends TableLayout {
    /// The layout called `web-rwkv`.
    protected WebRwkvLayout() {
        super("web-rwkv");
    }

    @Override
    public final boolean recognises(Checkpoint file) {
        return file.format().equals("safetensors") && recognisesNames(file);
    }

    /// Whether the tensors of `file`, safetensors, are named and shaped as the converter leaves
    /// them.
    protected abstract boolean recognisesNames(Checkpoint file);

    /// What the converter calls the tensor that is `official` for all others.
    protected String storedName(String official) {
        return official;
    }

    /// The official name of what the converter calls `stored`.
    protected String officialName(String stored) {
        return stored;
    }

    @Override
    protected LayoutTable table(Checkpoint checkpoint) {
        LayoutTable table = new LayoutTable();
        boolean stored = recognises(checkpoint);
        for (String name : LayoutTable.patterns(checkpoint)) {
            String official = stored ? officialName(name) : name;
            if (isTransposed(official)) {
                table.transposed(official, storedName(official));
            } else {
                table.same(official, storedName(official));
            }
        }
        return table;
    }

    private static boolean isTransposed(String official) {
        return official.endsWith("_w1")
                || official.endsWith("_w2")
                || official.endsWith(".time_state");
    }

    @Override
    public final DType type(Checkpoint.Entry entry, DType wanted) {
        return DType.F16;
    }
}
