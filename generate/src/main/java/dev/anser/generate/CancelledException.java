package dev.anser.generate;

/// A prompt was cancelled, or its thread interrupted, before all of it was read.
public final class CancelledException extends GenerateException {
    private static final long serialVersionUID = 1L;

    /// Creates an error with its one-line message.
    public CancelledException(String message) {
        super(message);
    }
}
