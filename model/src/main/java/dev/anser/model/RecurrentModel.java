package dev.anser.model;

import dev.anser.checkpoint.Checkpoint;

/// A model whose state has one size and may begin with a learned one.
public abstract class RecurrentModel extends CheckpointModel {
    private final State initial;

    /// Takes over what was read; `checkpoint` is read for a learned initial state.
    protected RecurrentModel(Read read, StateLayout layout, Checkpoint checkpoint) {
        super(read, layout);
        this.initial = new TensorState(layout);
        try {
            if (InitialState.isIn(checkpoint)) {
                InitialState.read(checkpoint, initial);
            }
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    @Override
    public final State newState() {
        return initial.copy();
    }

    @Override
    public final void close() {
        initial.close();
        super.close();
    }
}
