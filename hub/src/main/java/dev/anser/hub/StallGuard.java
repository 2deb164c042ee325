package dev.anser.hub;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;

/// Closes a stream that has brought nothing for long, which the JDK's client would wait for.
final class StallGuard implements AutoCloseable {
    private final Thread watch;
    private volatile long last = System.nanoTime();

    StallGuard(InputStream stream, Duration stall) {
        watch = Thread.ofVirtual().start(() -> watch(stream, stall));
    }

    /// Says that something has come.
    void alive() {
        last = System.nanoTime();
    }

    private void watch(InputStream stream, Duration stall) {
        try {
            long left = stall.toNanos();
            while (left > 0) {
                Thread.sleep(Duration.ofNanos(left));
                left = stall.toNanos() - (System.nanoTime() - last);
            }
            stream.close();
        } catch (InterruptedException | IOException e) {
            // The download has ended, or the stream has: nothing is left to watch.
        }
    }

    @Override
    public void close() {
        watch.interrupt();
    }
}
