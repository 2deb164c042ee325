package dev.anser.cli;

import dev.anser.train.TrainingObserver;
import java.util.Locale;

/// Shows a training run on standard error: one line that moves on a terminal, else a line now and
/// then.
final class TrainingConsole implements TrainingObserver {
    private static final int BAR = 20;
    private static final double SECONDS_BETWEEN_LINES = 10;
    private static final double SECONDS_BETWEEN_MOVES = 0.2;

    private final Console console;
    private final boolean moving;
    private long steps = 1;
    private long firstStep;
    private double shownAt = Double.NEGATIVE_INFINITY;
    private double smoothed = Double.NaN;
    private int columns;

    TrainingConsole(Console console) {
        this.console = console;
        this.moving = console.escapeCodes();
    }

    @Override
    public void started(Run run) {
        steps = run.steps();
        firstStep = run.firstStep();
        if (firstStep > 0) {
            line("anser: going on after step " + firstStep);
        }
    }

    @Override
    public void stepped(Step step) {
        smoothed = Double.isNaN(smoothed) ? step.loss() : 0.9 * smoothed + 0.1 * step.loss();
        double wait = moving ? SECONDS_BETWEEN_MOVES : SECONDS_BETWEEN_LINES;
        boolean edge = step.step() == firstStep + 1 || step.step() == steps;
        if (!edge && step.seconds() - shownAt < wait) {
            return;
        }
        shownAt = step.seconds();
        double perStep = step.seconds() / (step.step() - firstStep);
        String text =
                String.format(
                        Locale.ROOT,
                        "step %d/%d  loss %.4f  %s tokens/s  %s GFLOP/s  %s left",
                        step.step(),
                        steps,
                        smoothed,
                        Units.rate(step.tokensPerSecond()),
                        Units.rate(step.gigaflopsPerSecond()),
                        duration(perStep * (steps - step.step())));
        if (moving) {
            move(bar(step.step()) + " " + text);
        } else {
            console.err().println(text);
        }
    }

    private String bar(long step) {
        int full = (int) (BAR * step / steps);
        return "[" + "=".repeat(full) + " ".repeat(BAR - full) + "]";
    }

    @Override
    public void evaluated(Evaluation evaluation) {
        line(
                String.format(
                        Locale.ROOT,
                        "step %d: held-out loss %.4f nats per token%s",
                        evaluation.step(),
                        evaluation.loss(),
                        Double.isNaN(evaluation.bitsPerByte())
                                ? ""
                                : String.format(
                                        Locale.ROOT,
                                        ", %.4f bits per byte",
                                        evaluation.bitsPerByte())));
    }

    @Override
    public void sampled(long step, String prompt, String text) {
        line("step " + step + " wrote: " + prompt.strip() + text);
    }

    @Override
    public void finished(String reason) {
        if (moving && columns > 0) {
            console.err().println();
            columns = 0;
        }
    }

    private void line(String text) {
        if (moving) {
            move("");
            console.err().print('\r');
            columns = 0;
        }
        console.err().println(text);
    }

    private void move(String text) {
        console.err().print("\r" + text + " ".repeat(Math.max(0, columns - text.length())));
        console.err().flush();
        columns = text.length();
    }

    private static String duration(double seconds) {
        long whole = Math.round(seconds);
        return whole < 3600
                ? String.format(Locale.ROOT, "%d:%02d", whole / 60, whole % 60)
                : String.format(
                        Locale.ROOT, "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60);
    }
}
