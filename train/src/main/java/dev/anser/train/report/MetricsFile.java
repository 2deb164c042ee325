package dev.anser.train.report;

import dev.anser.train.TrainingException;
import dev.anser.train.TrainingObserver;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonEncoding;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/// Appends what happens in a run to a file, one JSON object a line.
///
///     {"kind":"run","firstStep":0,"name":…,"settings":{…},"parameters":…,"environment":{…},…}
///     {"kind":"step","step":1,"tokens":…,"loss":…,"learningRate":…,"gradientNorm":…,…}
///     {"kind":"evaluation","step":100,"loss":…,"bitsPerByte":…,"tokens":…,…}
///     {"kind":"sample","step":100,"prompt":…,"text":…,…}
///     {"kind":"saved","step":100,"file":…,…}
///     {"kind":"finished","step":100,"reason":"done",…}
///
/// Members are those of [TrainingObserver], and `time` in UTC. `seconds` goes on where a resumed run
/// was. Numbers read back equal to those written; null stands for one that is not finite.
///
/// A line goes to the system in one piece before its call returns, so a process that is killed has
/// lost none, and the last line at most is torn. A run that is resumed from step n drops that line
/// and all that happened after n. It writes no second `run` line unless something in it has changed,
/// and what happened at n is not written twice: in the end the file is that of a run which was never
/// interrupted, but for times, speeds and what an interruption saved.
public final class MetricsFile implements TrainingObserver {
    /// A longer sample is cut.
    private static final int LONGEST_SAMPLE = 100_000;

    private static final JsonFactory JSON = new JsonFactory();

    private final Path file;
    private final Map<String, String> environment;
    private final InstantSource clock;
    private final ByteArrayOutputStream line = new ByteArrayOutputStream();
    private final Set<String> repeatable = new HashSet<>();
    private @Nullable FileChannel channel;
    private @Nullable String lastRun;
    private long firstStep;
    private long lastStep;
    private double secondsBefore;

    /// Watches a run in `environment`, for example [Environment#here()], into `file`, which is
    /// opened when the run starts.
    public MetricsFile(Path file, Map<String, String> environment) {
        this(file, environment, InstantSource.system());
    }

    MetricsFile(Path file, Map<String, String> environment, InstantSource clock) {
        this.file = file;
        this.environment = new LinkedHashMap<>(environment);
        this.clock = clock;
    }

    /// Opens the file, and takes back what the run has not done yet where there is one already.
    ///
    /// @throws TrainingException when the file cannot be written or is no metrics file
    @Override
    public void started(Run run) {
        firstStep = run.firstStep();
        lastStep = firstStep;
        long kept = Files.exists(file) ? keep() : 0;
        try {
            FileChannel opened =
                    FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            channel = opened;
            opened.truncate(kept);
            opened.position(kept);
        } catch (IOException e) {
            throw MetricsLines.failure(file, "the metrics cannot be written", e);
        }
        if (!identity(run.settings(), environment, run.parameters(), run.steps(), run.version())
                .equals(lastRun)) {
            write("run", json -> writeRun(json, run));
        }
    }

    /// How many bytes happened up to the first step.
    private long keep() {
        long kept =
                MetricsLines.read(
                        file,
                        line -> {
                            if (line.step() > firstStep || line.kind().equals("finished")) {
                                return false;
                            }
                            remember(line);
                            return true;
                        });
        if (firstStep == 0) {
            // Nothing is done, so nothing has happened.
            repeatable.clear();
            lastRun = null;
            return 0;
        }
        return kept;
    }

    private void remember(MetricsLine line) throws MetricsLine.Malformed {
        switch (line.kind()) {
            case "run" ->
                    lastRun =
                            identity(
                                    line.texts("settings"),
                                    line.texts("environment"),
                                    line.integer("parameters"),
                                    line.integer("steps"),
                                    line.text("version"));
            case "step" -> {
                double seconds = line.number("seconds");
                secondsBefore = Double.isFinite(seconds) ? seconds : secondsBefore;
            }
            case "evaluation" -> rememberOnce(line, "evaluation");
            case "sample" -> rememberOnce(line, "sample " + line.text("prompt"));
            case "saved" -> rememberOnce(line, "saved");
            default -> {}
        }
    }

    private void rememberOnce(MetricsLine line, String what) {
        if (line.step() == firstStep) {
            repeatable.add(what);
        }
    }

    private static String identity(
            Map<String, String> settings,
            Map<String, String> environment,
            long parameters,
            long steps,
            String version) {
        return settings + "\n" + environment + "\n" + parameters + " " + steps + " " + version;
    }

    private void writeRun(JsonGenerator json, Run run) {
        json.writeNumberProperty("firstStep", run.firstStep());
        text(json, "name", run.name());
        texts(json, "settings", run.settings());
        json.writeNumberProperty("parameters", run.parameters());
        json.writeNumberProperty("steps", run.steps());
        json.writeNumberProperty("tokensPerStep", run.tokensPerStep());
        text(json, "version", run.version());
        texts(json, "environment", environment);
    }

    @Override
    public void stepped(Step step) {
        lastStep = step.step();
        write(
                "step",
                json -> {
                    json.writeNumberProperty("step", step.step());
                    json.writeNumberProperty("tokens", step.tokens());
                    number(json, "loss", step.loss());
                    number(json, "learningRate", step.learningRate());
                    number(json, "gradientNorm", step.gradientNorm());
                    number(json, "tokensPerSecond", step.tokensPerSecond());
                    number(json, "gigaflopsPerSecond", step.gigaflopsPerSecond());
                    number(json, "seconds", secondsBefore + step.seconds());
                });
    }

    @Override
    public void evaluated(Evaluation evaluation) {
        if (known(evaluation.step(), "evaluation")) {
            return;
        }
        write(
                "evaluation",
                json -> {
                    json.writeNumberProperty("step", evaluation.step());
                    number(json, "loss", evaluation.loss());
                    number(json, "bitsPerByte", evaluation.bitsPerByte());
                    json.writeNumberProperty("tokens", evaluation.tokens());
                });
    }

    /// Writes the sample, its prompt and its text up to 100 000 characters each.
    @Override
    public void sampled(long step, String prompt, String text) {
        String cut = Texts.wellFormed(Texts.cut(prompt, LONGEST_SAMPLE));
        if (known(step, "sample " + cut)) {
            return;
        }
        write(
                "sample",
                json -> {
                    json.writeNumberProperty("step", step);
                    text(json, "prompt", cut);
                    text(json, "text", Texts.cut(text, LONGEST_SAMPLE));
                });
    }

    @Override
    public void saved(long step, String file) {
        if (known(step, "saved")) {
            return;
        }
        write(
                "saved",
                json -> {
                    json.writeNumberProperty("step", step);
                    text(json, "file", file);
                });
    }

    private boolean known(long step, String what) {
        return step == firstStep && repeatable.contains(what);
    }

    @Override
    public void finished(String reason) {
        write(
                "finished",
                json -> {
                    json.writeNumberProperty("step", lastStep);
                    text(json, "reason", reason);
                });
    }

    @FunctionalInterface
    private interface Members {
        void writeTo(JsonGenerator json);
    }

    private void write(String kind, Members members) {
        FileChannel out = channel;
        if (out == null) {
            throw new IllegalStateException(file + ": the run has not started, or is closed");
        }
        line.reset();
        try (JsonGenerator json =
                JSON.createGenerator(ObjectWriteContext.empty(), line, JsonEncoding.UTF8)) {
            json.writeStartObject();
            json.writeStringProperty("kind", kind);
            members.writeTo(json);
            json.writeStringProperty(
                    "time", clock.instant().truncatedTo(ChronoUnit.MILLIS).toString());
            json.writeEndObject();
        }
        line.write('\n');
        ByteBuffer bytes = ByteBuffer.wrap(line.toByteArray());
        try {
            while (bytes.hasRemaining()) {
                out.write(bytes);
            }
        } catch (IOException e) {
            throw MetricsLines.failure(file, "the metrics cannot be written", e);
        }
    }

    private static void number(JsonGenerator json, String name, double value) {
        if (Double.isFinite(value)) {
            json.writeNumberProperty(name, value);
        } else {
            json.writeNullProperty(name);
        }
    }

    private static void text(JsonGenerator json, String name, String value) {
        json.writeStringProperty(name, Texts.wellFormed(value));
    }

    private static void texts(JsonGenerator json, String name, Map<String, String> values) {
        json.writeObjectPropertyStart(name);
        values.forEach((key, value) -> text(json, Texts.wellFormed(key), value));
        json.writeEndObject();
    }

    /// Forces the file to the disk and closes it.
    @Override
    public void close() {
        FileChannel out = channel;
        channel = null;
        if (out == null) {
            return;
        }
        try (out) {
            out.force(true);
        } catch (IOException e) {
            throw MetricsLines.failure(file, "the metrics cannot be written", e);
        }
    }
}
