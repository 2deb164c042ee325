package dev.anser.train;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.Architectures;
import dev.anser.model.InitialWeights;
import dev.anser.model.ModelConfig;
import dev.anser.model.NewModel;
import dev.anser.tensor.Backend;
import dev.anser.tensor.Threads;
import dev.anser.text.Tokenizer;
import java.util.Optional;

/// A run as a [TrainConfig] has it: data, model and folder opened and checked, nothing written yet.
///
/// ```java
/// TrainConfig config = TrainConfig.read(Path.of("recipes/tiny-shakespeare.yaml"), List.of());
/// try (Threads threads = new Threads(Threads.defaultCount());
///         TrainingRun run =
///                 TrainingRun.open(
///                         config,
///                         RunFolder.Use.NEW,
///                         Backends.chooseForTraining(),
///                         threads,
///                         8L << 30)) {
///     run.start(trainer -> trainer.observer(observer));
/// }
/// ```
public final class TrainingRun implements AutoCloseable {
    private final TrainConfig config;
    private final RunFolder.Use use;
    private final Threads threads;
    private final TrainingData data;
    private final Learner learner;
    private final MemoryEstimate memory;

    private TrainingRun(
            TrainConfig config,
            RunFolder.Use use,
            Threads threads,
            TrainingData data,
            Learner learner,
            MemoryEstimate memory) {
        this.config = config;
        this.use = use;
        this.threads = threads;
        this.data = data;
        this.learner = learner;
        this.memory = memory;
    }

    /// Changes the settings of a trainer before it starts.
    @FunctionalInterface
    public interface Additions {
        /// Adds observers, a sampler, or a way to stop.
        void addTo(TrainerBuilder trainer);
    }

    /// Opens what `config` names. `threads` is borrowed.
    ///
    /// @param available bytes of memory that the run may take
    /// @throws dev.anser.base.AnserException when something is missing, does not fit together, or
    ///   takes more memory than there is
    public static TrainingRun open(
            TrainConfig config,
            RunFolder.Use use,
            Backend backend,
            Threads threads,
            long available) {
        RunFolder.requireUsable(config.run().folder(), use);
        TrainingData data = TrainingData.open(config.data(), config.seed());
        Learner learner = null;
        boolean opened = false;
        try {
            MemoryEstimate memory;
            int chunk = config.batch().chunk();
            int context = config.data().context();
            long rows =
                    (long) config.batch().sequences()
                            * (chunk == 0 ? context : Math.min(chunk, context));
            if (config.model().from().isPresent()) {
                try (Checkpoint checkpoint = Architectures.open(config.model().from().get())) {
                    learner =
                            new Learner(
                                    checkpoint, config.adapter(), config.seed(), backend, threads);
                }
                ModelConfig sizes = learner.model().config();
                memory =
                        MemoryEstimate.of(
                                learner.model().parameters(),
                                learning(learner),
                                sizes.layers(),
                                sizes.width(),
                                sizes.vocabulary(),
                                rows,
                                config.activationCheckpointing());
                memory.requireBelow(available);
            } else {
                NewModel sizes = config.model().sizes().orElseThrow();
                if (sizes.vocabulary() == 0) {
                    sizes = sizes.withVocabulary(vocabulary(data));
                }
                InitialWeights initial = sizes.training(config.seed());
                if (config.model().embeddingBound().isPresent()) {
                    double bound = config.model().embeddingBound().getAsDouble();
                    initial = initial.withEmbeddingBound(bound);
                }
                memory =
                        MemoryEstimate.of(
                                initial.parameters(),
                                initial.parameters(),
                                sizes.layers(),
                                sizes.width(),
                                sizes.vocabulary(),
                                rows,
                                config.activationCheckpointing());
                memory.requireBelow(available);
                learner = Learner.of(initial, config.adapter(), config.seed(), backend, threads);
            }
            learner.precision(config.precision());
            learner.recomputeBlocks(config.activationCheckpointing());
            int vocabulary = learner.model().config().vocabulary();
            Trainer.requireVocabulary("the training data", data.samples(), vocabulary);
            data.validation()
                    .ifPresent(validation ->
                            Trainer.requireVocabulary(
                                    "the validation data", validation, vocabulary));
            opened = true;
            return new TrainingRun(config, use, threads, data, learner, memory);
        } finally {
            if (!opened) {
                if (learner != null) {
                    learner.close();
                }
                data.close();
            }
        }
    }

    private static int vocabulary(TrainingData data) {
        return data.tokenizer()
                .map(Tokenizer::vocabularySize)
                .orElseThrow(() ->
                        new TrainingException(
                                "the vocabulary of the data is not known; give"
                                        + " data.vocabulary or model.vocabulary"));
    }

    private static long learning(Learner learner) {
        return learner.parameters().stream()
                .mapToLong(parameter -> parameter.weight().elements())
                .sum();
    }

    /// What the run takes of the machine's memory.
    public MemoryEstimate memory() {
        return memory;
    }

    /// The model and its gradients; borrowed.
    public Learner learner() {
        return learner;
    }

    /// The tokenizer of the data, where it is known.
    public Optional<Tokenizer> tokenizer() {
        return data.tokenizer();
    }

    /// Opens the folder and trains.
    ///
    /// @throws dev.anser.base.AnserException when the folder is of another run, or the run cannot
    ///   go on
    public Trainer.Result start(Additions additions) {
        try (RunFolder folder = RunFolder.open(config.run().folder(), use)) {
            folder.lastSaved().ifPresent(saved -> config.requireContinues(saved.settings()));
            TrainerBuilder trainer =
                    Trainer.builder(learner, data.samples(), threads)
                            .name(config.run().name())
                            .described(config.described())
                            .folder(folder)
                            .steps(config.steps())
                            .sequences(config.batch().sequences())
                            .accumulate(config.batch().accumulate())
                            .chunks(config.batch().chunk(), config.batch().carry())
                            .learningRate(config.learningRate())
                            .optimiser(config.optimiser())
                            .checkpoints(
                                    config.checkpoint().everySteps(),
                                    config.checkpoint().everyMinutes(),
                                    config.checkpoint().keep())
                            .spikeFactor(config.spikeFactor());
            data.validation()
                    .ifPresent(validation ->
                            trainer.validation(
                                            validation,
                                            config.evaluate().every(),
                                            config.evaluate().batches())
                                    .tokensPerByte(data.tokensPerByte()));
            additions.addTo(trainer);
            return trainer.build().run();
        }
    }

    @Override
    public void close() {
        learner.close();
        data.close();
    }
}
