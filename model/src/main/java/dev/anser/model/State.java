package dev.anser.model;

import dev.anser.tensor.Tensor;
import java.nio.file.Path;

/// All that a model remembers of one sequence: a value that can be copied, saved, loaded and
/// compared.
///
/// Owns its memory and is closed by whoever created it. Not for concurrent use.
public interface State extends AutoCloseable {
    /// What a loaded state is.
    enum Origin {
        /// What is remembered of a text that was read.
        TEXT,
        /// The state before the first token, which state tuning learned.
        BEGINNING
    }

    /// Which tensors this state has.
    StateLayout layout();

    /// The tensor in `slot`, to be read and written in place. Where the slot grows, it has room for
    /// more tokens than were read, and is another after [#advance(int)].
    Tensor tensor(int slot);

    /// Says that `tokens` more will be read: a state that grows makes room for them, one that
    /// counts counts them. A model that needs it calls it at the start of a pass.
    default void advance(int tokens) {}

    /// A copy with its own memory. The caller closes it.
    State copy();

    /// Overwrites this state with `other`, of the same layout.
    void set(State other);

    /// Bytes that this state holds of its sequence.
    long sizeInBytes();

    /// Writes this state as a safetensors file, whole or not at all.
    void save(Path file);

    /// Overwrites this state with the one in `file`, or changes nothing when the file does not fit.
    ///
    /// The file is either a whole state, as [#save(Path)] writes it, or a tuned one, which has only
    /// the tensors that state tuning learns (`blocks.0.att.time_state`, …) and zeros for the rest;
    /// their names tell which.
    ///
    /// @return what the file holds
    Origin load(Path file);

    /// Whether all elements are equal, bit for bit.
    boolean sameAs(State other);

    @Override
    void close();
}
