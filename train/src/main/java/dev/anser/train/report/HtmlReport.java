package dev.anser.train.report;

import dev.anser.base.WholeFile;
import dev.anser.train.TrainingException;
import dev.anser.train.TrainingObserver;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/// Shows a run in one HTML file that needs nothing else: no network, no other file.
///
/// The report is made of the metrics file alone, so it can be made again at any time, of one run or
/// of several on the same axes:
///
///     HtmlReport.write(Path.of("run/metrics.jsonl"), Path.of("run/report.html"));
///
/// As an observer it writes the file every few minutes, on a thread of its own, and once at the end.
/// It reads what [MetricsFile] has written, so it comes after that one in [Observers#all(List)].
public final class HtmlReport implements TrainingObserver {
    private final Path metricsFile;
    private final Path html;
    private final long everyNanos;
    private final AtomicReference<@Nullable RuntimeException> failure = new AtomicReference<>();
    private @Nullable Thread writer;
    private long written;

    /// Writes `html` from `metricsFile` every `every` while the run goes on, and at its end.
    ///
    /// @throws TrainingException when `every` is not positive
    public HtmlReport(Path metricsFile, Path html, Duration every) {
        if (!every.isPositive()) {
            throw new TrainingException(
                    html + ": a report every " + every + "; expected a time above zero");
        }
        this.metricsFile = metricsFile;
        this.html = html;
        this.everyNanos = every.toNanos();
    }

    /// Writes `html` from one metrics file.
    ///
    /// @throws TrainingException when the metrics cannot be read
    /// @throws dev.anser.base.AnserException when the report cannot be written
    public static void write(Path metricsFile, Path html) {
        write(List.of(metricsFile), html);
    }

    /// Writes `html` from metrics files of several runs, on the same axes.
    ///
    /// @throws TrainingException when there is none, or one cannot be read
    /// @throws dev.anser.base.AnserException when the report cannot be written
    public static void write(List<Path> metricsFiles, Path html) {
        if (metricsFiles.isEmpty()) {
            throw new TrainingException(html + ": a report of no run; give at least one");
        }
        List<RunHistory> runs = metricsFiles.stream().map(RunHistory::of).toList();
        ByteBuffer bytes =
                ByteBuffer.wrap(new ReportPage(runs).html().getBytes(StandardCharsets.UTF_8));
        WholeFile.write(
                html,
                channel -> {
                    while (bytes.hasRemaining()) {
                        channel.write(bytes);
                    }
                });
    }

    @Override
    public void started(Run run) {
        written = System.nanoTime();
    }

    @Override
    public void stepped(Step step) {
        writeIfDue();
    }

    private void writeIfDue() {
        rethrow();
        boolean writing = writer != null && writer.isAlive();
        if (writing || System.nanoTime() - written < everyNanos) {
            return;
        }
        written = System.nanoTime();
        writer = Thread.ofPlatform().daemon().name("anser-report").start(this::writeOrRemember);
    }

    private void writeOrRemember() {
        try {
            write(metricsFile, html);
        } catch (RuntimeException e) {
            failure.set(e);
        }
    }

    private void rethrow() {
        RuntimeException thrown = failure.getAndSet(null);
        if (thrown != null) {
            throw thrown;
        }
    }

    @Override
    public void finished(String reason) {
        waitForWriter();
        write(metricsFile, html);
    }

    @Override
    public void close() {
        waitForWriter();
        rethrow();
    }

    private void waitForWriter() {
        Thread thread = writer;
        boolean interrupted = false;
        while (thread != null && thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        writer = null;
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
