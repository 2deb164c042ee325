package dev.anser.model;

import dev.anser.base.AnserException;
import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.checkpoint.Safetensors;
import dev.anser.tensor.DType;
import dev.anser.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/// A state made of the tensors of its layout, in one block of native memory.
///
/// In a file the tensors have the axes that the family's official code uses; in memory those that
/// its kernel wants. [StateLayout.Slot#transposedInFile()] says where the two differ.
public final class TensorState implements State {
    private final StateLayout layout;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment memory;
    private final Tensor[] tensors;

    /// A state from before the first token.
    public TensorState(StateLayout layout) {
        this.layout = layout;
        memory = arena.allocate(Math.max(layout.bytes(), 1), 64);
        tensors = new Tensor[layout.slots().size()];
        long offset = 0;
        for (int i = 0; i < tensors.length; i++) {
            StateLayout.Slot slot = layout.slots().get(i);
            long bytes = slot.shape().elements() * 4;
            tensors[i] = new Tensor(memory.asSlice(offset, bytes), DType.F32, slot.shape());
            tensors[i].fill(slot.beginning());
            offset += bytes;
        }
    }

    @Override
    public StateLayout layout() {
        return layout;
    }

    @Override
    public Tensor tensor(int slot) {
        return tensors[slot];
    }

    @Override
    public void advance(int tokens) {
        if (layout.counts()) {
            tensors[0].set(0, count(tensors[0].get(0), tokens));
        }
    }

    /// `tokens` more than `before`.
    static float count(float before, int tokens) {
        if (before + tokens > StateLayout.MOST_TOKENS) {
            throw new AnserException(
                    "the sequence would have "
                            + ((long) before + tokens)
                            + " tokens; a state counts at most "
                            + StateLayout.MOST_TOKENS
                            + ". Start again from a fresh state");
        }
        return before + tokens;
    }

    @Override
    public State copy() {
        TensorState copy = new TensorState(layout);
        copy.memory.copyFrom(memory);
        return copy;
    }

    @Override
    public void set(State other) {
        if (!other.layout().equals(layout)) {
            throw new AnserException(
                    "a state of another model cannot be used here: "
                            + describe(other.layout())
                            + "; expected "
                            + describe(layout));
        }
        for (int i = 0; i < tensors.length; i++) {
            tensors[i].copyFrom(other.tensor(i));
        }
    }

    @Override
    public long sizeInBytes() {
        return layout.bytes();
    }

    @Override
    public void save(Path file) {
        try (Arena temporary = Arena.ofConfined()) {
            Map<String, Tensor> named = new LinkedHashMap<>();
            for (int i = 0; i < tensors.length; i++) {
                StateLayout.Slot slot = layout.slots().get(i);
                Tensor tensor = tensors[i];
                if (slot.transposedInFile()) {
                    tensor = Tensor.allocate(temporary, DType.F32, slot.shape().sizes());
                    slot.convert(tensors[i], tensor);
                }
                named.put(slot.name(), tensor);
            }
            Safetensors.write(
                    file,
                    new LinkedHashMap<>(named),
                    Map.of("architecture", layout.architecture()));
        }
    }

    @Override
    public Origin load(Path file) {
        try (Checkpoint checkpoint = Checkpoints.open(file)) {
            if (InitialState.isIn(checkpoint)) {
                InitialState.read(checkpoint, this);
                return Origin.BEGINNING;
            }
            for (StateLayout.Slot slot : layout.slots()) {
                requireFits(file, checkpoint, slot);
            }
            for (int i = 0; i < tensors.length; i++) {
                StateLayout.Slot slot = layout.slots().get(i);
                slot.convert(checkpoint.tensor(slot.name()), tensors[i]);
            }
            return Origin.TEXT;
        }
    }

    private void requireFits(Path file, Checkpoint checkpoint, StateLayout.Slot slot) {
        if (!checkpoint.names().contains(slot.name())) {
            throw new AnserException(
                    file
                            + ": not a state of this model, tensor "
                            + slot.name()
                            + " is missing; expected "
                            + describe(layout)
                            + ", or a tuned one (blocks.0.att.time_state, …)");
        }
        Checkpoint.Entry entry = checkpoint.entry(slot.name());
        if (entry.dtype() != DType.F32 || !entry.shape().equals(slot.shape())) {
            throw new AnserException(
                    file
                            + ": not a state of this model, tensor "
                            + slot.name()
                            + " is "
                            + entry.dtype()
                            + " "
                            + entry.shape()
                            + "; expected F32 "
                            + slot.shape());
        }
        Tensor tensor = checkpoint.tensor(slot.name());
        for (long i = 0; i < tensor.elements(); i++) {
            if (!Float.isFinite(tensor.get(i))) {
                throw new AnserException(
                        file
                                + ": element "
                                + i
                                + " of tensor "
                                + slot.name()
                                + " is "
                                + tensor.get(i)
                                + "; expected finite numbers");
            }
        }
        if (slot.equals(StateLayout.Slot.position())) {
            float count = tensor.get(0);
            if (count < 0 || count > StateLayout.MOST_TOKENS || count != Math.rint(count)) {
                throw new AnserException(
                        file
                                + ": position is "
                                + count
                                + "; expected a whole number from 0 to "
                                + StateLayout.MOST_TOKENS);
            }
        }
    }

    private static String describe(StateLayout layout) {
        return "a " + layout.architecture() + " state of " + layout.bytes() + " bytes";
    }

    @Override
    public boolean sameAs(State other) {
        if (!other.layout().equals(layout)) {
            return false;
        }
        for (int i = 0; i < tensors.length; i++) {
            if (tensors[i].segment().mismatch(other.tensor(i).segment()) != -1) {
                return false;
            }
        }
        return true;
    }

    @Override
    public void close() {
        arena.close();
    }
}
