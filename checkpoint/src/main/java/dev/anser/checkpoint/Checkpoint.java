package dev.anser.checkpoint;

import dev.anser.tensor.DType;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.util.Map;
import java.util.SequencedSet;

/// The named tensors of one model file, and what else the file says.
///
/// Opening reads only the file's table; a tensor's bytes are memory-mapped when it is asked for.
/// The checkpoint owns that memory: its tensors end with [#close()].
public interface Checkpoint extends AutoCloseable {
    /// Where a tensor comes from and what it is, without touching its data.
    record Entry(String name, DType dtype, Shape shape) {}

    /// The name errors use: the file's path, or what it was read from.
    String source();

    /// The file format: `pth`, `safetensors`, `gguf` or `rwkv.cpp`.
    String format();

    /// The names of all tensors, in the file's order.
    SequencedSet<String> names();

    /// What tensor `name` is.
    ///
    /// @throws ModelFormatException when there is none of that name
    Entry entry(String name);

    /// Tensor `name`: a view of the mapped file where the file stores it row-major, else a copy
    /// that this checkpoint owns. The same object at every call.
    ///
    /// @throws ModelFormatException when there is none of that name, or its data cannot be read
    Tensor tensor(String name);

    /// Text that the file carries beside its tensors (the `__metadata__` of safetensors, the header
    /// fields of rwkv.cpp, numbers and strings of a .pth or GGUF), by name.
    Map<String, String> metadata();

    /// The metadata of a GGUF file with its types: `String`, `Long`, `Double`, `Boolean`, or a
    /// `List` of one of these, by name, in the file's order. Lists read from the mapped file when
    /// they are asked, so they end with [#close()]. Empty for other formats.
    default Map<String, Object> values() {
        return Map.of();
    }

    /// What the `config.json` beside the weights says, as Hugging Face keeps it: `String`, `Long`,
    /// `Double`, `Boolean`, `List` and `Map` by name, in the file's order. Members that are null
    /// are left out. Empty when there is no such file.
    ///
    /// @throws ModelFormatException when the file is not one JSON object, or is larger than 1 MiB
    default Map<String, Object> configuration() {
        return Map.of();
    }

    /// Frees the mapping and every tensor.
    @Override
    void close();
}
