package dev.anser.base;

import java.util.Objects;

/// The root of every error that Anser throws on purpose.
///
/// A message says in one line what happened, where, what was expected and what to do. The command
/// line prints it as it is; a stack trace is shown only on request.
public class AnserException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /// Creates an error with its one-line message.
    public AnserException(String message) {
        super(message);
    }

    /// Creates an error with its one-line message and what caused it.
    public AnserException(String message, Throwable cause) {
        super(message, cause);
    }

    /// The one line.
    @Override
    public String getMessage() {
        return Objects.requireNonNull(super.getMessage());
    }
}
