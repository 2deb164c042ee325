package dev.anser.train.report;

import dev.anser.train.TrainingException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// What a metrics file tells of its run, in memory that does not grow with the steps.
final class RunHistory {
    /// What the model wrote after a prompt.
    record Sample(String prompt, String text) {}

    /// What it wrote after a step.
    record Samples(long step, List<Sample> texts) {}

    /// A validation loss in nats per token, and in bits per byte or NaN.
    record Evaluation(long step, double loss, double bitsPerByte) {
        static final Evaluation NONE = new Evaluation(0, Double.NaN, Double.NaN);
    }

    private static final int SAMPLES = 60;
    private static final int SAMPLES_OF_A_STEP = 8;
    private static final int LONGEST_SAMPLE = 2000;
    private static final int RECENT = 100;

    final Curve loss = new Curve();
    final Curve learningRate = new Curve();
    final Curve gradientNorm = new Curve();
    final Curve tokensPerSecond = new Curve();
    final Curve gigaflopsPerSecond = new Curve();
    final Curve validation = new Curve();
    final Curve bitsPerByte = new Curve();

    private final List<Samples> samples = new ArrayList<>();
    private final List<Long> resumptions = new ArrayList<>();
    private final double[] recent = new double[RECENT];
    private Map<String, String> settings = Map.of();
    private Map<String, String> environment = Map.of();
    private String name;
    private String version = "";
    private String began = "";
    private String reason = "";
    private String lastSaved = "";
    private long parameters;
    private long steps;
    private long step;
    private long tokens;
    private long stepsSeen;
    private long samplesSeen;
    private long sampleStride = 1;
    private double seconds;
    private Evaluation best = Evaluation.NONE;
    private Evaluation last = Evaluation.NONE;

    private RunHistory(String name) {
        this.name = name;
    }

    /// Reads `metricsFile`, with or without its last line.
    ///
    /// @throws TrainingException when it cannot be read or a line before the last is broken
    static RunHistory of(Path metricsFile) {
        RunHistory history = new RunHistory(folderName(metricsFile));
        MetricsLines.read(metricsFile, history::take);
        return history;
    }

    private static String folderName(Path file) {
        Path folder = file.toAbsolutePath().getParent();
        Path name = folder == null ? null : folder.getFileName();
        return name == null ? "training" : name.toString();
    }

    private boolean take(MetricsLine line) throws MetricsLine.Malformed {
        switch (line.kind()) {
            case "run" -> takeRun(line);
            case "step" -> takeStep(line);
            case "evaluation" -> takeEvaluation(line);
            case "sample" -> takeSample(line);
            case "saved" -> lastSaved = line.text("file") + " (step " + line.step() + ")";
            case "finished" -> reason = line.text("reason");
            default -> {} // Of a later version.
        }
        return true;
    }

    private void takeRun(MetricsLine line) throws MetricsLine.Malformed {
        name = line.text("name");
        version = line.text("version");
        settings = line.texts("settings");
        environment = line.texts("environment");
        parameters = line.integer("parameters");
        steps = line.integer("steps");
        began = began.isEmpty() ? line.text("time") : began;
        reason = "";
        if (line.step() > 0) {
            resumptions.add(line.step());
        }
    }

    private void takeStep(MetricsLine line) throws MetricsLine.Malformed {
        step = line.step();
        tokens = line.integer("tokens");
        double now = line.number("seconds");
        seconds = Double.isFinite(now) ? now : seconds;
        double value = line.number("loss");
        recent[(int) (stepsSeen++ % RECENT)] = value;
        loss.add(here(value));
        learningRate.add(here(line.number("learningRate")));
        gradientNorm.add(here(line.number("gradientNorm")));
        tokensPerSecond.add(here(line.number("tokensPerSecond")));
        gigaflopsPerSecond.add(here(line.number("gigaflopsPerSecond")));
    }

    private void takeEvaluation(MetricsLine line) throws MetricsLine.Malformed {
        Evaluation evaluation =
                new Evaluation(line.step(), line.number("loss"), line.number("bitsPerByte"));
        step = Math.max(step, line.step());
        last = evaluation;
        if (Double.isNaN(best.loss()) || evaluation.loss() < best.loss()) {
            best = evaluation;
        }
        validation.add(here(evaluation.loss()));
        if (Double.isFinite(evaluation.bitsPerByte())) {
            bitsPerByte.add(here(evaluation.bitsPerByte()));
        }
    }

    /// Keeps one step in two, in four… when there are many; the last one always.
    private void takeSample(MetricsLine line) throws MetricsLine.Malformed {
        if (samples.isEmpty() || samples.getLast().step() != line.step()) {
            if (samplesSeen % sampleStride != 1 % sampleStride) {
                samples.removeLast();
            }
            samplesSeen++;
            samples.add(new Samples(line.step(), new ArrayList<>()));
            if (samples.size() > SAMPLES) {
                List<Samples> half = new ArrayList<>();
                for (int i = 0; i < samples.size(); i += 2) {
                    half.add(samples.get(i));
                }
                samples.clear();
                samples.addAll(half);
                sampleStride *= 2;
            }
        }
        List<Sample> here = samples.getLast().texts();
        if (here.size() < SAMPLES_OF_A_STEP) {
            here.add(
                    new Sample(
                            Texts.cut(line.text("prompt"), LONGEST_SAMPLE),
                            Texts.cut(line.text("text"), LONGEST_SAMPLE)));
        }
    }

    private Curve.Point here(double value) {
        return new Curve.Point(step, tokens, seconds, value);
    }

    String name() {
        return name;
    }

    String version() {
        return version;
    }

    /// When the run first started, in UTC, or nothing.
    String began() {
        return began;
    }

    /// Why it ended, or nothing when the file does not say.
    String reason() {
        return reason;
    }

    /// The last checkpoint and its step, or nothing.
    String lastSaved() {
        return lastSaved;
    }

    Map<String, String> settings() {
        return new LinkedHashMap<>(settings);
    }

    Map<String, String> environment() {
        return new LinkedHashMap<>(environment);
    }

    long parameters() {
        return parameters;
    }

    /// Steps at the end of the run.
    long steps() {
        return steps;
    }

    /// Steps done.
    long step() {
        return step;
    }

    long tokens() {
        return tokens;
    }

    double seconds() {
        return seconds;
    }

    Evaluation best() {
        return best;
    }

    Evaluation last() {
        return last;
    }

    /// Of at most 60 steps; those between are left out.
    List<Samples> samples() {
        return samples;
    }

    /// At how many steps there were samples.
    long samplesSeen() {
        return samplesSeen;
    }

    /// Steps at which the run went on with other settings or elsewhere.
    List<Long> resumptions() {
        return resumptions;
    }

    /// Of how many steps [#recentLoss()] is the mean.
    int recentSteps() {
        return (int) Math.min(RECENT, stepsSeen);
    }

    /// The mean loss of the last steps; NaN when there are none or one of them had no finite loss.
    double recentLoss() {
        double sum = 0;
        for (int i = 0; i < recentSteps(); i++) {
            sum += recent[i];
        }
        return sum / recentSteps();
    }
}
