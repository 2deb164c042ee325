package dev.anser.data;

import dev.anser.base.AnserException;

/// Training data cannot be read, built or used. The message says which file, where in it and why.
public class DataException extends AnserException {
    private static final long serialVersionUID = 1L;

    /// Creates an error with its one-line message.
    public DataException(String message) {
        super(message);
    }

    /// Creates an error with its one-line message and what caused it.
    public DataException(String message, Throwable cause) {
        super(message, cause);
    }
}
