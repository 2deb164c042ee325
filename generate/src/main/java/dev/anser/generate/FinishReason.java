package dev.anser.generate;

/// Why generation ended.
public enum FinishReason {
    /// The model ended its text: the end-of-document token, or a stop sequence.
    STOP,
    /// The budget of tokens was used up.
    LENGTH,
    /// The caller cancelled.
    CANCELLED
}
