package dev.anser.generate;

import dev.anser.base.AnserException;

/// Tokens cannot be drawn or a sequence cannot go on as asked. The message says why.
public class GenerateException extends AnserException {
    private static final long serialVersionUID = 1L;

    /// Creates an error with its one-line message.
    public GenerateException(String message) {
        super(message);
    }
}
