package dev.anser.model;

import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.util.List;
import java.util.Optional;

/// The tensors that make up one sequence's state, in slot order, all F32.
///
/// @param architecture which architecture the state belongs to, as in [ModelConfig#architecture()]
/// @param slots the tensors
public record StateLayout(String architecture, List<Slot> slots) {
    private static final String RECURRENT = ".att_kv";
    private static final String TIME_STATE = ".att.time_state";

    /// One tensor of a state.
    ///
    /// @param name its name in a state file, such as `blocks.0.att_kv`
    /// @param shape its shape, in memory and in a state file
    /// @param transposedInFile whether a state file has the last two axes the other way round than
    ///   memory
    public record Slot(String name, Shape shape, boolean transposedInFile) {
        /// The tensor of a checkpoint or of a tuned state that holds this slot before the first
        /// token: RWKV-PEFT's `blocks.0.att.time_state` for `blocks.0.att_kv`, with the axes of a
        /// state file. Empty for a slot that always begins with zeros.
        public Optional<String> initialName() {
            return name.endsWith(RECURRENT)
                    ? Optional.of(
                            name.substring(0, name.length() - RECURRENT.length()) + TIME_STATE)
                    : Optional.empty();
        }

        /// Copies all elements of `from` into `to`, one with the axes of a file and one with those
        /// of memory; the same both ways.
        ///
        /// @param from F32, F16 or BF16
        /// @param to F32
        public void convert(Tensor from, Tensor to) {
            if (!transposedInFile) {
                for (long i = 0; i < from.elements(); i++) {
                    to.set(i, from.get(i));
                }
                return;
            }
            int size = to.columns(); // the last two axes are equally long
            for (int matrix = 0; matrix < to.rows() / size; matrix++) {
                long base = (long) matrix * size * size;
                for (int i = 0; i < size; i++) {
                    for (int j = 0; j < size; j++) {
                        to.set(base + (long) j * size + i, from.get(base + (long) i * size + j));
                    }
                }
            }
        }
    }

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
