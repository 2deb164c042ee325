package dev.anser.generate;

import dev.anser.model.State;

/// A moment of a [Session], to [go back][Session#restore(Snapshot)] to: the state, and the logits
/// that the next token is drawn from. Owns its memory and is closed by whoever asked for it; one
/// session may outlive it and the other way round. Not for concurrent use.
public final class Snapshot implements AutoCloseable {
    final State state;
    final float[] logits;
    int[] deferred = {};
    boolean hasLogits;
    boolean started;
    long position;

    Snapshot(State state, int vocabulary) {
        this.state = state;
        this.logits = new float[vocabulary];
    }

    /// Number of tokens that the session had read.
    public long position() {
        return position;
    }

    @Override
    public void close() {
        state.close();
    }
}
