package dev.anser.model;

import dev.anser.base.AnserException;
import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.checkpoint.Safetensors;
import dev.anser.tensor.DType;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/// The state of a Transformer: the keys and values of every token read so far, so that it grows
/// with the sequence.
///
/// Its layout begins with the position; all other slots grow. Memory has room for more tokens than
/// were read: when it is full, half as many again are added and the old ones copied, so that
/// tensors stay the same objects for most tokens. A file has the tokens that were read, (length, …)
/// for each slot, and no position of its own.
public final class KeyValueState implements State {
    /// Tokens that room is made for at a time, at least.
    private static final int STEP = 64;

    private final StateLayout layout;
    private final Arena fixed = Arena.ofShared();
    private final Tensor position;
    private final Tensor[] tensors;
    private Arena arena = Arena.ofShared();
    private int capacity;

    /// A state before the first token.
    public KeyValueState(StateLayout layout) {
        this.layout = layout;
        position = Tensor.allocate(fixed, DType.F32, 1);
        tensors = new Tensor[layout.slots().size()];
        tensors[0] = position;
        reserve(0);
    }

    /// Tokens read so far.
    public int length() {
        return (int) position.get(0);
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
        float count = TensorState.count(position.get(0), tokens);
        if (count > capacity) {
            long more = Math.max((long) count, capacity + capacity / 2L);
            reserve((int) Math.min((more + STEP - 1) / STEP * STEP, StateLayout.MOST_TOKENS));
        }
        position.set(0, count);
    }

    /// Moves everything to memory for `tokens` tokens.
    private void reserve(int tokens) {
        Arena next = Arena.ofShared();
        try {
            Tensor[] moved = new Tensor[tensors.length];
            for (int i = 1; i < moved.length; i++) {
                moved[i] = Tensor.allocate(next, DType.F32, sizes(i, tokens));
                if (length() > 0) {
                    used(i, moved[i], length()).copyFrom(used(i, tensors[i], length()));
                }
            }
            System.arraycopy(moved, 1, tensors, 1, moved.length - 1);
        } catch (RuntimeException | OutOfMemoryError e) {
            next.close();
            throw e;
        }
        arena.close();
        arena = next;
        capacity = tokens;
    }

    private long[] sizes(int slot, int tokens) {
        long[] sizes = layout.slots().get(slot).shape().sizes();
        sizes[0] = tokens;
        return sizes;
    }

    /// The first `tokens` rows of `tensor`, which is of slot `slot`.
    private Tensor used(int slot, Tensor tensor, int tokens) {
        Shape shape = Shape.of(sizes(slot, tokens));
        MemorySegment memory = tensor.segment().asSlice(0, shape.elements() * 4);
        return new Tensor(memory, DType.F32, shape);
    }

    @Override
    public State copy() {
        KeyValueState copy = new KeyValueState(layout);
        copy.set(this);
        return copy;
    }

    @Override
    public void set(State other) {
        if (!(other instanceof KeyValueState source) || !source.layout.equals(layout)) {
            throw new AnserException(
                    "a state of another model cannot be used here: that of "
                            + other.layout().architecture()
                            + "; expected "
                            + describe());
        }
        if (source == this) {
            return;
        }
        int length = source.length();
        position.set(0, 0);
        if (length > capacity) {
            reserve(length);
        }
        for (int i = 1; i < tensors.length; i++) {
            used(i, tensors[i], length).copyFrom(used(i, source.tensors[i], length));
        }
        position.set(0, length);
    }

    @Override
    public long sizeInBytes() {
        return layout.bytes() + length() * layout.bytesPerToken();
    }

    @Override
    public void save(Path file) {
        Map<String, Tensor> named = new LinkedHashMap<>();
        for (int i = 1; i < tensors.length; i++) {
            named.put(layout.slots().get(i).name(), used(i, tensors[i], length()));
        }
        Safetensors.write(
                file, new LinkedHashMap<>(named), Map.of("architecture", layout.architecture()));
    }

    @Override
    public Origin load(Path file) {
        try (Checkpoint checkpoint = Checkpoints.open(file)) {
            int length = -1;
            for (int i = 1; i < tensors.length; i++) {
                length = requireFits(file, checkpoint, i, length);
            }
            position.set(0, 0);
            if (length > capacity) {
                reserve(length);
            }
            for (int i = 1; i < tensors.length; i++) {
                Tensor tensor = checkpoint.tensor(layout.slots().get(i).name());
                used(i, tensors[i], length).copyFrom(tensor);
            }
            position.set(0, length);
            return Origin.TEXT;
        }
    }

    /// Checks the tensor of a slot.
    ///
    /// @param length how many tokens it must have, or -1 for any number
    /// @return how many it has
    private int requireFits(Path file, Checkpoint checkpoint, int index, int length) {
        StateLayout.Slot slot = layout.slots().get(index);
        if (!checkpoint.names().contains(slot.name())) {
            throw new AnserException(
                    file
                            + ": not a state of this model, tensor "
                            + slot.name()
                            + " is missing; expected "
                            + describe());
        }
        Checkpoint.Entry entry = checkpoint.entry(slot.name());
        long rows = entry.shape().rank() == 0 ? 0 : entry.shape().size(0);
        int found = Math.clamp(rows, 0, StateLayout.MOST_TOKENS);
        int expected = length < 0 ? found : length;
        if (entry.dtype() != DType.F32 || !entry.shape().equals(Shape.of(sizes(index, expected)))) {
            throw new AnserException(
                    file
                            + ": not a state of this model, tensor "
                            + slot.name()
                            + " is "
                            + entry.dtype()
                            + " "
                            + entry.shape()
                            + "; expected F32 "
                            + Shape.of(sizes(index, expected)));
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
        return expected;
    }

    private String describe() {
        return "a "
                + layout.architecture()
                + " state of "
                + layout.bytesPerToken()
                + " bytes for each token";
    }

    @Override
    public boolean sameAs(State other) {
        if (!(other instanceof KeyValueState that)
                || !that.layout.equals(layout)
                || that.length() != length()) {
            return false;
        }
        for (int i = 1; i < tensors.length; i++) {
            MemorySegment own = used(i, tensors[i], length()).segment();
            if (own.mismatch(used(i, that.tensors[i], length()).segment()) != -1) {
                return false;
            }
        }
        return true;
    }

    @Override
    public void close() {
        arena.close();
        fixed.close();
    }
}
