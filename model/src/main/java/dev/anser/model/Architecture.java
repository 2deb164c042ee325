package dev.anser.model;

import dev.anser.checkpoint.Checkpoint;
import java.util.List;

/// One family of models: how to tell its checkpoints, and how to build a model from one. Found by
/// `ServiceLoader`.
public interface Architecture {
    /// The family's name, as in [ModelConfig#architecture()].
    String name();

    /// Whether the names of `checkpoint`'s tensors are the official ones of this family.
    boolean recognises(Checkpoint checkpoint);

    /// Reads the sizes from the names and shapes of `checkpoint`'s tensors, without reading their
    /// data.
    ///
    /// @throws dev.anser.checkpoint.ModelFormatException when a tensor is missing or has an
    ///   impossible shape
    ModelConfig describe(Checkpoint checkpoint);

    /// The tensors that a sequence's state has in a model of these sizes.
    StateLayout stateLayout(ModelConfig config);

    /// How models of this family stand in the files of other programs.
    default List<Layout> layouts() {
        return List.of();
    }

    /// Whether shapes do not tell all of a model, so that its weights need their `config.json`.
    default boolean needsConfiguration() {
        return false;
    }

    /// Builds the model. It borrows the checkpoint's tensors and does not close it.
    ///
    /// @throws dev.anser.checkpoint.ModelFormatException when a tensor is missing, misshapen, of a
    ///   type that cannot be computed with, or not finite
    LanguageModel load(Checkpoint checkpoint);
}
