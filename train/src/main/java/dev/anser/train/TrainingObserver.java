package dev.anser.train;

import java.util.Map;

/// Watches a training run: files of metrics, reports, progress bars.
///
/// Called on the training thread, in order: [#started(Run)] once, then steps, evaluations, samples
/// and saves as they happen, then [#finished(String)] once, however the run ends. What an observer
/// throws ends the run.
public interface TrainingObserver extends AutoCloseable {
    /// What a run is.
    ///
    /// @param name its name
    /// @param settings every setting of the run under its dotted name, in order
    /// @param parameters number of weights that learn
    /// @param firstStep the number of steps done before, 0 unless resumed
    /// @param steps the number of steps at the end
    /// @param tokensPerStep inputs of each step
    /// @param version of Anser, with its commit where known
    record Run(
            String name,
            Map<String, String> settings,
            long parameters,
            long firstStep,
            long steps,
            long tokensPerStep,
            String version) {}

    /// One optimiser step.
    ///
    /// @param step its number, from 1
    /// @param tokens inputs seen so far, this step included
    /// @param loss mean cross entropy of its targets in nats
    /// @param learningRate the learning rate of weights whose scale is 1
    /// @param gradientNorm Euclidean norm of all gradients before clipping
    /// @param tokensPerSecond inputs of this step over its time
    /// @param gigaflopsPerSecond floating-point operations in matrix products over its time, in 1e9
    /// @param seconds time since the run (or its resumption) started
    record Step(
            long step,
            long tokens,
            double loss,
            double learningRate,
            double gradientNorm,
            double tokensPerSecond,
            double gigaflopsPerSecond,
            double seconds) {}

    /// The loss on held-out data after `step` steps.
    ///
    /// @param step steps done
    /// @param loss mean cross entropy in nats per token
    /// @param bitsPerByte the same in bits per byte of text, or NaN when the bytes are not known
    /// @param tokens how many targets it is the mean of
    record Evaluation(long step, double loss, double bitsPerByte, long tokens) {}

    /// The run begins.
    default void started(Run run) {}

    /// A step is done.
    default void stepped(Step step) {}

    /// Held-out data was evaluated.
    default void evaluated(Evaluation evaluation) {}

    /// After `step` steps the model went on with `prompt`.
    default void sampled(long step, String prompt, String text) {}

    /// After `step` steps a checkpoint was written to `file`.
    default void saved(long step, String file) {}

    /// The run has ended, for `reason`: `done`, `interrupted`, or what went wrong.
    default void finished(String reason) {}

    /// Flushes and closes files.
    @Override
    default void close() {}
}
