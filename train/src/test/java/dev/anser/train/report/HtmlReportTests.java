package dev.anser.train.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anser.train.TrainingException;
import dev.anser.train.TrainingObserver;
import dev.anser.train.TrainingObserver.Evaluation;
import dev.anser.train.TrainingObserver.Run;
import dev.anser.train.TrainingObserver.Step;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HtmlReportTests {
    private static final Set<String> VOID = Set.of("meta", "input", "!DOCTYPE");

    @TempDir private Path folder;

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 17, 3001})
    void runsOfAnyLengthHaveAReport(int steps) throws IOException {
        String html = report(write("a", steps, step -> 1.0 / step));
        requireSound(html);
        assertThat(html.contains("<h2>Loss")).isEqualTo(steps > 0);
    }

    @Test
    void anEmptyFileHasAReport() throws IOException {
        Path file = Files.createFile(folder.resolve("metrics.jsonl"));
        String html = report(file);
        requireSound(html);
        assertThat(html).contains("nothing has happened yet");
    }

    @Test
    void theReportNeedsNoOtherFileAndNoNetwork() throws IOException {
        assertThat(report(write("a", 100, _ -> 1)))
                .doesNotContainPattern("https?:|//[a-z]|src=|href=|@import|url\\(");
    }

    @Test
    void whatComesFromOutsideIsEscaped() throws IOException {
        String hostile = "</script><img src=x onerror=alert(1)>\"'&\u0000\ud800";
        Path file = folder.resolve("metrics.jsonl");
        try (TrainingObserver metrics = new MetricsFile(file, Map.of(hostile, hostile))) {
            metrics.started(new Run(hostile, Map.of(hostile, hostile), 1, 0, 9, 9, hostile));
            metrics.stepped(new Step(1, 9, 1, 1, 1, 1, 1, 1));
            metrics.sampled(1, hostile, hostile);
            metrics.saved(1, hostile);
            metrics.finished(hostile);
        }
        Path html = folder.resolve("report.html");
        for (List<Path> files : List.of(List.of(file), List.of(file, file))) {
            HtmlReport.write(files, html);
            String text = Files.readString(html);
            requireSound(text);
            assertThat(text)
                    .doesNotContain("<img")
                    .contains("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;");
        }
    }

    @Test
    void stepsWithoutAFiniteLossAreNamedAndBreakTheCurve() throws IOException {
        Path file = write("a", 9, step -> step == 4 ? Double.NaN : step);
        String html = report(file);
        requireSound(html);
        assertThat(html).contains("1 step without a finite value, first at 4");
        String raw = html.substring(html.indexOf("<g class=\"line raw"));
        raw = raw.substring(0, raw.indexOf("</g>"));
        assertThat(raw.split("<polyline", -1)).hasSize(3);
    }

    @Test
    void aRunWithoutAnyFiniteLossHasAReport() throws IOException {
        String html = report(write("a", 9, _ -> Double.NaN));
        requireSound(html);
        assertThat(html).contains("9 steps without a finite value");
    }

    @Test
    void aMillionStepsMakeASmallFileThatShowsTheSpike() throws IOException {
        Path file = write("a", 1_000_000, step -> step == 777_777 ? 9 : 2 + Math.sin(step) / 9);
        String html = report(file);
        assertThat(html).hasSizeLessThan(2_000_000).contains("the highest, 9.000, is above");
        Matcher lines = Pattern.compile("points=\"([^\"]*)\"").matcher(html);
        int found = 0;
        while (lines.find()) {
            found++;
            assertThat(lines.group(1).split(" ", -1)).hasSizeLessThanOrEqualTo(2002);
        }
        assertThat(found).isGreaterThan(10);
    }

    @Test
    void aHugeSampleIsCut() throws IOException {
        Path file = folder.resolve("metrics.jsonl");
        try (TrainingObserver metrics = new MetricsFile(file, Map.of())) {
            metrics.started(new Run("a", Map.of(), 1, 0, 9, 9, "1"));
            metrics.sampled(1, "", "\ud83d\ude00".repeat(5_000_000));
        }
        String html = report(file);
        requireSound(html);
        assertThat(file).satisfies(f -> assertThat(Files.size(f)).isLessThan(300_000));
        assertThat(html).hasSizeLessThan(40_000).contains("more characters)");
    }

    @Test
    void ofManySamplesSomeAreShownAndTheLastAlways() throws IOException {
        Path file = folder.resolve("metrics.jsonl");
        try (TrainingObserver metrics = new MetricsFile(file, Map.of())) {
            metrics.started(new Run("a", Map.of(), 1, 0, 9, 9, "1"));
            for (int i = 1; i <= 1021; i++) {
                metrics.sampled(i, "p", "first text of " + i);
                metrics.sampled(i, "q", "second text of " + i);
                RunHistory history = i % 50 == 21 ? RunHistory.of(file) : null;
                if (history != null) {
                    assertThat(history.samples()).hasSizeBetween(Math.min(i, 30), 60);
                    assertThat(history.samples().getFirst().step()).isEqualTo(1);
                    assertThat(history.samples().getLast().step()).isEqualTo(i);
                    assertThat(history.samples()).allMatch(step -> step.texts().size() == 2);
                }
            }
        }
        assertThat(report(file)).contains("of 1\u202f021 moments", "second text of 1021");
    }

    @Test
    void aTornLastLineIsLeftOut() throws IOException {
        Path file = write("a", 5, _ -> 1);
        String text = Files.readString(file);
        Files.writeString(file, text.substring(0, text.length() - 10));
        requireSound(report(file));
        Files.writeString(file, text + "\u0000\u0000\u0000");
        requireSound(report(file));
    }

    @Test
    void aLineThatLacksANumberIsNamed() throws IOException {
        Path file = folder.resolve("metrics.jsonl");
        Files.writeString(
                file, "{\"kind\":\"step\",\"step\":1,\"tokens\":2}\n{\"kind\":\"x\",\"step\":1}\n");
        assertThatThrownBy(() -> report(file))
                .isInstanceOf(TrainingException.class)
                .hasMessageContaining("line 1 ")
                .hasMessageContaining("it has no seconds, expected a number");
    }

    @Test
    void severalRunsShareTheirAxes() throws IOException {
        Path html = folder.resolve("report.html");
        List<Path> files = List.of(write("a", 30, _ -> 1), write("a", 60, _ -> 2));
        HtmlReport.write(files, html);
        String text = Files.readString(html);
        requireSound(text);
        assertThat(text).contains("<title>a · a (2)</title>", "class=\"differs\"");
        String loss = text.substring(text.indexOf("<h2>Loss"));
        loss = loss.substring(0, loss.indexOf("</svg>"));
        assertThat(loss).contains("line smooth c0", "line smooth c1", "line marked c1");
        assertThatThrownBy(() -> HtmlReport.write(List.of(), html))
                .isInstanceOf(TrainingException.class);
    }

    @Test
    void theReportIsWrittenDuringTheRunAndAtItsEnd() throws IOException {
        Path file = folder.resolve("metrics.jsonl");
        Path html = folder.resolve("report.html");
        try (TrainingObserver all =
                Observers.all(
                        List.of(
                                new MetricsFile(file, Map.of()),
                                new HtmlReport(file, html, Duration.ofNanos(1))))) {
            all.started(new Run("a", Map.of(), 1, 0, 9, 9, "1"));
            int step = 0;
            while (!Files.exists(html)) {
                step++;
                all.stepped(new Step(step, step, 1, 1, 1, 1, 1, 1));
            }
            assertThat(html).content().contains("not finished");
            all.finished("it was enough");
            assertThat(html).content().contains("it was enough");
        }
    }

    @Test
    void aReportThatCannotBeWrittenEndsTheRun() {
        Path file = folder.resolve("metrics.jsonl");
        Path html = folder.resolve("missing/report.html");
        try (TrainingObserver metrics = new MetricsFile(file, Map.of())) {
            TrainingObserver report = new HtmlReport(file, html, Duration.ofNanos(1));
            metrics.started(new Run("a", Map.of(), 1, 0, 9, 9, "1"));
            report.started(new Run("a", Map.of(), 1, 0, 9, 9, "1"));
            report.stepped(new Step(1, 1, 1, 1, 1, 1, 1, 1));
            assertThatThrownBy(report::close).hasMessageContaining("missing");
        }
    }

    private interface Loss {
        double after(int step);
    }

    private Path write(String name, int steps, Loss loss) {
        Path file = folder.resolve(name + steps + ".jsonl");
        try (TrainingObserver metrics = new MetricsFile(file, Map.of())) {
            metrics.started(
                    new Run(name, Map.of("steps", "" + steps), 99, 0, steps, 64, "0.1 (abc)"));
            for (int i = 1; i <= steps; i++) {
                metrics.stepped(
                        new Step(i, 64L * i, loss.after(i), 1e-3 / i, 0.5, 1000, 20, 0.064 * i));
                if (i % 10 == 0 && i <= 1000) {
                    metrics.evaluated(new Evaluation(i, loss.after(i), 2, 128));
                }
            }
        }
        return file;
    }

    private String report(Path file) throws IOException {
        Path html = folder.resolve("report.html");
        HtmlReport.write(file, html);
        return Files.readString(html);
    }

    /// Every element is closed in its order, and no number is missing.
    private static void requireSound(String html) {
        assertThat(html).doesNotContain("NaN", "Infinity").startsWith("<!DOCTYPE html>");
        String markup = html.replaceAll("(?s)<(script|style)>.*?</\\1>", "");
        Deque<String> open = new ArrayDeque<>();
        Matcher tags = Pattern.compile("<(/?)([a-zA-Z0-9!]+)[^<>]*?(/?)>").matcher(markup);
        while (tags.find()) {
            if (!tags.group(1).isEmpty()) {
                assertThat(open.pop()).isEqualTo(tags.group(2));
            } else if (tags.group(3).isEmpty() && !VOID.contains(tags.group(2))) {
                open.push(tags.group(2));
            }
        }
        assertThat(open).isEmpty();
    }
}
