package dev.anser.data;

/// Which targets of a conversation do not count in the loss.
public enum LossMask {
    /// All count, even the filling after the end.
    NONE,
    /// The filling does not count.
    PAD,
    /// Only what the assistant says counts, with the end of its turn.
    PROMPT
}
