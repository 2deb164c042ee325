package dev.anser.model;

/// The sizes of a new model, and the weights that follow from them.
///
/// ```java
/// NewModel sizes = Architectures.create("llama", new NamedSizes(Map.of("layers", 4, "width", 128)));
/// InitialWeights weights = sizes.withVocabulary(256).training(42);
/// ```
public interface NewModel {
    /// The family, as [ModelConfig#architecture()] says it.
    String architecture();

    /// Number of blocks, L.
    int layers();

    /// Channels of the residual stream, C.
    int width();

    /// Number of token ids, V; 0 while it is not known.
    int vocabulary();

    /// The same with `vocabulary` token ids.
    NewModel withVocabulary(int vocabulary);

    /// All weights, collected by `builder`, which knows the seed and for what they are.
    ///
    /// @throws dev.anser.base.AnserException when the sizes do not fit together
    InitialWeights weights(InitialWeights.Builder builder);

    /// The weights that training begins with, by the rule of the family's own training code.
    ///
    /// @throws dev.anser.base.AnserException when the sizes do not fit together
    default InitialWeights training(long seed) {
        return weights(new InitialWeights.Builder(seed, true));
    }

    /// Random numbers in every matrix, for measuring and testing; see [InitialWeights.Builder].
    ///
    /// @throws dev.anser.base.AnserException when the sizes do not fit together
    default InitialWeights random(long seed) {
        return weights(new InitialWeights.Builder(seed, false));
    }
}
