package dev.anser.cli;

import dev.anser.base.AnserException;
import dev.anser.generate.GenerationOptions;
import dev.anser.generate.Generator;
import dev.anser.generate.SamplerSettings;
import dev.anser.generate.Session;
import dev.anser.model.LanguageModel;
import dev.anser.tensor.Backend;
import dev.anser.tensor.Backends;
import dev.anser.tensor.EagerOps;
import dev.anser.tensor.Threads;
import dev.anser.text.Tokenizer;
import dev.anser.train.RunFolder;
import dev.anser.train.TrainConfig;
import dev.anser.train.Trainer;
import dev.anser.train.TrainerBuilder;
import dev.anser.train.TrainingObserver;
import dev.anser.train.TrainingRun;
import dev.anser.train.report.Environment;
import dev.anser.train.report.HtmlReport;
import dev.anser.train.report.MetricsFile;
import dev.anser.train.report.Observers;
import dev.anser.train.report.TensorBoardFile;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `anser train`: trains the model that a YAML file describes.
@Command(
        name = "train",
        description = {
            "Trains a model as a YAML file says, and keeps everything of the run in one folder.",
            "",
            "Ctrl-C finishes the step, saves and leaves; a second one leaves at once."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footer = {
            "",
            "Example:",
            "  anser train recipes/tiny-shakespeare.yaml --set data.train=input.txt",
            "  anser train recipes/tiny-shakespeare.yaml --set data.train=input.txt --resume"
        })
final class TrainCommand implements Callable<Integer> {
    private static final Duration REPORT_INTERVAL = Duration.ofMinutes(2);

    private final Console console;

    @Parameters(paramLabel = "CONFIG.yaml", description = "The settings of the run.")
    private Path config;

    @Option(
            names = "--set",
            paramLabel = "NAME=VALUE",
            description =
                    "A setting in place of the file's, as in --set batch.sequences=8; may be given many"
                            + " times. Its paths begin at the working directory.")
    private List<String> overrides = List.of();

    @ArgGroup private @Nullable Reuse reuse;

    @Option(
            names = {"-t", "--threads"},
            paramLabel = "N",
            description =
                    "Threads that compute, 1 to 1024; the same as --set threads=N. Default:"
                            + " ANSER_THREADS, else one per processor.")
    private @Nullable Integer threads;

    /// What becomes of a folder that has a run in it.
    static final class Reuse {
        @Option(
                names = "--resume",
                description = "Go on with the run in the folder from its last checkpoint.")
        private boolean resume;

        @Option(names = "--force", description = "Delete the run in the folder and start anew.")
        private boolean force;

        Reuse() {}
    }

    TrainCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        TrainConfig settings = TrainConfig.read(config, overrides);
        Backend backend = Backends.chooseForTraining();
        try (Threads team = new Threads(teamSize(settings));
                Stopping _ = Stopping.onInterrupt(console);
                TrainingRun run = TrainingRun.open(settings, use(), backend, team, freeMemory())) {
            console.err()
                    .println(
                            "anser: "
                                    + Units.count(run.learner().model().parameters())
                                    + " weights, "
                                    + run.memory());
            Optional<Tokenizer> tokenizer = run.tokenizer();
            if (settings.sample().every() > 0 && tokenizer.isEmpty()) {
                throw new AnserException(
                        config
                                + ": sample.every needs the vocabulary of the data; give"
                                + " data.vocabulary");
            }
            Trainer.Result result;
            try (TrainingObserver observer = observer(settings.run().folder(), backend)) {
                result =
                        run.start(trainer -> {
                            trainer.version(Version.ofAnser())
                                    .stop(console.interruption()::requested)
                                    .observer(observer);
                            tokenizer.ifPresent(
                                    known -> addSampler(trainer, settings, known, backend, team));
                        });
            }
            result.model()
                    .ifPresent(model ->
                            console.err()
                                    .println(
                                            "anser: step "
                                                    + result.step()
                                                    + ", weights in "
                                                    + model));
            return result.done() ? 0 : Cli.INTERRUPTED;
        }
    }

    private TrainingObserver observer(Path folder, Backend backend) {
        Path metrics = folder.resolve("metrics.jsonl");
        Map<String, String> environment = Environment.here();
        environment.put("backend", backend.description());
        return Observers.all(
                List.of(
                        new TrainingConsole(console),
                        new MetricsFile(metrics, environment),
                        new TensorBoardFile(folder.resolve("tensorboard")),
                        new HtmlReport(metrics, folder.resolve("report.html"), REPORT_INTERVAL)));
    }

    private void addSampler(
            TrainerBuilder trainer,
            TrainConfig settings,
            Tokenizer tokenizer,
            Backend backend,
            Threads team) {
        if (settings.sample().every() > 0) {
            trainer.sampler(
                    (model, prompt) ->
                            goOn(model, prompt, settings.sample(), tokenizer, backend, team),
                    settings.sample().prompt(),
                    settings.sample().every());
        }
    }

    private String goOn(
            LanguageModel model,
            String prompt,
            TrainConfig.Sample settings,
            Tokenizer tokenizer,
            Backend backend,
            Threads team) {
        GenerationOptions options =
                GenerationOptions.builder()
                        .maxTokens(settings.tokens())
                        .sampling(
                                SamplerSettings.builder()
                                        .temperature(settings.temperature())
                                        .seed(1)
                                        .build())
                        .cancelled(console.interruption()::requested)
                        .build();
        try (EagerOps ops = backend.newOps(team);
                Session session = new Session(model, ops)) {
            return new Generator(session, tokenizer).generate(prompt, options, _ -> {}).text();
        }
    }

    private RunFolder.Use use() {
        if (reuse == null) {
            return RunFolder.Use.NEW;
        }
        if (reuse.resume) {
            return RunFolder.Use.RESUME;
        }
        return reuse.force ? RunFolder.Use.FORCE : RunFolder.Use.NEW;
    }

    private int teamSize(TrainConfig settings) {
        if (threads != null) {
            return threads;
        }
        return settings.threads() == 0 ? Threads.defaultCount() : settings.threads();
    }

    private static long freeMemory() {
        return Machine.availableMemory().orElse(Long.MAX_VALUE);
    }
}
