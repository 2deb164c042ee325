package dev.anser.tensor;

import dev.anser.base.AnserException;

/// A tensor has another shape or type than the operation needs.
public class ShapeException extends AnserException {
    private static final long serialVersionUID = 1L;

    /// Creates an error with its one-line message.
    public ShapeException(String message) {
        super(message);
    }
}
