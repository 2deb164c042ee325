package dev.anser.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/// Tells a running command that the user wants it to stop, and whoever asked that it has.
final class Interruption {
    private static final int WAIT_SECONDS = 10;

    private final CountDownLatch finished = new CountDownLatch(1);
    private volatile boolean requested;
    private volatile boolean waitingForInput;

    /// Thrown by [#check()]: ends the command with exit code 130 and no message.
    static final class InterruptedCommandException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        InterruptedCommandException() {
            super("interrupted", null, false, false);
        }
    }

    /// Asks the command to stop.
    void request() {
        requested = true;
    }

    /// Whether the command was asked to stop.
    boolean requested() {
        return requested;
    }

    /// Stops here when the command was asked to.
    ///
    /// @throws InterruptedCommandException when [#requested()]
    void check() {
        if (requested) {
            throw new InterruptedCommandException();
        }
    }

    /// Says that the command waits for input, or no longer: there is nothing to finish then.
    void waitingForInput(boolean waiting) {
        waitingForInput = waiting;
    }

    /// Says that the command has ended.
    void finished() {
        finished.countDown();
    }

    /// Asks the command to stop and waits until it has, for a while.
    void requestAndWait() {
        request();
        try {
            for (int i = 0; i < WAIT_SECONDS * 50 && !waitingForInput; i++) {
                if (finished.await(20, TimeUnit.MILLISECONDS)) {
                    return;
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
