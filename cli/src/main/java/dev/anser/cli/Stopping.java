package dev.anser.cli;

import org.jline.utils.Signals;

/// Ctrl-C for a command that has something to save: the first asks it to stop and lets it take its
/// time, the second ends the process at once.
final class Stopping implements AutoCloseable {
    private static final String INTERRUPT = "INT";

    private final Object before;

    private Stopping(Object before) {
        this.before = before;
    }

    /// Listens until closed.
    static Stopping onInterrupt(Console console) {
        Interruption interruption = console.interruption();
        return new Stopping(
                Signals.register(
                        INTERRUPT,
                        () -> {
                            if (interruption.requested()) {
                                Main.halt(Cli.INTERRUPTED);
                            }
                            interruption.request();
                            console.err()
                                    .println(
                                            "\nanser: finishing the step and saving; Ctrl-C again"
                                                    + " leaves at once");
                        }));
    }

    @Override
    public void close() {
        Signals.unregister(INTERRUPT, before);
    }
}
