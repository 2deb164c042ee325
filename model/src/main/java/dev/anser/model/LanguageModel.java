package dev.anser.model;

import dev.anser.tensor.Ops;
import dev.anser.tensor.Tensor;
import java.util.List;

/// An architecture with its weights: tokens and states in, logits and states out.
///
/// A model is immutable and may be used by many threads at once, each with its own [Ops] and
/// states. It borrows its large weights from the checkpoint that it was built from, which must stay
/// open as long as the model is used.
public interface LanguageModel extends AutoCloseable {
    /// Sizes and names of this model.
    ModelConfig config();

    /// Number of weights.
    long parameters();

    /// Every weight that has an effect, in the order of the architecture; borrowed. Whoever writes
    /// to them trains the model, and no other thread may use it meanwhile.
    List<Weight> weights();

    /// Bytes of weights that one decoding step reads.
    long bytesPerToken();

    /// The tensors of one sequence's state.
    StateLayout stateLayout();

    /// A new state: that of a sequence before its first token. The caller closes it.
    State newState();

    /// Runs every token of `batch` through the model and moves the states of its sequences on.
    ///
    /// @return the logits of the rows that the batch asks for, one under the other: (rows, V).
    ///   Valid until the next pass of `ops`.
    Tensor forward(Ops ops, Batch batch);

    /// Frees what the model itself allocated (the small vectors as F32).
    @Override
    void close();
}
