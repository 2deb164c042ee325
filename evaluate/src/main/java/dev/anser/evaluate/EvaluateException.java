package dev.anser.evaluate;

import dev.anser.base.AnserException;

/// A model cannot be evaluated on a text. The message says why.
public class EvaluateException extends AnserException {
    private static final long serialVersionUID = 1L;

    /// Creates an error with its one-line message.
    public EvaluateException(String message) {
        super(message);
    }
}
