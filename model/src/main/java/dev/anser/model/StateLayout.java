package dev.anser.model;

import dev.anser.tensor.Shape;
import java.util.List;

/// The tensors that make up one sequence's state, in slot order, all F32.
///
/// @param architecture which architecture the state belongs to, as in [ModelConfig#architecture()]
/// @param slots the tensors
public record StateLayout(String architecture, List<Slot> slots) {
    /// One tensor of a state.
    ///
    /// @param name its name in a state file, such as `blocks.0.att_kv`
    /// @param shape its shape, in memory and in a state file
    /// @param transposedInFile whether a state file has the last two axes the other way round than
    ///   memory
    public record Slot(String name, Shape shape, boolean transposedInFile) {}

    /// Copies the list.
    public StateLayout {
        slots = List.copyOf(slots);
    }

    /// Bytes of one state: the same however long the sequence is.
    public long bytes() {
        long bytes = 0;
        for (Slot slot : slots) {
            bytes += slot.shape().elements() * 4;
        }
        return bytes;
    }
}
