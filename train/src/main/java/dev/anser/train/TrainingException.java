package dev.anser.train;

import dev.anser.base.AnserException;

/// Training cannot start or go on. The message says what is wrong and what to do.
public class TrainingException extends AnserException {
    private static final long serialVersionUID = 1L;

    /// Creates an error with its one-line message.
    public TrainingException(String message) {
        super(message);
    }

    /// Creates an error with its one-line message and what caused it.
    public TrainingException(String message, Throwable cause) {
        super(message, cause);
    }
}
