package dev.anser.cli;

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
import dev.anser.train.TrainingRun;
import java.nio.file.Path;
import java.util.List;
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
        Backend backend = Backends.choose();
        try (Threads team = new Threads(teamSize(settings));
                Stopping _ = Stopping.onInterrupt(console);
                TrainingRun run =
                        TrainingRun.open(settings, use(), backend, team, freeMemory())) {
            console.err()
                    .println(
                            "anser: "
                                    + Units.count(run.learner().model().parameters())
                                    + " weights, "
                                    + run.memory());
            Trainer.Result result =
                    run.start(trainer -> add(trainer, settings, run.tokenizer(), backend, team));
            result.model()
                    .ifPresent(
                            model ->
                                    console.err()
                                            .println(
                                                    "anser: step "
                                                            + result.step()
                                                            + ", weights in "
                                                            + model));
            return result.done() ? 0 : Cli.INTERRUPTED;
        }
    }

    private void add(
            TrainerBuilder trainer,
            TrainConfig settings,
            Tokenizer tokenizer,
            Backend backend,
            Threads team) {
        trainer.version(Version.ofAnser())
                .stop(console.interruption()::requested)
                .observer(new TrainingConsole(console));
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
        return reuse.resume ? RunFolder.Use.RESUME : RunFolder.Use.FORCE;
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
