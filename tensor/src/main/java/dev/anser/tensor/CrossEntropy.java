package dev.anser.tensor;

import static dev.anser.tensor.Memory.get;
import static dev.anser.tensor.Memory.set;

/// The cross entropy of logits, and its gradient.
public final class CrossEntropy {
    /// The strength of L2Wrap in the official RWKV trainers.
    private static final float L2_WRAP = 1e-4f;

    private CrossEntropy() {}

    /// A target that does not count: its row has no loss and no gradient.
    public static final int IGNORED = -1;

    /// The sum over the rows that count of `-log softmax(logits)[target]`, in nats.
    ///
    /// Sets `gradient` (R, V) to `scale` times its gradient to the logits; with `scale` 1 over the
    /// number of targets of a step, gradients add up to that of the step's mean. With `l2Wrap` the
    /// gradient, not the loss, also gets `1e-4 · scale · max` at each counting row's largest logit,
    /// which keeps logits from growing (RWKV-LM's `L2Wrap`).
    ///
    /// @param targets a token id or [#IGNORED] for each row
    /// @throws ShapeException when the shapes do not fit, or a target is not below V
    public static double sum(
            Threads threads,
            Tensor logits,
            int[] targets,
            double scale,
            Tensor gradient,
            boolean l2Wrap) {
        int rows = logits.rows();
        int vocabulary = logits.columns();
        if (targets.length != rows || gradient.elements() != logits.elements()) {
            throw new ShapeException(
                    targets.length
                            + " targets and a gradient "
                            + gradient
                            + " for logits "
                            + logits);
        }
        for (int target : targets) {
            if (target < IGNORED || target >= vocabulary) {
                throw new ShapeException(
                        "target "
                                + target
                                + " is outside the vocabulary of "
                                + vocabulary
                                + " tokens");
            }
        }
        double[] losses = new double[rows];
        threads.run(
                (row, worker) ->
                        losses[row] =
                                row(
                                        logits.address() + 4L * row * vocabulary,
                                        vocabulary,
                                        targets[row],
                                        gradient.address() + 4L * row * vocabulary,
                                        scale,
                                        l2Wrap),
                rows);
        double sum = 0;
        for (double loss : losses) {
            sum += loss;
        }
        return sum;
    }

    private static double row(
            long logits, int vocabulary, int target, long gradient, double scale, boolean l2Wrap) {
        if (target == IGNORED) {
            for (int i = 0; i < vocabulary; i++) {
                set(gradient, i, 0);
            }
            return 0;
        }
        int largest = 0;
        for (int i = 1; i < vocabulary; i++) {
            if (get(logits, i) > get(logits, largest)) {
                largest = i;
            }
        }
        float max = get(logits, largest);
        double sum = 0;
        for (int i = 0; i < vocabulary; i++) {
            double exponential = Math.exp(get(logits, i) - max);
            set(gradient, i, (float) exponential);
            sum += exponential;
        }
        float share = (float) (scale / sum);
        for (int i = 0; i < vocabulary; i++) {
            set(gradient, i, get(gradient, i) * share);
        }
        set(gradient, target, get(gradient, target) - (float) scale);
        if (l2Wrap) {
            set(gradient, largest, get(gradient, largest) + L2_WRAP * (float) scale * max);
        }
        return Math.log(sum) + max - get(logits, target);
    }
}
