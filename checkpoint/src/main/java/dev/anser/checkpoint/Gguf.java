package dev.anser.checkpoint;

import dev.anser.base.AnserException;
import dev.anser.base.WholeFile;
import dev.anser.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;

/// Writes GGUF files, version 3, whole or not at all, straight from the tensors' memory.
///
/// The same tensors and metadata give the same bytes: both stand in the order given.
public final class Gguf {
    private static final int VERSION = 3;
    private static final int ALIGNMENT = GgufTable.DEFAULT_ALIGNMENT;

    private Gguf() {}

    /// Writes tensors that are made one at a time, so that all together may exceed the memory.
    ///
    /// @param entries what will be written, in order
    /// @param metadata what readers find beside the tensors
    /// @param tensors makes the tensor of an entry, asked once each in order; the tensor is
    ///   borrowed until the next one is asked for
    /// @throws AnserException when the format cannot hold an entry, a tensor is not what its entry
    ///   says, or the file cannot be written
    public static void write(
            Path target,
            List<Checkpoint.Entry> entries,
            GgufMetadata metadata,
            Function<Checkpoint.Entry, Tensor> tensors) {
        WrittenTensors written = new WrittenTensors(target, entries, tensors);
        byte[] values = metadata.toBytes();
        ByteBuffer header = buffer(24).put("GGUF".getBytes(StandardCharsets.US_ASCII));
        header.putInt(VERSION).putLong(written.entries().size()).putLong(metadata.size()).flip();
        ByteBuffer table = table(written);
        WholeFile.write(
                target,
                channel -> {
                    Safetensors.writeAll(channel, header);
                    Safetensors.writeAll(channel, ByteBuffer.wrap(values));
                    Safetensors.writeAll(channel, table);
                    pad(channel);
                    for (Checkpoint.Entry entry : written.entries()) {
                        Safetensors.writeAll(channel, written.make(entry).segment());
                        pad(channel);
                    }
                });
    }

    private static ByteBuffer table(WrittenTensors written) {
        int bytes = 0;
        for (Checkpoint.Entry entry : written.entries()) {
            check(written, entry);
            int name = entry.name().getBytes(StandardCharsets.UTF_8).length;
            bytes = Math.addExact(bytes, 24 + name + 8 * entry.shape().rank());
        }
        ByteBuffer table = buffer(bytes);
        long offset = 0;
        for (Checkpoint.Entry entry : written.entries()) {
            byte[] name = entry.name().getBytes(StandardCharsets.UTF_8);
            long[] sizes = entry.shape().sizes();
            table.putLong(name.length).put(name).putInt(sizes.length);
            for (int axis = sizes.length - 1; axis >= 0; axis--) {
                table.putLong(sizes[axis]);
            }
            table.putInt(GgmlType.number(entry.dtype())).putLong(offset);
            long end = offset + entry.dtype().bytes(entry.shape().elements());
            offset = GgufTable.align(end, ALIGNMENT);
        }
        return table.flip();
    }

    private static void check(WrittenTensors written, Checkpoint.Entry entry) {
        if (GgmlType.number(entry.dtype()) < 0) {
            throw written.unwritable(
                    entry, "is " + entry.dtype() + ", a type that GGUF does not have");
        }
        if (entry.shape().rank() > GgufTable.MAX_AXES) {
            throw written.unwritable(
                    entry,
                    entry.shape() + " has more than the " + GgufTable.MAX_AXES + " axes of GGUF");
        }
        int block = entry.dtype().blockElements();
        if (block > 1 && (entry.shape().rank() == 0 || entry.shape().size(-1) % block != 0)) {
            throw written.unwritable(
                    entry,
                    entry.shape()
                            + " has rows that are no multiple of "
                            + block
                            + ", the block of "
                            + entry.dtype());
        }
    }

    private static void pad(FileChannel channel) throws IOException {
        long end = channel.position();
        Safetensors.writeAll(
                channel, ByteBuffer.allocate((int) (GgufTable.align(end, ALIGNMENT) - end)));
    }

    private static ByteBuffer buffer(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }
}
