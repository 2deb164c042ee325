package dev.anser.model;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.ModelFormatException;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;

/// A learned state from before the first token: the tensors `blocks.N.att.time_state` of a
/// checkpoint, or of a file that state tuning made.
///
/// Each is (heads, N, N) with the axes (head, value, key). In RWKV-7 these are those of a state
/// file: RWKV-PEFT's recurrent kernel takes them so, and only its chunked one transposes them. The
/// state files of RWKV-5 and RWKV-6 have (head, key, value).
public final class InitialState {
    private static final String NAME = ".att.time_state";

    private InitialState() {}

    /// Whether `checkpoint` has a learned initial state.
    public static boolean isIn(Checkpoint checkpoint) {
        return checkpoint.names().stream().anyMatch(InitialState::isName);
    }

    /// Whether `name` is that of a tensor of a learned initial state.
    public static boolean isName(String name) {
        return name.endsWith(NAME);
    }

    /// Overwrites `state` with the initial state that `checkpoint` has, what every state begins
    /// with where it has none, or changes nothing when it does not fit.
    ///
    /// @throws ModelFormatException when a layer's tensor is missing, or one is of another shape,
    ///   type or layer, or not finite
    public static void read(Checkpoint checkpoint, State state) {
        requireFits(checkpoint, state.layout());
        int index = 0;
        for (StateLayout.Slot slot : state.layout().slots()) {
            Tensor target = state.tensor(index++);
            Optional<String> name = slot.initialName();
            if (name.isPresent()) {
                slot.convertInitial(checkpoint.tensor(name.get()), target);
            } else {
                target.fill(slot.beginning());
            }
        }
    }

    /// Checks that the tensors of an initial state in `checkpoint` are those of a model with
    /// `layout`, all of them.
    ///
    /// @throws ModelFormatException when they are not
    public static void requireFits(Checkpoint checkpoint, StateLayout layout) {
        Set<String> expected = new LinkedHashSet<>();
        for (StateLayout.Slot slot : layout.slots()) {
            Optional<String> name = slot.initialName();
            if (name.isPresent()) {
                expected.add(name.get());
                requireFits(checkpoint, name.get(), slot.shape());
            }
        }
        for (String name : checkpoint.names()) {
            if (isName(name) && !expected.contains(name)) {
                throw new ModelFormatException(
                        checkpoint.source()
                                + ": a learned state of another model, it has "
                                + name
                                + "; the model has "
                                + expected.size()
                                + " layers");
            }
        }
    }

    private static void requireFits(Checkpoint checkpoint, String name, Shape shape) {
        if (!checkpoint.names().contains(name)) {
            throw new ModelFormatException(
                    checkpoint.source()
                            + ": a learned state of another model, tensor "
                            + name
                            + " is missing; expected one "
                            + shape
                            + " for each layer");
        }
        Checkpoint.Entry entry = checkpoint.entry(name);
        if (!entry.dtype().floating() || !entry.shape().equals(shape)) {
            throw new ModelFormatException(
                    checkpoint.source()
                            + ": a learned state of another model, tensor "
                            + name
                            + " is "
                            + entry.dtype()
                            + " "
                            + entry.shape()
                            + "; expected F32, F16 or BF16 "
                            + shape);
        }
        Tensor tensor = checkpoint.tensor(name);
        for (long i = 0; i < tensor.elements(); i++) {
            if (!Float.isFinite(tensor.get(i))) {
                throw new ModelFormatException(
                        checkpoint.source()
                                + ": element "
                                + i
                                + " of tensor "
                                + name
                                + " is "
                                + tensor.get(i)
                                + "; expected finite numbers");
            }
        }
    }
}
