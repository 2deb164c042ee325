package dev.anser.cli;

import dev.anser.hub.PullListener;
import org.jspecify.annotations.Nullable;

/// Shows how far a pull is: a bar for each file, or a line where nobody watches. Stops it when the
/// user wants.
final class PullProgress implements PullListener, AutoCloseable {
    private final Console console;
    private @Nullable Progress progress;

    PullProgress(Console console) {
        this.console = console;
    }

    @Override
    public void file(String name, long bytes) {
        close();
        console.err().println(name + " (" + Units.bytes(bytes) + ")");
        progress = Progress.start(console, "pull", bytes);
    }

    @Override
    public void advance(long bytes) {
        console.interruption().check();
        if (progress != null) {
            progress.advance(bytes);
        }
    }

    @Override
    public void retry(String reason) {
        console.err().println("anser: " + reason);
    }

    @Override
    public void close() {
        if (progress != null) {
            progress.close();
            progress = null;
        }
    }
}
