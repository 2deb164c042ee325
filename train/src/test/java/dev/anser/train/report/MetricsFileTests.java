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
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetricsFileTests {
    private static final Map<String, String> HERE = Map.of("java", "25");

    @TempDir private Path folder;

    @Test
    void numbersReadBackEqual() {
        Random random = new Random(7);
        List<Double> written = new ArrayList<>();
        Path file = folder.resolve("metrics.jsonl");
        try (TrainingObserver metrics = new MetricsFile(file, HERE)) {
            metrics.started(run(0, Map.of()));
            for (int i = 1; i <= 1000; i++) {
                double value = Double.longBitsToDouble(random.nextLong());
                written.add(Double.isFinite(value) ? value : Double.NaN);
                metrics.stepped(new Step(i, i, value, value, value, value, value, i));
            }
        }
        List<Double> read = new ArrayList<>();
        MetricsLines.read(
                file,
                line -> {
                    if (line.kind().equals("step")) {
                        read.add(line.number("loss"));
                    }
                    return true;
                });
        assertThat(read).isEqualTo(written);
    }

    @Test
    void linesAreThese() throws IOException {
        Path file = folder.resolve("metrics.jsonl");
        try (TrainingObserver metrics =
                new MetricsFile(file, HERE, () -> Instant.ofEpochSecond(1_700_000_000))) {
            metrics.started(run(0, Map.of("seed", "1")));
            metrics.stepped(new Step(1, 64, Double.NaN, 1e-3, Double.POSITIVE_INFINITY, 5, 6, 0.5));
            metrics.evaluated(new Evaluation(1, 2.5, Double.NaN, 9));
            metrics.sampled(1, "a\ud83d", "\"<\n\u0000");
            metrics.saved(1, "step-1");
            metrics.finished("done");
        }
        assertThat(Files.readString(file))
                .isEqualTo(
                        """
                        {"kind":"run","firstStep":0,"name":"small","settings":{"seed":"1"},"parameters":99,"steps":10,"tokensPerStep":64,"version":"1","environment":{"java":"25"},TIME}
                        {"kind":"step","step":1,"tokens":64,"loss":null,"learningRate":0.001,"gradientNorm":null,"tokensPerSecond":5.0,"gigaflopsPerSecond":6.0,"seconds":0.5,TIME}
                        {"kind":"evaluation","step":1,"loss":2.5,"bitsPerByte":null,"tokens":9,TIME}
                        {"kind":"sample","step":1,"prompt":"a\ufffd","text":"\\"<\\n\\u0000",TIME}
                        {"kind":"saved","step":1,"file":"step-1",TIME}
                        {"kind":"finished","step":1,"reason":"done",TIME}
                        """
                                .replace("TIME", "\"time\":\"2023-11-14T22:13:20Z\""));
    }

    @Test
    void aRunKilledAnywhereAndResumedHasTheFileOfOneThatWasNot() throws IOException {
        Path whole = folder.resolve("whole.jsonl");
        try (TrainingObserver metrics = new MetricsFile(whole, HERE)) {
            train(metrics, 0);
        }
        byte[] bytes = Files.readAllBytes(whole);
        List<String> expected = timeless(whole);
        for (int first : new int[] {0, 4, 8}) {
            int from = first == 0 ? 0 : endOfLine(bytes, "\"saved\",\"step\":" + first);
            for (int cut = from; cut <= bytes.length; cut += 11) {
                Path file = folder.resolve("metrics.jsonl");
                Files.write(file, Arrays.copyOf(bytes, cut));
                try (TrainingObserver metrics = new MetricsFile(file, HERE)) {
                    train(metrics, first);
                }
                assertThat(timeless(file)).as("cut at %d", cut).isEqualTo(expected);
            }
        }
    }

    @Test
    void whatIsToldAgainOfTheFirstStepIsNotWrittenTwice() throws IOException {
        Path file = folder.resolve("metrics.jsonl");
        try (TrainingObserver metrics = new MetricsFile(file, HERE)) {
            train(metrics, 0);
        }
        List<String> expected = timeless(file);
        try (TrainingObserver metrics = new MetricsFile(file, HERE)) {
            metrics.started(run(8, Map.of("seed", "1")));
            metrics.evaluated(new Evaluation(8, 1, 1, 1));
            metrics.sampled(8, "Once", " again");
            metrics.saved(8, "step-8");
            steps(metrics, 8);
        }
        assertThat(timeless(file)).isEqualTo(expected);
    }

    @Test
    void secondsGoOn() {
        Path file = folder.resolve("metrics.jsonl");
        try (TrainingObserver metrics = new MetricsFile(file, HERE)) {
            train(metrics, 0);
        }
        try (TrainingObserver metrics = new MetricsFile(file, HERE)) {
            metrics.started(run(8, Map.of("seed", "1")));
            metrics.stepped(new Step(9, 1, 1, 1, 1, 1, 1, 0.25));
        }
        assertThat(RunHistory.of(file).seconds()).isEqualTo(8.25);
    }

    @Test
    void otherSettingsOfAResumedRunAreWritten() throws IOException {
        Path file = folder.resolve("metrics.jsonl");
        try (TrainingObserver metrics = new MetricsFile(file, HERE)) {
            train(metrics, 0);
        }
        try (TrainingObserver metrics = new MetricsFile(file, HERE)) {
            metrics.started(run(4, Map.of("seed", "2")));
        }
        assertThat(Files.readAllLines(file).getLast())
                .startsWith("{\"kind\":\"run\",\"firstStep\":4")
                .contains("\"seed\":\"2\"");
        assertThat(RunHistory.of(file).resumptions()).containsExactly(4L);
    }

    @Test
    void aBrokenLineBeforeTheLastIsRefusedAndNothingIsLost() throws IOException {
        Path file = folder.resolve("metrics.jsonl");
        String text = "{\"kind\":\"saved\",\"step\":1,\"file\":\"a\"}\n{\"kind\":\n{}\n";
        Files.writeString(file, text);
        try (TrainingObserver metrics = new MetricsFile(file, HERE)) {
            assertThatThrownBy(() -> metrics.started(run(4, Map.of())))
                    .isInstanceOf(TrainingException.class)
                    .hasMessageContaining("metrics.jsonl: line 2 ")
                    .hasMessageNotContaining("\n");
        }
        assertThat(file).hasContent(text);
    }

    @Test
    void aFolderThatIsMissingIsNamed() {
        Path file = folder.resolve("missing/metrics.jsonl");
        try (TrainingObserver metrics = new MetricsFile(file, HERE)) {
            assertThatThrownBy(() -> metrics.started(run(0, Map.of())))
                    .isInstanceOf(TrainingException.class)
                    .hasMessageContaining(file.toString());
        }
    }

    private static Run run(long firstStep, Map<String, String> settings) {
        return new Run("small", settings, 99, firstStep, 10, 64, "1");
    }

    private static void train(TrainingObserver observer, int first) {
        observer.started(run(first, Map.of("seed", "1")));
        steps(observer, first);
    }

    private static void steps(TrainingObserver observer, int first) {
        for (int i = first + 1; i <= 10; i++) {
            double loss = i == 5 ? Double.NaN : 1.0 / i;
            observer.stepped(new Step(i, 64L * i, loss, 1e-3, 0.1, 1, 2, i - first));
            if (i % 4 == 0) {
                observer.evaluated(new Evaluation(i, 2.0 / i, 3.0 / i, 128));
                observer.sampled(i, "Once", " upon a \u0001 \ud83d\ude00 time");
                observer.saved(i, "step-" + i);
            }
        }
        observer.finished("done");
    }

    private static int endOfLine(byte[] bytes, String text) {
        String all = new String(bytes, java.nio.charset.StandardCharsets.ISO_8859_1);
        return all.indexOf('\n', all.indexOf(text)) + 1;
    }

    private static List<String> timeless(Path file) throws IOException {
        return Files.readAllLines(file).stream()
                .map(line -> line.replaceAll("\"(time|seconds)\":[^,}]*", "\"$1\":0"))
                .toList();
    }
}
