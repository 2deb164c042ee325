package dev.anser.hub;

import dev.anser.base.AnserException;

/// A model cannot be pulled, found or removed. The message says why.
public class HubException extends AnserException {
    private static final long serialVersionUID = 1L;

    /// Creates an error with its one-line message.
    public HubException(String message) {
        super(message);
    }

    /// Creates an error with its one-line message and what caused it.
    public HubException(String message, Throwable cause) {
        super(message, cause);
    }
}
