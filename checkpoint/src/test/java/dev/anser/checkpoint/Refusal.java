package dev.anser.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.anser.base.AnserException;
import java.util.Objects;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/// What a reader says about bad input.
final class Refusal {
    private Refusal() {}

    /// The one-line message of the error that `call` ends with.
    static String of(ThrowingCallable call) {
        Throwable thrown = catchThrowable(call);
        assertThat(thrown).isInstanceOf(AnserException.class);
        String message = Objects.requireNonNull(thrown.getMessage());
        assertThat(message.lines()).hasSize(1);
        return message;
    }
}
