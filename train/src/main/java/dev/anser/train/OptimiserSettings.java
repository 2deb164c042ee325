package dev.anser.train;

/// How gradients become steps.
///
/// @param settings of AdamW; its learning rate is that of [LearningRate] in a run
/// @param clip the longest that all gradients together may be as one vector, above 0; infinite for
///   no limit
/// @param l2Wrap whether the gradient has the official trainers' pull on the largest logit
public record OptimiserSettings(AdamW.Settings settings, double clip, boolean l2Wrap) {
    /// What the official RWKV-7 trainer has.
    public static final OptimiserSettings OFFICIAL =
            new OptimiserSettings(new AdamW.Settings(1e-3, 0.9, 0.99, 1e-18, 0.1), 1, true);

    /// Checks the range.
    public OptimiserSettings {
        if (!(clip > 0)) {
            throw new TrainingException(
                    "the limit of the gradients is " + clip + "; expected above 0");
        }
    }
}
