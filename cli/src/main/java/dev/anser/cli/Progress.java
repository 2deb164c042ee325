package dev.anser.cli;

import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/// A bar or a count on standard error for work that takes long; nothing when nobody watches.
final class Progress implements AutoCloseable {
    private static final int COLUMNS = 79;

    private final @Nullable ProgressBar bar;

    private Progress(@Nullable ProgressBar bar) {
        this.bar = bar;
    }

    /// Starts a bar for `total` bytes.
    static Progress start(Console console, String what, long total) {
        return start(console, what, total, " MB", 1_000_000);
    }

    /// Starts a bar for `total` of what `unit` names.
    static Progress count(Console console, String what, long total, String unit) {
        return start(console, what, total, " " + unit, 1);
    }

    /// Starts a count of what `unit` names, of which nobody knows how many there will be.
    static Progress count(Console console, String what, String unit) {
        return count(console, what, -1, unit);
    }

    private static Progress start(
            Console console, String what, long total, String unit, long unitSize) {
        if (!console.interactive()) {
            return new Progress(null);
        }
        return new Progress(
                new ProgressBarBuilder()
                        .setTaskName(what)
                        .setInitialMax(total)
                        .setUnit(unit, unitSize)
                        .setStyle(ProgressBarStyle.ASCII)
                        .setConsumer(new ConsoleProgressBarConsumer(console.err(), COLUMNS))
                        .showSpeed()
                        .build());
    }

    /// Says that `more` are done.
    void advance(long more) {
        if (bar != null) {
            bar.stepBy(more);
        }
    }

    @Override
    public void close() {
        if (bar != null) {
            bar.close();
        }
    }
}
