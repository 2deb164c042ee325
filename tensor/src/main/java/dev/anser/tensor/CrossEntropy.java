package dev.anser.tensor;

import static dev.anser.tensor.Memory.get;
import static dev.anser.tensor.Memory.set;

/// The mean cross entropy of logits, and its gradient.
public final class CrossEntropy {
    /// The strength of L2Wrap in the official RWKV trainers.
    private static final float L2_WRAP = 1e-4f;

    private CrossEntropy() {}

    /// The mean over all R rows of `-log softmax(logits)[target]`, in nats.
    ///
    /// Sets `gradient` (R, V) to its gradient to the logits. With `l2Wrap` the gradient, not the
    /// loss, also gets `1e-4 / R · max` at each row's largest logit, which keeps logits from
    /// growing (RWKV-LM's `L2Wrap`).
    ///
    /// @throws ShapeException when the shapes do not fit, or a target is not below V
    public static double meanLoss(
            Threads threads, Tensor logits, int[] targets, Tensor gradient, boolean l2Wrap) {
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
            if (target < 0 || target >= vocabulary) {
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
                                        rows,
                                        l2Wrap),
                rows);
        double sum = 0;
        for (double loss : losses) {
            sum += loss;
        }
        return sum / rows;
    }

    private static double row(
            long logits, int vocabulary, int target, long gradient, int rows, boolean l2Wrap) {
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
        float scale = (float) (1 / sum / rows);
        for (int i = 0; i < vocabulary; i++) {
            set(gradient, i, get(gradient, i) * scale);
        }
        set(gradient, target, get(gradient, target) - 1f / rows);
        if (l2Wrap) {
            set(gradient, largest, get(gradient, largest) + L2_WRAP / rows * max);
        }
        return Math.log(sum) + max - get(logits, target);
    }
}
