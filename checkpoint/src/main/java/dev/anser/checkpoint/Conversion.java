package dev.anser.checkpoint;

import dev.anser.base.AnserException;
import dev.anser.tensor.DType;
import dev.anser.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.function.LongConsumer;

/// Writes any checkpoint as safetensors, with its matrices in a type of choice.
///
/// Only matrices change, tensors with at least two axes longer than one: they are nearly all of a
/// model. Biases, mixes and norms stay as they are, for a rounded decay bias does more harm than
/// its bytes are worth.
public final class Conversion {
    private final Checkpoint source;
    private final DType type;
    private final List<Checkpoint.Entry> entries;

    /// Converts `source`, borrowed.
    ///
    /// @param type of the matrices: F32, F16 or BF16
    /// @throws AnserException when `type` is none of these
    public Conversion(Checkpoint source, DType type) {
        if (!type.computable()) {
            throw new AnserException(
                    "weights cannot be converted to " + type + "; expected F32, F16 or BF16");
        }
        this.source = source;
        this.type = type;
        this.entries = source.names().stream().map(name -> converted(source.entry(name))).toList();
    }

    private Checkpoint.Entry converted(Checkpoint.Entry entry) {
        int axes = 0;
        for (long size : entry.shape().sizes()) {
            axes += size > 1 ? 1 : 0;
        }
        return axes < 2 || !entry.dtype().computable()
                ? entry
                : new Checkpoint.Entry(entry.name(), type, entry.shape());
    }

    /// The size of all tensors to write.
    public long bytes() {
        return entries.stream().mapToLong(Conversion::bytes).sum();
    }

    private static long bytes(Checkpoint.Entry entry) {
        return entry.dtype().bytes(entry.shape().elements());
    }

    /// Writes them to `target`, whole or not at all, with the metadata of the source.
    ///
    /// @param progress is told of the bytes of each tensor that is done
    /// @throws AnserException when a finite weight is beyond what the type can hold, or the file
    ///   cannot be written
    public void write(Path target, LongConsumer progress) {
        long largest = entries.stream().mapToLong(Conversion::bytes).max().orElse(0);
        try (Arena arena = Arena.ofShared()) {
            Tensor memory = Tensor.allocate(arena, DType.U8, Math.max(largest, 1));
            Safetensors.write(
                    target,
                    entries,
                    source.metadata(),
                    entry -> {
                        Tensor tensor = tensor(entry, memory);
                        progress.accept(tensor.bytes());
                        return tensor;
                    });
        }
    }

    private Tensor tensor(Checkpoint.Entry entry, Tensor memory) {
        Tensor from = source.tensor(entry.name());
        if (from.dtype() == entry.dtype()) {
            return from;
        }
        Tensor to =
                new Tensor(memory.segment().asSlice(0, bytes(entry)), entry.dtype(), entry.shape());
        for (long i = 0; i < from.elements(); i++) {
            float value = from.get(i);
            to.set(i, value);
            if (Float.isFinite(value) && !Float.isFinite(to.get(i))) {
                throw new AnserException(
                        source.source()
                                + ": element "
                                + i
                                + " of "
                                + FileBytes.quote(entry.name())
                                + " is "
                                + value
                                + ", beyond what "
                                + type
                                + " can hold; convert to bf16 or f32");
            }
        }
        return to;
    }
}
