package dev.anser.model;

import dev.anser.base.AnserException;

/// A size that a new model cannot have.
public final class SizeException extends AnserException {
    private static final long serialVersionUID = 1L;

    private final String size;
    private final String reason;

    /// The size `size`, and what is wrong with it, such as "is 0; expected 1 or more".
    public SizeException(String size, String reason) {
        super(size + " " + reason);
        this.size = size;
        this.reason = reason;
    }

    /// The name of the size.
    public String size() {
        return size;
    }

    /// What is wrong with it.
    public String reason() {
        return reason;
    }
}
