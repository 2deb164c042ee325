package dev.anser.checkpoint;

import dev.anser.base.AnserException;
import dev.anser.base.WholeFile;
import dev.anser.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;

/// Writes `.pth` files, whole or not at all, straight from the tensors' memory: what `torch.save`
/// makes of a state dict, which PyTorch 1.6 and later read with `torch.load(path,
/// weights_only=True)`.
///
/// The same tensors give the same bytes, whatever the file is called.
public final class Torch {
    // The folder in the zip; PyTorch takes any.
    private static final String FOLDER = "archive/";

    private Torch() {}

    /// Writes tensors that are made one at a time, so that all together may exceed the memory.
    ///
    /// @param entries what will be written, in order; of any type but the quantised ones
    /// @param tensors makes the tensor of an entry, asked once each in order; the tensor is
    ///   borrowed until the next one is asked for
    /// @throws AnserException when PyTorch has no type for an entry, a tensor is not what its entry
    ///   says, or the file cannot be written
    public static void write(
            Path target,
            List<Checkpoint.Entry> entries,
            Function<Checkpoint.Entry, Tensor> tensors) {
        WrittenTensors written = new WrittenTensors(target, entries, tensors);
        byte[] pickle = pickle(written);
        WholeFile.write(target, channel -> write(channel, written, pickle));
    }

    private static byte[] pickle(WrittenTensors written) {
        Pickler pickler = new Pickler();
        for (Checkpoint.Entry entry : written.entries()) {
            if (Pickler.storage(entry.dtype()).isEmpty()) {
                throw written.unwritable(
                        entry, "is " + entry.dtype() + ", a type that PyTorch does not have");
            }
            pickler.add(entry);
        }
        return pickler.end();
    }

    private static void write(FileChannel channel, WrittenTensors written, byte[] pickle)
            throws IOException {
        ZipWriter zip = new ZipWriter(channel);
        zip.add(FOLDER + "data.pkl", MemorySegment.ofArray(pickle));
        zip.add(FOLDER + "byteorder", ascii("little"));
        int key = 0;
        for (Checkpoint.Entry entry : written.entries()) {
            zip.add(FOLDER + "data/" + key++, written.make(entry).segment());
        }
        zip.add(FOLDER + "version", ascii("3\n"));
        zip.finish();
    }

    private static MemorySegment ascii(String text) {
        return MemorySegment.ofArray(text.getBytes(StandardCharsets.US_ASCII));
    }
}
