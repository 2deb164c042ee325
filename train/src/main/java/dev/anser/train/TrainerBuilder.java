package dev.anser.train;

import dev.anser.data.Samples;
import dev.anser.tensor.Threads;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SequencedMap;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// The settings of a [Trainer]. What is not set has the default named at its method.
public final class TrainerBuilder {
    final Learner learner;
    final Samples samples;
    final Threads threads;
    final List<TrainingObserver> observers = new ArrayList<>();
    String name = "training";
    String version = "unknown";
    SequencedMap<String, String> described = Collections.emptySortedMap();
    @Nullable RunFolder folder;
    @Nullable Samples validation;
    Trainer.@Nullable Sampler sampler;
    long steps = 1000;
    int sequences = 1;
    int accumulate = 1;
    int chunk;
    Carry carry = Carry.NONE;
    LearningRate learningRate = new LearningRate(1e-3, 1e-4, 10, LearningRate.Schedule.COSINE);
    OptimiserSettings optimiser = OptimiserSettings.OFFICIAL;
    long evaluateEvery;
    int evaluateBatches;
    double tokensPerByte = Double.NaN;
    long sampleEvery;
    String prompt = "";
    long saveEverySteps;
    double saveEveryMinutes = 10;
    int keep = 3;
    double spike = 3;
    BooleanSupplier stop = () -> false;

    TrainerBuilder(Learner learner, Samples samples, Threads threads) {
        this.learner = learner;
        this.samples = samples;
        this.threads = threads;
    }

    /// The run's name for observers; `training`.
    public TrainerBuilder name(String name) {
        this.name = name;
        return this;
    }

    /// The version of Anser for observers; `unknown`.
    public TrainerBuilder version(String version) {
        this.version = version;
        return this;
    }

    /// Every setting under its dotted name, for observers, the run's folder and its checkpoints;
    /// none.
    public TrainerBuilder described(Map<String, String> settings) {
        this.described = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(settings));
        return this;
    }

    /// Where checkpoints are written, and where the run goes on from when there is one; borrowed.
    /// Nowhere.
    public TrainerBuilder folder(RunFolder folder) {
        this.folder = folder;
        return this;
    }

    /// Data that the model does not learn from, to be evaluated on every `every` steps (0: only
    /// after the last); borrowed. None.
    ///
    /// @param batches how many batches of [#sequences(int)] samples, from the first sample on; 0
    ///   for all
    public TrainerBuilder validation(Samples validation, long every, int batches) {
        this.validation = validation;
        this.evaluateEvery = requireAtLeast(0, every, "the interval of evaluations");
        this.evaluateBatches =
                (int) requireAtLeast(0, batches, "the number of batches of an evaluation");
        return this;
    }

    /// Tokens that a byte of the validation data takes, 1 where tokens are bytes; NaN, not known.
    public TrainerBuilder tokensPerByte(double tokensPerByte) {
        this.tokensPerByte = tokensPerByte;
        return this;
    }

    /// Asks `sampler` to go on with `prompt` every `every` steps (0: only after the last). None.
    public TrainerBuilder sampler(Trainer.Sampler sampler, String prompt, long every) {
        this.sampler = sampler;
        this.prompt = prompt;
        this.sampleEvery = requireAtLeast(0, every, "the interval of samples");
        return this;
    }

    /// Optimiser steps of the whole run, 1 or more; 1000.
    public TrainerBuilder steps(long steps) {
        this.steps = requireAtLeast(1, steps, "the number of steps");
        return this;
    }

    /// Samples that run through the model at once, 1 or more; 1.
    public TrainerBuilder sequences(int sequences) {
        this.sequences = (int) requireAtLeast(1, sequences, "the number of sequences");
        return this;
    }

    /// Batches whose gradients make one step, 1 or more; 1.
    public TrainerBuilder accumulate(int batches) {
        this.accumulate = (int) requireAtLeast(1, batches, "the number of batches of a step");
        return this;
    }

    /// Runs samples `chunk` inputs at a time, with the state carried between them as `carry` says:
    /// so long ones take the memory of a chunk. 0 for all at once; 0.
    public TrainerBuilder chunks(int chunk, Carry carry) {
        this.chunk = (int) requireAtLeast(0, chunk, "the length of a chunk");
        this.carry = carry;
        return this;
    }

    /// The learning rate; a cosine from 1e-3 to 1e-4 after 10 steps of warm-up.
    public TrainerBuilder learningRate(LearningRate learningRate) {
        this.learningRate = learningRate;
        return this;
    }

    /// The optimiser; [OptimiserSettings#OFFICIAL].
    public TrainerBuilder optimiser(OptimiserSettings optimiser) {
        this.optimiser = optimiser;
        return this;
    }

    /// How often a checkpoint is written: every `steps` steps and every `minutes` minutes, each 0
    /// for never, and always at the end; every 10 minutes. The last `keep` stay, 1 or more; 3.
    public TrainerBuilder checkpoints(long steps, double minutes, int keep) {
        this.saveEverySteps = requireAtLeast(0, steps, "the steps between checkpoints");
        if (!(minutes >= 0) || Double.isInfinite(minutes)) {
            throw new TrainingException(
                    "the minutes between checkpoints are " + minutes + "; expected 0 or more");
        }
        this.saveEveryMinutes = minutes;
        this.keep = (int) requireAtLeast(1, keep, "the number of checkpoints to keep");
        return this;
    }

    /// The run stops when a step's loss is so many times that of the steps before, and at least 1
    /// nat above it; above 1; 3.
    public TrainerBuilder spikeFactor(double factor) {
        if (!(factor > 1)) {
            throw new TrainingException("the spike factor is " + factor + "; expected above 1");
        }
        this.spike = factor;
        return this;
    }

    /// Asked after every step whether to save and leave; never.
    public TrainerBuilder stop(BooleanSupplier stop) {
        this.stop = stop;
        return this;
    }

    /// Adds an observer; borrowed.
    public TrainerBuilder observer(TrainingObserver observer) {
        observers.add(observer);
        return this;
    }

    /// The trainer.
    ///
    /// @throws TrainingException when the data has tokens that the model lacks
    public Trainer build() {
        return new Trainer(this);
    }

    /// `settings` as YAML, which reads back as the same ones.
    static String yaml(SequencedMap<String, String> settings) {
        StringBuilder yaml = new StringBuilder();
        settings.forEach(
                (name, value) -> yaml.append(name).append(": ").append(quoted(value)).append('\n'));
        return yaml.toString();
    }

    private static String quoted(String value) {
        if (value.matches("[A-Za-z0-9/.+-][A-Za-z0-9/._+ -]*|\\[[A-Za-z0-9/._+, -]*]")) {
            return value;
        }
        StringBuilder quoted = new StringBuilder("\"");
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (c == '"' || c == '\\') {
                quoted.append('\\').append(c);
            } else if (c < 0x20 || c == 0x7f) {
                quoted.append(String.format(Locale.ROOT, "\\x%02x", (int) c));
            } else {
                quoted.append(c);
            }
        }
        return quoted.append('"').toString();
    }

    private static long requireAtLeast(long least, long value, String what) {
        if (value < least) {
            throw new TrainingException(what + " is " + value + "; expected " + least + " or more");
        }
        return value;
    }
}
