package dev.anser.tensor;

/// In which numbers rows stand when they are multiplied with quantised weights. All other products
/// have a [Precision].
public enum Activations {
    /// As they are: weights become floats.
    F32,
    /// Rounded to 8 bits in blocks, as ggml rounds them, so that weights stay small integers: 1.3
    /// to 3 times as fast, for an error that is small beside that of weights of 4 bits. For
    /// inference alone.
    INT8
}
