package dev.anser.tensor;

/// The cross entropy of logits, and its gradient.
public final class CrossEntropy {
    /// The strength of L2Wrap in the official RWKV trainers.
    static final float L2_WRAP = 1e-4f;

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
    /// `gradient` may be `logits`, which are the largest tensor of a pass and of no use afterwards.
    /// The rows are cut for the team of `ops`.
    ///
    /// @param targets a token id or [#IGNORED] for each row
    /// @throws ShapeException when the shapes do not fit, or a target is not below V
    public static double sum(
            EagerOps ops,
            Tensor logits,
            int[] targets,
            double scale,
            Tensor gradient,
            boolean l2Wrap) {
        int rows = logits.rows();
        int vocabulary = logits.columns();
        requireFit(logits, targets, IGNORED);
        if (gradient.elements() != logits.elements()) {
            throw new ShapeException("a gradient " + gradient + " for logits " + logits);
        }
        GradientKernels kernels = ops.gradients();
        long bytes = 4L * vocabulary;
        double[] losses = new double[rows];
        ops.threads()
                .run(
                        (row, worker) -> {
                            long own = gradient.address() + row * bytes;
                            if (targets[row] == IGNORED) {
                                Memory.clear(own, bytes);
                            } else {
                                losses[row] =
                                        kernels.crossEntropy(
                                                logits.address() + row * bytes,
                                                vocabulary,
                                                targets[row],
                                                scale,
                                                own,
                                                l2Wrap);
                            }
                        },
                        rows);
        double sum = 0;
        for (double loss : losses) {
            sum += loss;
        }
        return sum;
    }

    /// The cross entropy of each row by itself, `-log softmax(logits)[target]` in nats, and whether
    /// the row's target has its largest logit, of equals the lowest id. Overwrites `logits`.
    ///
    /// @param targets a token id for each row
    /// @param losses gets the cross entropies of the rows
    /// @param largest gets whether the target is the most probable token
    /// @throws ShapeException when the shapes do not fit, or a target is not below V
    public static void rows(
            EagerOps ops, Tensor logits, int[] targets, double[] losses, boolean[] largest) {
        int rows = logits.rows();
        int vocabulary = logits.columns();
        requireFit(logits, targets, 0);
        if (losses.length < rows || largest.length < rows) {
            throw new ShapeException("too little room for the results of " + rows + " rows");
        }
        GradientKernels kernels = ops.gradients();
        long bytes = 4L * vocabulary;
        ops.threads()
                .run(
                        (row, worker) -> {
                            long own = logits.address() + row * bytes;
                            largest[row] = largest(own, vocabulary) == targets[row];
                            losses[row] =
                                    kernels.crossEntropy(
                                            own, vocabulary, targets[row], 1, own, false);
                        },
                        rows);
    }

    private static int largest(long logits, int count) {
        int best = 0;
        float top = Memory.get(logits, 0);
        for (int i = 1; i < count; i++) {
            float value = Memory.get(logits, i);
            if (value > top) {
                top = value;
                best = i;
            }
        }
        return best;
    }

    private static void requireFit(Tensor logits, int[] targets, int lowest) {
        int vocabulary = logits.columns();
        if (targets.length != logits.rows()) {
            throw new ShapeException(targets.length + " targets for logits " + logits);
        }
        for (int target : targets) {
            if (target < lowest || target >= vocabulary) {
                throw new ShapeException(
                        "target "
                                + target
                                + " is outside the vocabulary of "
                                + vocabulary
                                + " tokens");
            }
        }
    }
}
