package dev.anser.train;

/// How far a run is.
///
/// @param step optimiser steps done
/// @param tokens inputs learned from
/// @param samples samples drawn from the data, which is where the next step goes on
/// @param runningLoss the loss of the last steps, averaged with weights that halve every few dozen
///   steps; NaN before the first
public record TrainingProgress(long step, long tokens, long samples, double runningLoss) {
    private static final double KEPT = 0.98;

    /// Before the first step.
    public static final TrainingProgress START = new TrainingProgress(0, 0, 0, Double.NaN);

    /// After one more step.
    TrainingProgress plus(long moreTokens, long moreSamples, double loss) {
        return new TrainingProgress(
                step + 1,
                tokens + moreTokens,
                samples + moreSamples,
                Double.isNaN(runningLoss) ? loss : KEPT * runningLoss + (1 - KEPT) * loss);
    }
}
