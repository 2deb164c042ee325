package dev.anser.train;

import dev.anser.data.LossMask;
import dev.anser.model.NewModel;
import dev.anser.model.rwkv7.Rwkv7Initial;
import dev.anser.tensor.Precision;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SequencedMap;

/// Everything a training run is told, from one YAML file; see `recipes/` for examples.
///
/// @param run its name and folder
/// @param model what is trained
/// @param data what it learns from
/// @param batch how much of it at once
/// @param optimiser how gradients become steps
/// @param learningRate of every step
/// @param steps optimiser steps of the whole run
/// @param evaluate when held-out data is looked at
/// @param sample when text is written along the way
/// @param checkpoint when the run is saved
/// @param precision of matrix products; sums, losses and gradients are F32 in any case
/// @param activationCheckpointing whether activations inside a layer are computed again in the
///   backward pass instead of kept
/// @param adapter what of the model learns
/// @param spikeFactor a loss that is so many times the usual one, and 1 nat above it, stops the run
/// @param seed what first weights and random orders follow from
/// @param threads that compute
/// @param described every setting as understood, under its dotted name
public record TrainConfig(
        Run run,
        Model model,
        Data data,
        BatchSize batch,
        OptimiserSettings optimiser,
        LearningRate learningRate,
        long steps,
        Evaluate evaluate,
        Sample sample,
        Save checkpoint,
        Precision precision,
        boolean activationCheckpointing,
        AdapterSettings adapter,
        double spikeFactor,
        long seed,
        int threads,
        SequencedMap<String, String> described) {

    /// Settings that may change when a run is resumed; all others must stay.
    private static final List<String> CHANGEABLE =
            List.of(
                    "run.",
                    "data.train",
                    "data.validation",
                    "data.vocabulary",
                    "optimiser.",
                    "steps",
                    "evaluate.",
                    "sample.",
                    "checkpoint.",
                    "activationCheckpointing",
                    "spikeFactor",
                    "threads");

    private static final String EMBEDDING_BOUND = "model.embeddingBound";

    /// The run.
    ///
    /// @param name for reports
    /// @param folder for everything it writes
    public record Run(String name, Path folder) {}

    /// The model: one in a file, or a new one.
    ///
    /// @param from the file, when there is one
    /// @param sizes of a new model, when there is no file; its vocabulary is 0 when it follows from
    ///   the data
    /// @param embeddingBound how far from zero the embeddings of a new RWKV begin; empty for all
    ///   other models
    public record Model(
            Optional<Path> from, Optional<NewModel> sizes, OptionalDouble embeddingBound) {}

    /// The orders in which samples are drawn.
    public enum Order {
        /// Windows that begin anywhere.
        RANDOM,
        /// Windows of one length in the order of the official trainers.
        OFFICIAL,
        /// One window after the other.
        SEQUENTIAL,
        /// Whole documents, as many as fit into a sample; of binidx data.
        PACKED
    }

    /// What data is.
    public enum Format {
        /// Plain text, encoded at the start.
        TEXT,
        /// Tokens in RWKV's `.bin` and `.idx`.
        BINIDX,
        /// Conversations, one a line.
        SFT
    }

    /// The data.
    ///
    /// @param format what the files are
    /// @param train the file to learn from
    /// @param validation the file to evaluate on, when it is one of its own
    /// @param holdOut the share at the end of `train` that is kept for evaluation, 0 to below 1
    /// @param vocabulary the vocabulary file of text; empty for bytes
    /// @param context inputs of a sample, T
    /// @param order in which samples are drawn, but for conversations
    /// @param mask which targets of conversations do not count
    /// @param packing whether several conversations may share a sample
    public record Data(
            Format format,
            Path train,
            Optional<Path> validation,
            double holdOut,
            Optional<Path> vocabulary,
            int context,
            Order order,
            LossMask mask,
            boolean packing) {}

    /// How much data makes a step.
    ///
    /// @param sequences samples at once
    /// @param accumulate batches of a step
    /// @param chunk inputs that run at once, the state being carried on; 0 for whole samples
    /// @param carry how chunks hang together
    public record BatchSize(int sequences, int accumulate, int chunk, Carry carry) {}

    /// When held-out data is looked at.
    ///
    /// @param every so many steps; 0 for the end only
    /// @param batches so many of them; 0 for all of the data
    public record Evaluate(long every, int batches) {}

    /// When text is written along the way.
    ///
    /// @param every so many steps; 0 for never
    /// @param prompt what it begins with
    /// @param tokens how long it is
    /// @param temperature how freely it is drawn
    public record Sample(long every, String prompt, int tokens, double temperature) {}

    /// When the run is saved.
    ///
    /// @param everySteps so many steps; 0 for never
    /// @param everyMinutes so many minutes; 0 for never
    /// @param keep how many checkpoints stay
    public record Save(long everySteps, double everyMinutes, int keep) {}

    /// Reads `file`, with `overrides` (`a.b=value`) in place of what it says. Relative paths begin
    /// at the file's folder, those of overrides at the working directory.
    ///
    /// @throws TrainingException for an unknown setting, a wrong type or value, or settings that do
    ///   not go together; the message names the setting and where it stands
    public static TrainConfig read(Path file, List<String> overrides) {
        return read(Settings.read(file, overrides), stem(file));
    }

    static TrainConfig read(Settings settings, String stem) {
        String name = settings.text("run.name", stem);
        Run run = new Run(name, settings.path("run.folder").orElse(Path.of("runs").resolve(name)));
        Model model = model(settings);
        Data data = data(settings);
        BatchSize batch =
                new BatchSize(
                        settings.integer("batch.sequences", 1, 1, 1 << 20),
                        settings.integer("batch.accumulate", 1, 1, 1 << 20),
                        settings.integer("batch.chunk", 0, 0, 1 << 24),
                        settings.choice("batch.carry", Carry.NONE));
        settings.onlyIf(batch.chunk() > 0, "batch.carry", "needs chunks; give batch.chunk as well");
        if (!settings.has("batch.sequences")) {
            settings.missing("batch.sequences");
        }
        long steps = steps(settings, batch, data);
        LearningRate rate = rate(settings);
        double[] betas = settings.shares("optimiser.betas", 0.9, 0.99);
        OptimiserSettings optimiser =
                new OptimiserSettings(
                        new AdamW.Settings(
                                rate.first(),
                                betas[0],
                                betas[1],
                                settings.number("optimiser.epsilon", 1e-18, 0, false),
                                settings.number("optimiser.weightDecay", 0.1, 0, true)),
                        settings.number("optimiser.clip", 1, 0, false),
                        settings.flag("optimiser.l2Wrap", true));
        Evaluate evaluate =
                new Evaluate(
                        settings.whole("evaluate.every", 0, 0, Long.MAX_VALUE),
                        settings.integer("evaluate.batches", 0, 0, Integer.MAX_VALUE));
        if (evaluate.every() > 0 && data.validation().isEmpty() && data.holdOut() == 0) {
            settings.impossible(
                    "evaluate.every",
                    "needs held-out data; give data.validation or data.holdOut as well");
        }
        Sample sample =
                new Sample(
                        settings.whole("sample.every", 0, 0, Long.MAX_VALUE),
                        settings.text("sample.prompt", "\n"),
                        settings.integer("sample.tokens", 200, 1, 1 << 20),
                        settings.number("sample.temperature", 0.8, 0, true));
        Save save =
                new Save(
                        settings.whole("checkpoint.everySteps", 0, 0, Long.MAX_VALUE),
                        settings.number("checkpoint.everyMinutes", 10, 0, true),
                        settings.integer("checkpoint.keep", 3, 1, 1 << 20));
        TrainConfig config =
                new TrainConfig(
                        run,
                        model,
                        data,
                        batch,
                        optimiser,
                        rate,
                        steps,
                        evaluate,
                        sample,
                        save,
                        settings.choice("precision", Precision.F32),
                        settings.flag("activationCheckpointing", false),
                        adapter(settings, model),
                        settings.number("spikeFactor", 3, 1, false),
                        settings.whole("seed", 0, Long.MIN_VALUE, Long.MAX_VALUE),
                        settings.integer("threads", 0, 0, 1024),
                        settings.described());
        settings.requireSound();
        return config;
    }

    private static Model model(Settings settings) {
        Optional<Path> from = settings.path("model.from");
        if (from.isPresent()) {
            for (String name : ModelSizes.names()) {
                settings.onlyIf(false, name, "cannot be given together with model.from");
            }
            settings.onlyIf(false, EMBEDDING_BOUND, "cannot be given together with model.from");
            return new Model(from, Optional.empty(), OptionalDouble.empty());
        }
        Optional<NewModel> sizes = ModelSizes.read(settings);
        boolean bounded = sizes.map(NewModel::architecture).orElse("rwkv").startsWith("rwkv");
        double bound = settings.number(EMBEDDING_BOUND, Rwkv7Initial.EMBEDDING_BOUND, 0, false);
        settings.onlyIf(
                bounded, EMBEDDING_BOUND, "is for RWKV, whose embeddings begin evenly distributed");
        return new Model(
                Optional.empty(),
                sizes,
                bounded ? OptionalDouble.of(bound) : OptionalDouble.empty());
    }

    private static Data data(Settings settings) {
        Path train = settings.requiredPath("data.train");
        Data data =
                new Data(
                        settings.choice("data.format", format(train)),
                        train,
                        settings.path("data.validation"),
                        settings.number("data.holdOut", 0, 0, true),
                        settings.path("data.vocabulary"),
                        settings.integer("data.context", 512, 1, 1 << 24),
                        settings.choice("data.order", Order.RANDOM),
                        settings.choice("data.mask", LossMask.PROMPT),
                        settings.flag("data.packing", true));
        boolean conversations = data.format() == Format.SFT;
        for (String name : List.of("data.mask", "data.packing")) {
            settings.onlyIf(
                    conversations, name, "is for conversations; give data.format: sft as well");
        }
        for (String name : List.of("data.order", "data.holdOut")) {
            settings.onlyIf(!conversations, name, "is not for conversations, which data.train has");
        }
        if (data.order() == Order.PACKED && data.format() != Format.BINIDX) {
            settings.impossible("data.order", "is packed, which needs data in .bin and .idx");
        }
        if (data.order() == Order.PACKED && data.holdOut() > 0) {
            settings.impossible("data.holdOut", "cannot be given together with data.order packed");
        }
        if (data.holdOut() >= 1) {
            settings.impossible("data.holdOut", "is 1 or more; expected a share, as in 0.1");
        }
        if (data.holdOut() > 0 && data.validation().isPresent()) {
            settings.impossible("data.holdOut", "cannot be given together with data.validation");
        }
        return data;
    }

    private static Format format(Path train) {
        String name = String.valueOf(train.getFileName());
        if (name.endsWith(".jsonl") || name.endsWith(".jsonl.gz")) {
            return Format.SFT;
        }
        boolean index = Files.isRegularFile(train.resolveSibling(name + ".idx"));
        return name.endsWith(".bin") || name.endsWith(".idx") || index
                ? Format.BINIDX
                : Format.TEXT;
    }

    private static long steps(Settings settings, BatchSize batch, Data data) {
        long steps = settings.whole("steps", 0, 1, 1L << 32);
        long tokens = settings.whole("tokens", 0, 1, 1L << 53);
        if (settings.has("steps") == settings.has("tokens")) {
            settings.impossible(
                    "steps",
                    settings.has("steps")
                            ? "cannot be given together with tokens"
                            : "is missing; give it or tokens");
        }
        long perStep = (long) batch.sequences() * batch.accumulate() * data.context();
        return settings.has("steps") ? steps : (tokens + perStep - 1) / perStep;
    }

    private static LearningRate rate(Settings settings) {
        double first = settings.number("optimiser.learningRate", 1e-3, 0, false);
        return new LearningRate(
                first,
                settings.number("optimiser.finalLearningRate", first / 10, 0, false),
                settings.whole("optimiser.warmupSteps", 10, 0, Long.MAX_VALUE),
                settings.choice("optimiser.schedule", LearningRate.Schedule.COSINE));
    }

    private static AdapterSettings adapter(Settings settings, Model model) {
        AdapterSettings.Kind kind = settings.choice("adapter.kind", AdapterSettings.Kind.FULL);
        int rank = settings.integer("adapter.rank", 32, 1, 1 << 16);
        double alpha = settings.number("adapter.alpha", rank, 0, false);
        List<String> targets = settings.texts("adapter.targets");
        List<String> frozen = settings.texts("adapter.frozen");
        boolean full = kind == AdapterSettings.Kind.FULL;
        boolean lora = kind == AdapterSettings.Kind.LORA;
        if (!full && model.from().isEmpty()) {
            settings.impossible("adapter.kind", "needs a trained model; give model.from");
        }
        for (String name : List.of("adapter.rank", "adapter.alpha", "adapter.targets")) {
            settings.onlyIf(lora, name, "belongs to LoRA; give adapter.kind: lora as well");
        }
        settings.onlyIf(
                full,
                "adapter.frozen",
                "is for full training; an adapter freezes all of the model");
        return new AdapterSettings(
                kind, rank, alpha, lora ? targets : List.of(), full ? frozen : List.of());
    }

    /// Checks that this run may go on with what another one, which had `before` as its settings,
    /// has learned.
    ///
    /// @throws TrainingException naming the setting that differs
    void requireContinues(Map<String, String> before) {
        described.forEach((name, value) -> {
            String was = before.get(name);
            if (was != null
                    && !was.equals(value)
                    && CHANGEABLE.stream().noneMatch(name::startsWith)) {
                throw new TrainingException(
                        name
                                + " is "
                                + value
                                + ", the run to resume has "
                                + was
                                + "; set it back, or begin a new run");
            }
        });
    }

    private static String stem(Path file) {
        String name = String.valueOf(file.getFileName());
        int dot = name.lastIndexOf('.');
        return dot > 0 ? name.substring(0, dot) : name;
    }
}
