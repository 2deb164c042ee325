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

    /// The file format: `pth`, `safetensors` or `rwkv.cpp`.
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
    /// fields of rwkv.cpp, numbers and strings of a .pth), by name.
    Map<String, String> metadata();

    /// Frees the mapping and every tensor.
    @Override
    void close();
}
