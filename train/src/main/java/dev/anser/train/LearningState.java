package dev.anser.train;

import dev.anser.model.State;
import dev.anser.model.StateLayout;
import dev.anser.tensor.DType;
import dev.anser.tensor.Tape;
import dev.anser.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/// The state of one sequence that is learned from, and, where asked for, the gradients to it before
/// and after a batch, one tensor for each slot. Owns its memory.
final class LearningState implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final Tape tape;
    private final State state;
    private List<Tensor> before = List.of();
    private List<Tensor> after = List.of();

    /// Takes over `state`.
    LearningState(State state, Tape tape) {
        this.state = state;
        this.tape = tape;
    }

    State state() {
        return state;
    }

    /// The gradient to the state before the last batch, after [#expectGradient()].
    List<Tensor> gradient() {
        return before;
    }

    /// From the next batch on, the gradient to the state before it is wanted; it begins with zeros.
    void expectGradient() {
        if (before.isEmpty()) {
            before = allocate();
            for (int slot = 0; slot < before.size(); slot++) {
                tape.watch(state.tensor(slot), before.get(slot));
            }
        }
        before.forEach(Tensor::clear);
    }

    /// The gradient to the state before the last batch becomes that to the state after the next,
    /// which comes before it in the document.
    void handBack() {
        if (after.isEmpty()) {
            after = allocate();
        }
        for (int slot = 0; slot < after.size(); slot++) {
            after.get(slot).copyFrom(before.get(slot));
        }
    }

    /// Tells the tape, after a forward pass, what depends on the state that it left.
    void carry() {
        for (int slot = 0; slot < after.size(); slot++) {
            tape.carry(state.tensor(slot), after.get(slot));
        }
    }

    private List<Tensor> allocate() {
        List<Tensor> tensors = new ArrayList<>();
        for (StateLayout.Slot slot : state.layout().slots()) {
            tensors.add(Tensor.allocate(arena, DType.F32, slot.shape().sizes()));
        }
        return tensors;
    }

    @Override
    public void close() {
        state.close();
        arena.close();
    }
}
