package dev.anser.train;

import dev.anser.model.LanguageModel;
import dev.anser.model.State;
import dev.anser.model.StateLayout;
import dev.anser.tensor.DType;
import dev.anser.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/// The state before the first token as parameters, one for each recurrent slot, with the names and
/// axes of a file of learned states.
///
/// A sequence gets a copy; so what it hands back is a gradient of its own, added here in the order
/// of the sequences.
record TunedState(List<Part> parts) {
    /// What one slot begins with.
    record Part(int index, StateLayout.Slot slot, Parameter parameter) {}

    /// Begins as the states of `model` do.
    ///
    /// @param learns which learn, by their names in a file
    static TunedState of(LanguageModel model, Arena arena, Predicate<String> learns) {
        try (State initial = model.newState()) {
            return of(initial, arena, learns);
        }
    }

    private static TunedState of(State initial, Arena arena, Predicate<String> learns) {
        List<Part> parts = new ArrayList<>();
        List<StateLayout.Slot> slots = initial.layout().slots();
        for (int i = 0; i < slots.size(); i++) {
            StateLayout.Slot slot = slots.get(i);
            Optional<String> name = slot.initialName();
            if (name.isPresent() && learns.test(name.get())) {
                Tensor value = Tensor.allocate(arena, DType.F32, slot.shape().sizes());
                slot.convertInitial(initial.tensor(i), value);
                Tensor gradient = Tensor.allocate(arena, DType.F32, slot.shape().sizes());
                String architecture = initial.layout().architecture();
                parts.add(
                        new Part(
                                i, slot, new Parameter(architecture, name.get(), value, gradient)));
            }
        }
        return new TunedState(List.copyOf(parts));
    }

    List<Parameter> parameters() {
        return parts.stream().map(Part::parameter).toList();
    }

    /// Sets the recurrent slots of `state`.
    void copyTo(State state) {
        for (Part part : parts) {
            part.slot().convertInitial(part.parameter().weight(), state.tensor(part.index()));
        }
    }

    /// Adds the gradient to a state that began as [#copyTo(State)] says, one tensor for each slot
    /// with the axes of memory.
    void addGradient(List<Tensor> gradients) {
        try (Arena temporary = Arena.ofConfined()) {
            for (Part part : parts) {
                Tensor inFile = Tensor.allocate(temporary, DType.F32, part.slot().shape().sizes());
                part.slot().convertInitial(gradients.get(part.index()), inFile);
                Tensor sum = part.parameter().gradient();
                for (long i = 0; i < sum.elements(); i++) {
                    sum.set(i, sum.get(i) + inFile.get(i));
                }
            }
        }
    }
}
