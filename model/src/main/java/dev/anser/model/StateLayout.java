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

    /// The most tokens that a state counts, for a float counts exactly to here.
    static final int MOST_TOKENS = 1 << 24;

    private static final String POSITION = "position";

    /// One tensor of a state.
    ///
    /// @param name its name in a state file, such as `blocks.0.att_kv`
    /// @param shape its shape, in memory and in a state file; that of a slot that grows has a first
    ///   axis of 0, for no tokens
    /// @param transposedInFile whether a state file has the last two axes the other way round than
    ///   memory
    /// @param transposedInitially whether a learned initial state has them so
    /// @param beginning what every number is before the first token
    public record Slot(
            String name,
            Shape shape,
            boolean transposedInFile,
            boolean transposedInitially,
            float beginning) {
        /// A slot that begins with zeros, and whose axes are the same in all files.
        public Slot(String name, Shape shape, boolean transposedInFile) {
            this(name, shape, transposedInFile, transposedInFile, 0);
        }

        /// A slot that counts the tokens of the sequence; it stands first in its layout.
        public static Slot position() {
            return new Slot(POSITION, Shape.of(1), false);
        }

        /// Whether it has a row for each token of the sequence.
        public boolean grows() {
            return shape.rank() > 0 && shape.size(0) == 0;
        }

        /// Numbers in a row.
        long rowElements() {
            long elements = 1;
            for (int axis = 1; axis < shape.rank(); axis++) {
                elements *= shape.size(axis);
            }
            return elements;
        }

        /// The tensor of a checkpoint or of a tuned state that holds this slot before the first
        /// token: `blocks.0.att.time_state` for `blocks.0.att_kv`. Empty for a slot that always
        /// begins the same.
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
            convert(from, to, transposedInFile);
        }

        /// As [#convert(Tensor, Tensor)], for a learned initial state.
        public void convertInitial(Tensor from, Tensor to) {
            convert(from, to, transposedInitially);
        }

        private static void convert(Tensor from, Tensor to, boolean transposed) {
            if (!transposed) {
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

    /// Whether the first slot counts the tokens of the sequence.
    public boolean counts() {
        return !slots.isEmpty() && slots.getFirst().name().equals(POSITION);
    }

    /// Bytes that a state grows by with each token: 0 for a recurrent one.
    public long bytesPerToken() {
        long bytes = 0;
        for (Slot slot : slots) {
            bytes += slot.grows() ? slot.rowElements() * 4 : 0;
        }
        return bytes;
    }

    /// Bytes of one state before the first token; the same however long the sequence is, unless it
    /// grows.
    public long bytes() {
        long bytes = 0;
        for (Slot slot : slots) {
            bytes += slot.shape().elements() * 4;
        }
        return bytes;
    }
}
