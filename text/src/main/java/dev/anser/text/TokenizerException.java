package dev.anser.text;

import dev.anser.base.AnserException;

/// A vocabulary, a text or a token id cannot be used. The message says which and why.
public class TokenizerException extends AnserException {
    private static final long serialVersionUID = 1L;

    /// Creates an error with its one-line message.
    public TokenizerException(String message) {
        super(message);
    }

    /// Creates an error with its one-line message and what caused it.
    public TokenizerException(String message, Throwable cause) {
        super(message, cause);
    }
}
