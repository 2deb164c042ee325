package dev.anser.hub;

import java.io.IOException;
import java.time.Duration;

/// Waits longer after each failure, and gives up after five without progress.
final class Retries {
    private static final int LIMIT = 5;
    private static final long SLICE_MILLIS = 100;

    private final String what;
    private final Duration pause;
    private final PullListener listener;
    private int failures;

    Retries(String what, Duration pause, PullListener listener) {
        this.what = what;
        this.pause = pause;
        this.listener = listener;
    }

    /// What may fail for a while.
    @FunctionalInterface
    interface Attempt<T> {
        /// Tries once.
        ///
        /// @throws IOException when another try may succeed
        T run() throws IOException;
    }

    /// Runs `attempt` until it succeeds.
    ///
    /// @throws HubException after the last failure
    <T> T run(Attempt<T> attempt) {
        while (true) {
            try {
                return attempt.run();
            } catch (IOException e) {
                failed(e);
            }
        }
    }

    /// Says that there was progress: earlier failures do not count any more.
    void progressed() {
        failures = 0;
    }

    /// Waits after a failure.
    ///
    /// @throws HubException when it was one too many
    void failed(IOException failure) {
        failures++;
        String reason = reason(failure);
        if (failures >= LIMIT) {
            throw new HubException(
                    "%s: failed %d times, the last time because of: %s; what has arrived is kept, try again later"
                            .formatted(what, failures, reason),
                    failure);
        }
        listener.retry(what + ": " + reason + "; trying again");
        long millis = pause.toMillis() << (failures - 1);
        try {
            for (; millis > 0; millis -= SLICE_MILLIS) {
                listener.advance(0);
                Thread.sleep(Math.min(millis, SLICE_MILLIS));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new HubException(what + ": the pull was interrupted; it can be resumed", e);
        }
    }

    private static String reason(IOException failure) {
        String message = failure.getMessage();
        return message == null ? failure.getClass().getSimpleName() : message;
    }
}
