package dev.anser.checkpoint;

import dev.anser.base.AnserException;
import dev.anser.base.WholeFile;
import dev.anser.tensor.DType;
import dev.anser.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;

/// Writes rwkv.cpp `.bin` files, version 101, whole or not at all, straight from the tensors'
/// memory. The same tensors give the same bytes.
public final class RwkvCpp {
    private static final int VERSION = 101;

    private RwkvCpp() {}

    /// What a file says before its tensors.
    ///
    /// @param vocabulary the number of tokens, at least 1
    /// @param width the width of the model, at least 1
    /// @param layers at least 1
    /// @param type that of the matrices
    public record Header(int vocabulary, int width, int layers, DType type) {}

    /// Writes tensors that are made one at a time, so that all together may exceed the memory.
    ///
    /// @param entries what will be written, in order, as rwkv.cpp names and lays out its tensors
    /// @param header sizes of the model and the type of its matrices
    /// @param tensors makes the tensor of an entry, asked once each in order; the tensor is
    ///   borrowed until the next one is asked for
    /// @throws AnserException when the format cannot hold the header or an entry, a tensor is not
    ///   what its entry says, or the file cannot be written
    public static void write(
            Path target,
            List<Checkpoint.Entry> entries,
            Header header,
            Function<Checkpoint.Entry, Tensor> tensors) {
        WrittenTensors written = new WrittenTensors(target, entries, tensors);
        if (header.vocabulary() < 1 || header.width() < 1 || header.layers() < 1) {
            throw WrittenTensors.unwritable(
                    target, "the sizes in " + header + " must be at least 1");
        }
        ByteBuffer start = buffer(24).putInt(RwkvCppTable.MAGIC).putInt(VERSION);
        start.putInt(header.vocabulary()).putInt(header.width()).putInt(header.layers());
        start.putInt(number(target, header.type())).flip();
        written.entries().forEach(entry -> check(written, entry));
        WholeFile.write(
                target,
                channel -> {
                    Safetensors.writeAll(channel, start);
                    for (Checkpoint.Entry entry : written.entries()) {
                        Tensor tensor = written.make(entry);
                        Safetensors.writeAll(channel, describe(target, entry));
                        Safetensors.writeAll(channel, tensor.segment());
                    }
                });
    }

    private static void check(WrittenTensors written, Checkpoint.Entry entry) {
        number(written.target(), entry.dtype());
        long[] sizes = entry.shape().sizes();
        if (sizes.length < 1 || sizes.length > RwkvCppTable.MAX_AXES) {
            throw written.unwritable(
                    entry,
                    "has " + sizes.length + " axes, rwkv.cpp takes 1 to " + RwkvCppTable.MAX_AXES);
        }
        if (sizes[sizes.length - 1] % entry.dtype().blockElements() != 0) {
            throw written.unwritable(
                    entry,
                    entry.shape()
                            + " has rows that are no multiple of "
                            + entry.dtype().blockElements()
                            + ", the block of "
                            + entry.dtype());
        }
        for (long size : sizes) {
            if (size > Integer.MAX_VALUE) {
                throw written.unwritable(entry, entry.shape() + " is too long for the format");
            }
        }
    }

    private static ByteBuffer describe(Path target, Checkpoint.Entry entry) {
        byte[] name = entry.name().getBytes(StandardCharsets.UTF_8);
        long[] sizes = entry.shape().sizes();
        ByteBuffer bytes = buffer(12 + 4 * sizes.length + name.length);
        bytes.putInt(sizes.length).putInt(name.length).putInt(number(target, entry.dtype()));
        for (int axis = sizes.length - 1; axis >= 0; axis--) {
            bytes.putInt((int) sizes[axis]);
        }
        return bytes.put(name).flip();
    }

    private static int number(Path target, DType dtype) {
        int number = RwkvCppTable.number(dtype);
        if (number < 0) {
            throw WrittenTensors.unwritable(
                    target,
                    "rwkv.cpp has no type for "
                            + dtype
                            + ", expected "
                            + String.join(", ", RwkvCppTable.known()));
        }
        return number;
    }

    private static ByteBuffer buffer(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }
}
