package dev.anser.checkpoint;

import dev.anser.base.AnserException;
import dev.anser.tensor.DType;
import dev.anser.tensor.Quantiser;
import dev.anser.tensor.ShapeException;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.LongConsumer;
import java.util.function.UnaryOperator;

/// The tensors of a checkpoint in other types, made one at a time while a file is written.
public final class Conversion {
    /// Rows that a thread encodes at a time.
    private static final int ROWS = 16;

    /// One of the writers of this room, with all but the tensors given.
    public interface Writer {
        /// Writes `entries` in order; asks `tensors` for each once.
        void write(List<Checkpoint.Entry> entries, Function<Checkpoint.Entry, Tensor> tensors);
    }

    private final Checkpoint source;
    private final Threads threads;
    private final List<Checkpoint.Entry> entries;
    private final List<String> misfits = new ArrayList<>();

    /// Converts `source`, borrowed.
    ///
    /// @param types what becomes of each tensor's type; one that rows do not fit into becomes a
    ///   finer one, see [#fitting]
    /// @throws AnserException when no tensor can be encoded in a type
    public Conversion(Checkpoint source, Function<Checkpoint.Entry, DType> types, Threads threads) {
        this.source = source;
        this.threads = threads;
        UnaryOperator<Checkpoint.Entry> converted =
                entry -> {
                    DType wanted = types.apply(entry);
                    DType type = fitting(wanted, entry);
                    if (wanted.quantised() && type != wanted && type != entry.dtype()) {
                        misfits.add(entry.name());
                    }
                    if (type != entry.dtype() && !Quantiser.writes(type)) {
                        throw new AnserException(
                                "weights cannot be converted to "
                                        + type
                                        + "; expected F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0,"
                                        + " Q5_1, Q4_K, Q5_K or Q6_K");
                    }
                    return new Checkpoint.Entry(entry.name(), type, entry.shape());
                };
        this.entries = source.names().stream().map(source::entry).map(converted).toList();
    }

    /// `wanted`, or what llama.cpp takes for rows that are no whole number of its blocks: Q8_0, or
    /// F16 for those that are none of 32 either. What is no number keeps its type.
    static DType fitting(DType wanted, Checkpoint.Entry entry) {
        if (!entry.dtype().computable()) {
            return entry.dtype();
        }
        long columns = entry.shape().rank() == 0 ? 1 : entry.shape().size(-1);
        if (columns % wanted.blockElements() == 0) {
            return wanted;
        }
        return columns % DType.Q8_0.blockElements() == 0 ? DType.Q8_0 : DType.F16;
    }

    /// The tensors whose rows are no whole number of blocks of their type, and which therefore get
    /// a finer one.
    public List<String> misfits() {
        return List.copyOf(misfits);
    }

    /// What will be written.
    public List<Checkpoint.Entry> entries() {
        return entries;
    }

    /// The size of all tensors to write.
    public long bytes() {
        return entries.stream().mapToLong(Conversion::bytes).sum();
    }

    private static long bytes(Checkpoint.Entry entry) {
        return entry.dtype().bytes(entry.shape().elements());
    }

    /// Lets `writer` write them all.
    ///
    /// @param progress is told of the bytes of each tensor that is done
    /// @throws AnserException when a weight is beyond what its type can hold, or the file cannot be
    ///   written
    public void write(Writer writer, LongConsumer progress) {
        long largest = entries.stream().mapToLong(Conversion::bytes).max().orElse(0);
        try (Arena arena = Arena.ofShared()) {
            Tensor memory = Tensor.allocate(arena, DType.U8, Math.max(largest, 1));
            writer.write(
                    entries,
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
        int rows = to.rows();
        try {
            threads.run(
                    (part, _) ->
                            Quantiser.encode(
                                    from, to, part * ROWS, Math.min(rows, (part + 1) * ROWS)),
                    (rows + ROWS - 1) / ROWS);
        } catch (ShapeException e) {
            throw new AnserException(
                    source.source()
                            + ": "
                            + FileBytes.quote(entry.name())
                            + ": "
                            + e.getMessage()
                            + "; give another --type",
                    e);
        }
        return to;
    }
}
