package dev.anser.checkpoint;

import dev.anser.base.AnserException;

/// A file is not what its format says it is. The message names the file, the place and what was
/// expected.
public class ModelFormatException extends AnserException {
    private static final long serialVersionUID = 1L;

    /// Creates an error with its one-line message.
    public ModelFormatException(String message) {
        super(message);
    }

    /// Creates an error with its one-line message and what caused it.
    public ModelFormatException(String message, Throwable cause) {
        super(message, cause);
    }
}
