package dev.anser.model;

import java.util.List;

/// An [Architecture] whose models can begin without a checkpoint. ARWKV-7 is none: it begins with
/// the weights of a Transformer.
public interface NewModels extends Architecture {
    /// The names of the sizes that a new model of this family can be given, beside
    /// [NamedSizes#COMMON].
    List<String> sizes();

    /// A new model of these sizes, none of which is unknown here.
    ///
    /// @throws SizeException when one is missing or impossible
    NewModel create(NamedSizes sizes);
}
