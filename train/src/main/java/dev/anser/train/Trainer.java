package dev.anser.train;

import dev.anser.checkpoint.ModelFormatException;
import dev.anser.data.Samples;
import dev.anser.model.LanguageModel;
import dev.anser.tensor.Threads;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Trains a model: steps, evaluations, samples and checkpoints, until the last step or until it is
/// asked to stop.
///
/// ```java
/// try (Threads threads = new Threads(Threads.defaultCount());
///         Checkpoint checkpoint = Checkpoints.open(Path.of("first.safetensors"));
///         Learner learner = new Learner(checkpoint, Backends.choose(), threads);
///         RunFolder folder = RunFolder.open(Path.of("runs/first"), RunFolder.Use.NEW)) {
///     Trainer.Result result =
///             Trainer.builder(learner, samples, threads)
///                     .folder(folder)
///                     .steps(2000)
///                     .sequences(12)
///                     .learningRate(new LearningRate(2e-3, 2e-4, 100, Schedule.COSINE))
///                     .build()
///                     .run();
/// }
/// ```
///
/// The same settings, data and first weights give the same weights, bit for bit: on any number of
/// threads, and whether the run went through or was stopped, killed and resumed from its folder.
///
/// For one thread, which uses the whole team.
public final class Trainer {
    /// In nats. A model that knows its data almost by heart has losses near zero, of which one is
    /// easily many times another.
    private static final double LEAST_SPIKE = 1;

    /// The spikes of the first steps mean nothing.
    private static final int STEPS_BEFORE_SPIKES = 50;

    /// As PyTorch's `clip_grad_norm_` has it.
    private static final double CLIP_EPSILON = 1e-6;

    /// The embeddings of all families.
    private static final Set<String> EMBEDDINGS =
            Set.of(
                    "emb.weight",
                    "embed_tokens.weight",
                    "model.embed_tokens.weight",
                    "gpt_neox.embed_in.weight");

    /// Their heads.
    private static final Set<String> HEADS =
            Set.of("head.weight", "output_projection.weight", "lm_head.weight", "embed_out.weight");

    private final TrainerBuilder settings;
    private final Learner learner;
    private final Threads threads;
    private final Samples samples;
    private final List<TrainingObserver> observers;
    private final long tokensPerStep;
    private final double operationsPerToken;
    private TrainingProgress progress = TrainingProgress.START;
    private long savedStep = -1;
    private long savedNanos;

    /// How a run ended.
    ///
    /// @param step steps done, those before a resumption included
    /// @param done whether that is all of them; else it was asked to stop
    /// @param evaluation the last one, when there was any since the start or resumption
    /// @param model the file of the weights, when the run has a folder
    public record Result(
            long step,
            boolean done,
            Optional<TrainingObserver.Evaluation> evaluation,
            Optional<Path> model) {}

    /// Continues a prompt, to see how the model is doing.
    @FunctionalInterface
    public interface Sampler {
        /// What `model` writes after `prompt`. Runs on the training thread, and must not change the
        /// model.
        String goOn(LanguageModel model, String prompt);
    }

    Trainer(TrainerBuilder settings) {
        this.settings = settings;
        this.learner = settings.learner;
        this.threads = settings.threads;
        this.samples = settings.samples;
        this.observers = List.copyOf(settings.observers);
        this.tokensPerStep =
                (long) settings.sequences * settings.accumulate * settings.samples.length();
        this.operationsPerToken = 6.0 * matrixWeights(settings.learner.parameters());
        int vocabulary = learner.model().config().vocabulary();
        requireVocabulary("the training data", samples, vocabulary);
        if (settings.validation != null) {
            requireVocabulary("the validation data", settings.validation, vocabulary);
        }
    }

    /// Settings for training `learner` on `samples`; all three are borrowed.
    public static TrainerBuilder builder(Learner learner, Samples samples, Threads threads) {
        return new TrainerBuilder(learner, samples, threads);
    }

    static void requireVocabulary(String what, Samples samples, int vocabulary) {
        if (samples.largestToken() >= vocabulary) {
            throw new TrainingException(
                    what
                            + " has token id "
                            + samples.largestToken()
                            + ", the model a vocabulary of "
                            + vocabulary
                            + "; give it the vocabulary that the data was made with");
        }
    }

    /// Weights that a token is multiplied with, once forwards and twice backwards. An embedding is
    /// only looked up, unless it is the head as well.
    static long matrixWeights(List<Parameter> parameters) {
        boolean tied = parameters.stream().noneMatch(parameter -> HEADS.contains(parameter.name()));
        return parameters.stream()
                .filter(parameter -> tied || !EMBEDDINGS.contains(parameter.name()))
                .filter(parameter -> !parameter.name().endsWith("r_k"))
                .filter(parameter -> parameter.weight().shape().squeeze().rank() >= 2)
                .mapToLong(parameter -> parameter.weight().elements())
                .sum();
    }

    /// Trains.
    ///
    /// @throws TrainingException when the run's folder is of another run, or the loss is not finite
    ///   or has a spike; the last checkpoint stays as it is
    public Result run() {
        try (AdamW optimiser =
                new AdamW(learner.parameters(), settings.optimiser.settings(), threads)) {
            RunFolder folder = settings.folder;
            if (folder != null) {
                resume(folder, optimiser);
            }
            String reason = "it failed";
            started();
            try {
                Result result = train(optimiser);
                reason = result.done() ? "done" : "interrupted";
                return result;
            } catch (RuntimeException e) {
                reason = String.valueOf(e.getMessage());
                throw e;
            } finally {
                for (TrainingObserver observer : observers) {
                    observer.finished(reason);
                }
            }
        }
    }

    private void resume(RunFolder folder, AdamW optimiser) {
        Optional<RunFolder.Saved> last = folder.lastSaved();
        last.ifPresent(saved -> restore(folder, optimiser, saved));
        folder.writeConfig(TrainerBuilder.yaml(settings.described));
    }

    private void restore(RunFolder folder, AdamW optimiser, RunFolder.Saved saved) {
        if (!saved.fingerprint().equals(samples.fingerprint())) {
            throw new TrainingException(
                    folder.path()
                            + ": this run learned from other data (fingerprint "
                            + saved.fingerprint()
                            + ", now "
                            + samples.fingerprint()
                            + "); give the same file, or begin a new run");
        }
        if (saved.progress().step() > settings.steps) {
            throw new TrainingException(
                    folder.path()
                            + ": this run has done "
                            + saved.progress().step()
                            + " steps already; expected at most "
                            + settings.steps
                            + ", set more steps");
        }
        folder.restore(learner, optimiser);
        progress = saved.progress();
        savedStep = progress.step();
    }

    private void started() {
        TrainingObserver.Run run =
                new TrainingObserver.Run(
                        settings.name,
                        settings.described,
                        learner.parameters().stream()
                                .mapToLong(parameter -> parameter.weight().elements())
                                .sum(),
                        progress.step(),
                        settings.steps,
                        tokensPerStep,
                        settings.version);
        observers.forEach(observer -> observer.started(run));
    }

    private Result train(AdamW optimiser) {
        long began = System.nanoTime();
        savedNanos = began;
        TrainingObserver.@Nullable Evaluation evaluation = null;
        boolean stopped = settings.stop.getAsBoolean();
        while (progress.step() < settings.steps && !stopped) {
            step(optimiser, began);
            long step = progress.step();
            boolean last = step == settings.steps;
            if (settings.validation != null && (last || due(step, settings.evaluateEvery))) {
                evaluation = evaluate(settings.validation);
            }
            if (settings.sampler != null && (last || due(step, settings.sampleEvery))) {
                sample(settings.sampler);
            }
            stopped = settings.stop.getAsBoolean();
            if (last || stopped || saveIsDue()) {
                save(optimiser);
            }
        }
        boolean done = progress.step() == settings.steps;
        Optional<Path> model = Optional.empty();
        if (settings.folder != null) {
            model =
                    done
                            ? Optional.of(settings.folder.saveModel(learner))
                            : settings.folder.lastModel();
        }
        return new Result(progress.step(), done, Optional.ofNullable(evaluation), model);
    }

    private static boolean due(long step, long every) {
        return every > 0 && step % every == 0;
    }

    private void step(AdamW optimiser, long began) {
        long start = System.nanoTime();
        List<LabelledTokens> batches = new ArrayList<>();
        long drawn = progress.samples();
        int targets = 0;
        for (int i = 0; i < settings.accumulate; i++) {
            LabelledTokens batch = read(samples, drawn, settings.sequences);
            drawn += settings.sequences;
            targets += batch.targets();
            batches.add(batch);
        }
        if (targets == 0) {
            throw new TrainingException(
                    "step "
                            + (progress.step() + 1)
                            + ": none of its "
                            + tokensPerStep
                            + " targets counts in the loss; take longer samples or more of them");
        }
        learner.clearGradients();
        double sum = 0;
        try {
            for (LabelledTokens batch : batches) {
                sum += addGradients(batch, 1.0 / targets);
            }
        } catch (ModelFormatException e) {
            // A model looks at its weights when its logits are not finite.
            throw notFinite(Double.NaN);
        }
        double loss = sum / targets;
        double norm = GradientNorm.of(learner.parameters(), threads);
        requireSound(loss, norm);
        double clip = settings.optimiser.clip();
        double scale = norm > clip ? clip / (norm + CLIP_EPSILON) : 1;
        double rate =
                settings.learningRate.at(
                        progress.step(), tokensPerStep, settings.steps * tokensPerStep);
        optimiser.step(rate, scale);
        progress = progress.plus(tokensPerStep, drawn - progress.samples(), loss);
        long now = System.nanoTime();
        double seconds = Math.max(1, now - start) / 1e9;
        double speed = tokensPerStep / seconds;
        TrainingObserver.Step done =
                new TrainingObserver.Step(
                        progress.step(),
                        progress.tokens(),
                        loss,
                        rate,
                        norm,
                        speed,
                        speed * operationsPerToken / 1e9,
                        (now - began) / 1e9);
        observers.forEach(observer -> observer.stepped(done));
    }

    private double addGradients(LabelledTokens batch, double scale) {
        boolean l2Wrap = settings.optimiser.l2Wrap();
        return settings.chunk == 0
                ? learner.addGradients(batch, scale, l2Wrap)
                : learner.addDocuments(batch, settings.chunk, settings.carry, scale, l2Wrap);
    }

    /// Stops a run that would only get worse, before the weights are touched.
    private void requireSound(double loss, double norm) {
        if (!Double.isFinite(loss) || !Double.isFinite(norm)) {
            throw notFinite(loss);
        }
        double mean = progress.runningLoss();
        if (progress.step() >= STEPS_BEFORE_SPIKES
                && loss > settings.spike * mean
                && loss > mean + LEAST_SPIKE) {
            throw new TrainingException(
                    "step "
                            + (progress.step() + 1)
                            + ": the loss jumped to "
                            + loss
                            + ", more than "
                            + settings.spike
                            + " times the "
                            + mean
                            + " of the steps before"
                            + lastGood()
                            + "; try a lower learning rate, or allow it with spikeFactor");
        }
    }

    private TrainingException notFinite(double loss) {
        List<Parameter> parameters = learner.parameters();
        Optional<String> weight =
                GradientNorm.firstNonFinite(parameters, Parameter::weight, threads)
                        .map(parameter -> "the weight " + parameter.name());
        Optional<String> gradient =
                GradientNorm.firstNonFinite(parameters, Parameter::gradient, threads)
                        .map(parameter -> "the gradient of " + parameter.name());
        return new TrainingException(
                "step "
                        + (progress.step() + 1)
                        + ": the loss is "
                        + loss
                        + ", and the first numbers that are not finite are in "
                        + weight.or(() -> gradient).orElse("the logits")
                        + lastGood()
                        + "; try a lower learning rate");
    }

    private String lastGood() {
        return settings.folder == null
                ? ""
                : settings.folder
                        .lastModel()
                        .map(model -> "; the last good weights are " + model)
                        .orElse("; there is no checkpoint yet");
    }

    private static LabelledTokens read(Samples samples, long from, int sequences) {
        int[][] tokens = new int[sequences][samples.length() + 1];
        boolean[][] counts = new boolean[sequences][samples.length()];
        for (int b = 0; b < sequences; b++) {
            samples.read(from + b, tokens[b], counts[b]);
        }
        return new LabelledTokens(tokens, counts);
    }

    private TrainingObserver.Evaluation evaluate(Samples validation) {
        long all = validation.count();
        long wanted =
                settings.evaluateBatches == 0
                        ? all
                        : Math.min(all, (long) settings.evaluateBatches * settings.sequences);
        double sum = 0;
        long targets = 0;
        for (long at = 0; at < wanted && !settings.stop.getAsBoolean(); ) {
            int sequences = (int) Math.min(settings.sequences, wanted - at);
            LabelledTokens batch = read(validation, at, sequences);
            sum += learner.loss(batch);
            targets += batch.targets();
            at += sequences;
        }
        double loss = sum / targets;
        TrainingObserver.Evaluation evaluation =
                new TrainingObserver.Evaluation(
                        progress.step(),
                        loss,
                        loss / Math.log(2) * settings.tokensPerByte,
                        targets);
        if (targets > 0) {
            observers.forEach(observer -> observer.evaluated(evaluation));
        }
        return evaluation;
    }

    private void sample(Sampler sampler) {
        String text = sampler.goOn(learner.model(), settings.prompt);
        observers.forEach(observer -> observer.sampled(progress.step(), settings.prompt, text));
    }

    private boolean saveIsDue() {
        return due(progress.step(), settings.saveEverySteps)
                || (settings.saveEveryMinutes > 0
                        && System.nanoTime() - savedNanos > settings.saveEveryMinutes * 60e9);
    }

    private void save(AdamW optimiser) {
        RunFolder folder = settings.folder;
        if (folder == null || savedStep == progress.step()) {
            return;
        }
        Path file =
                folder.save(
                        learner,
                        optimiser,
                        new RunFolder.Saved(progress, samples.fingerprint(), settings.described),
                        settings.keep);
        savedStep = progress.step();
        savedNanos = System.nanoTime();
        observers.forEach(observer -> observer.saved(progress.step(), file.toString()));
    }
}
