package dev.anser.checkpoint;

import dev.anser.base.AnserException;
import dev.anser.base.WholeFile;
import dev.anser.tensor.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.function.Function;

/// Writes `.safetensors` files, whole or not at all, straight from the tensors' memory.
///
/// The same tensors and metadata give the same bytes: tensors stand in the order given, metadata by
/// name.
public final class Safetensors {
    private static final long SLICE_BYTES = 1L << 28;

    private Safetensors() {}

    /// Writes `tensors`, borrowed, in their order.
    ///
    /// @param metadata text that readers find under `__metadata__`; may be empty
    /// @throws AnserException when a name is unusable or the file cannot be written
    public static void write(
            Path target, SequencedMap<String, Tensor> tensors, Map<String, String> metadata) {
        List<Checkpoint.Entry> entries = new ArrayList<>();
        tensors.forEach((name, tensor) ->
                entries.add(new Checkpoint.Entry(name, tensor.dtype(), tensor.shape())));
        Iterator<Tensor> inOrder = tensors.values().iterator();
        write(target, entries, metadata, _ -> inOrder.next());
    }

    /// Writes tensors that are made one at a time, so that all together may exceed the memory.
    ///
    /// @param entries what will be written, in order
    /// @param metadata text that readers find under `__metadata__`; may be empty
    /// @param tensors makes the tensor of an entry, asked once each in order; the tensor is
    ///   borrowed until the next one is asked for
    /// @throws AnserException when a name is unusable, a tensor is not what its entry says, or the
    ///   file cannot be written
    public static void write(
            Path target,
            List<Checkpoint.Entry> entries,
            Map<String, String> metadata,
            Function<Checkpoint.Entry, Tensor> tensors) {
        WrittenTensors written = new WrittenTensors(target, entries, tensors);
        byte[] header = header(target, entries, metadata);
        WholeFile.write(
                target,
                channel -> {
                    ByteBuffer length = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
                    writeAll(channel, length.putLong(header.length).flip());
                    writeAll(channel, ByteBuffer.wrap(header));
                    for (Checkpoint.Entry entry : entries) {
                        writeAll(channel, written.make(entry).segment());
                    }
                });
    }

    /// Writes all of `segment` to `channel`, in slices that a buffer can address.
    static void writeAll(FileChannel channel, MemorySegment segment) throws IOException {
        for (long at = 0; at < segment.byteSize(); at += SLICE_BYTES) {
            long length = Math.min(SLICE_BYTES, segment.byteSize() - at);
            writeAll(channel, segment.asSlice(at, length).asByteBuffer());
        }
    }

    static void writeAll(FileChannel channel, ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
    }

    private static byte[] header(
            Path target, List<Checkpoint.Entry> entries, Map<String, String> metadata) {
        StringBuilder json = new StringBuilder("{");
        if (!metadata.isEmpty()) {
            JsonWriter.quote(target, json, SafetensorsTable.METADATA, FileBytes.MAX_NAME_BYTES);
            json.append(":{");
            String separator = "";
            for (Map.Entry<String, String> entry : new TreeMap<>(metadata).entrySet()) {
                json.append(separator);
                JsonWriter.quote(target, json, entry.getKey(), FileBytes.MAX_NAME_BYTES);
                json.append(':');
                JsonWriter.quote(target, json, entry.getValue(), FileBytes.MAX_METADATA_BYTES);
                separator = ",";
            }
            json.append('}');
        }
        long offset = 0;
        for (Checkpoint.Entry entry : entries) {
            if (entry.name().equals(SafetensorsTable.METADATA)) {
                throw WrittenTensors.unwritable(
                        target, "the name " + FileBytes.quote(entry.name()) + " is reserved");
            }
            if (entry.dtype().blockElements() != 1) {
                throw new AnserException(
                        target
                                + ": cannot be written, safetensors has no type for "
                                + entry.dtype()
                                + " of "
                                + FileBytes.quote(entry.name()));
            }
            json.append(json.length() == 1 ? "" : ",");
            JsonWriter.quote(target, json, entry.name(), FileBytes.MAX_NAME_BYTES);
            json.append(":{\"dtype\":\"").append(entry.dtype().name()).append("\",\"shape\":[");
            long[] sizes = entry.shape().sizes();
            for (int i = 0; i < sizes.length; i++) {
                json.append(i == 0 ? "" : ",").append(sizes[i]);
            }
            long end = offset + entry.dtype().bytes(entry.shape().elements());
            json.append("],\"data_offsets\":[").append(offset).append(',').append(end).append("]}");
            offset = end;
        }
        json.append('}');
        byte[] text = json.toString().getBytes(StandardCharsets.UTF_8);
        if (text.length > SafetensorsTable.MAX_HEADER_BYTES - 8) {
            throw new AnserException(
                    target
                            + ": cannot be written, the header takes "
                            + text.length
                            + " bytes, at most "
                            + (SafetensorsTable.MAX_HEADER_BYTES - 8)
                            + " are allowed");
        }
        ByteArrayOutputStream padded = new ByteArrayOutputStream(text.length + 8);
        padded.writeBytes(text);
        while (padded.size() % 8 != 0) {
            padded.write(' ');
        }
        return padded.toByteArray();
    }
}
