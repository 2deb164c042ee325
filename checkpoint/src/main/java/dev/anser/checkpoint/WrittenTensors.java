package dev.anser.checkpoint;

import dev.anser.base.AnserException;
import dev.anser.tensor.Tensor;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

/// The tensors that a writer was given: entries that are known beforehand, and a function that
/// makes them one at a time.
///
/// @param target the file, for errors
/// @param entries what will be written, in order; their names are usable and each comes once
/// @param maker makes the tensor of an entry
record WrittenTensors(
        Path target, List<Checkpoint.Entry> entries, Function<Checkpoint.Entry, Tensor> maker) {
    WrittenTensors {
        entries = List.copyOf(entries);
        Set<String> names = new HashSet<>();
        for (Checkpoint.Entry entry : entries) {
            checkText(target, entry.name(), FileBytes.MAX_NAME_BYTES);
            if (!names.add(entry.name())) {
                throw unwritable(
                        target, "the name " + FileBytes.quote(entry.name()) + " comes twice");
            }
        }
    }

    /// Fails unless `text` is good UTF-8 of 1 to `maxBytes` bytes, as the readers demand of names.
    static void checkText(Path target, String text, int maxBytes) {
        if (text.isEmpty()
                || !StandardCharsets.UTF_8.newEncoder().canEncode(text)
                || text.getBytes(StandardCharsets.UTF_8).length > maxBytes) {
            throw unwritable(
                    target,
                    "the name "
                            + FileBytes.quote(text)
                            + " is empty, has half a surrogate pair or more than "
                            + maxBytes
                            + " bytes");
        }
    }

    /// The tensor of `entry`, borrowed until the next one is asked for.
    Tensor make(Checkpoint.Entry entry) {
        Tensor tensor = maker.apply(entry);
        if (tensor.dtype() != entry.dtype() || !tensor.shape().equals(entry.shape())) {
            throw new AnserException(
                    target
                            + ": tensor "
                            + FileBytes.quote(entry.name())
                            + " is "
                            + tensor
                            + ", expected "
                            + entry.dtype()
                            + " "
                            + entry.shape());
        }
        return tensor;
    }

    /// What a tensor cannot be written for.
    AnserException unwritable(Checkpoint.Entry entry, String why) {
        return unwritable(target, "tensor " + FileBytes.quote(entry.name()) + " " + why);
    }

    static AnserException unwritable(Path target, String why) {
        return new AnserException(target + ": cannot be written, " + why);
    }
}
