package dev.anser.train;

/// How a long document's chunks hang together when a model learns from it.
public enum Carry {
    /// Each chunk begins anew.
    NONE,
    /// Each chunk begins with the state that the one before left, taken as a constant: the gradient
    /// stops there. Costs no more than without.
    TRUNCATED,
    /// The gradient is that of the whole document: each chunk hands that of its first state back to
    /// the chunk before. The state at the start of each chunk is kept, and each chunk runs forwards
    /// twice.
    EXACT
}
