package dev.anser.model;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.tensor.DType;
import java.util.List;

/// How one family of models stands in the files of one program: under which names, in which shapes.
///
/// An architecture knows the names and shapes of its authors' own files, the official ones. A
/// layout shows the tensors of other programs' files under them, and the way back.
public interface Layout {
    /// What it is called: `rwkv.cpp`, `gguf`, `fla`, `web-rwkv`.
    String name();

    /// Whether `file` has this layout.
    boolean recognises(Checkpoint file);

    /// The tensors of `file` under their official names and in their official shapes. Owns `file`.
    ///
    /// @throws dev.anser.checkpoint.ModelFormatException when a tensor has no place in the layout,
    ///   or its shape none
    Checkpoint official(Checkpoint file);

    /// The tensors of `official` as a file of this layout has them, without those that are
    /// [#lost(Checkpoint)]. Owns `official`.
    Checkpoint stored(Checkpoint official);

    /// The tensors of `official` that have an effect and no place in this layout.
    List<String> lost(Checkpoint official);

    /// What a model read from a file of this layout has that files of other layouts cannot say,
    /// beside its tensors; empty for most.
    default List<String> own() {
        return List.of();
    }

    /// How a tensor of [#stored(Checkpoint)] is written when weights shall be of type `wanted`:
    /// that, or something finer for what is small or sensitive.
    DType type(Checkpoint.Entry entry, DType wanted);
}
