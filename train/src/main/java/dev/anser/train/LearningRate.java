package dev.anser.train;

/// The learning rate of every step: a warm-up, and a way from the first rate to the last one, both
/// measured in tokens as the official RWKV trainers do.
///
/// With p the share of the way that is done, `(tokens - warm-up tokens) / (all tokens - warm-up
/// tokens)` held between 0 and 1, and f the last rate over the first, the cosine is `first · ((½ +
/// f/2) + (½ - f/2) cos(π p))`. During the warm-up the rate is also multiplied by `0.01 + 0.99 ·
/// step / warm-up steps`. Steps and tokens are those done before the step (RWKV-LM,
/// `RWKV-v7/train_temp/src/trainer.py`).
///
/// @param first the learning rate after the warm-up, above 0
/// @param last the learning rate at the end, above 0
/// @param warmupSteps steps of the warm-up, 0 or more
/// @param schedule the way from the first rate to the last
public record LearningRate(double first, double last, long warmupSteps, Schedule schedule) {
    /// The ways.
    public enum Schedule {
        /// Half a cosine.
        COSINE,
        /// A straight line.
        LINEAR,
        /// The first rate throughout.
        CONSTANT
    }

    /// Checks the ranges.
    public LearningRate {
        if (!(first > 0) || Double.isInfinite(first) || !(last > 0) || Double.isInfinite(last)) {
            throw new TrainingException(
                    "the learning rate goes from "
                            + first
                            + " to "
                            + last
                            + "; expected two numbers above 0");
        }
        if (warmupSteps < 0) {
            throw new TrainingException(
                    "the warm-up takes " + warmupSteps + " steps; expected 0 or more");
        }
    }

    /// The rate of the step after `done` ones.
    ///
    /// @param tokensPerStep inputs of each step
    /// @param tokens inputs of the whole run
    public double at(long done, long tokensPerStep, long tokens) {
        double warmup = (double) warmupSteps * tokensPerStep;
        double progress =
                tokens > warmup ? ((double) done * tokensPerStep - warmup) / (tokens - warmup) : 1;
        progress = Math.clamp(progress, 0, 1);
        double factor = last / first;
        double rate =
                switch (schedule) {
                    case COSINE ->
                            first
                                    * ((0.5 + factor / 2)
                                            + (0.5 - factor / 2) * Math.cos(Math.PI * progress));
                    case LINEAR -> first * (1 + (factor - 1) * progress);
                    case CONSTANT -> first;
                };
        return done < warmupSteps ? rate * (0.01 + 0.99 * done / warmupSteps) : rate;
    }
}
