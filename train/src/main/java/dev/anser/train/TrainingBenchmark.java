package dev.anser.train;

import dev.anser.model.rwkv7.Rwkv7Initial;
import dev.anser.tensor.Backend;
import dev.anser.tensor.DType;
import dev.anser.tensor.EagerOps;
import dev.anser.tensor.OperationTimes;
import dev.anser.tensor.Precision;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.LongConsumer;

/// How fast a model of given sizes trains here, and where the time goes. Weights and tokens are
/// random: speed does not depend on them.
public final class TrainingBenchmark {
    private static final List<String> PRODUCTS = List.of("linear", "project");
    private static final List<String> RECURRENCE = List.of("wkv7");

    /// The shape at which the machine's product rate is measured: x (512, 2048) by w (8192, 2048).
    private static final int PRODUCT_ROWS = 512;

    private static final int PRODUCT_IN = 2048;
    private static final int PRODUCT_OUT = 8192;
    private static final int PRODUCT_REPETITIONS = 5;

    private TrainingBenchmark() {}

    /// What is measured.
    ///
    /// @param sizes of the model
    /// @param sequences samples of a step
    /// @param context inputs of a sample
    /// @param warmup steps before those that count
    /// @param steps that count, 1 or more
    /// @param precision of matrix products
    /// @param recompute whether layers are computed again in the backward pass
    public record Settings(
            Rwkv7Initial.Sizes sizes,
            int sequences,
            int context,
            int warmup,
            int steps,
            Precision precision,
            boolean recompute) {}

    /// What came out. Shares are of the time of whole steps and add up to 1.
    ///
    /// @param tokensPerSecond of each step
    /// @param productShare of matrix products, forwards and backwards
    /// @param recurrenceShare of WKV
    /// @param optimiserShare of the gradients' norm and AdamW
    /// @param otherShare of everything else: norms, token shifts, element by element, the loss
    /// @param operationsPerToken floating-point operations in matrix products: 6 for each weight of
    ///   a matrix, the embedding not counted
    /// @param productGigaflops the best rate of the machine's products, measured before the steps
    public record Result(
            double[] tokensPerSecond,
            double productShare,
            double recurrenceShare,
            double optimiserShare,
            double otherShare,
            double operationsPerToken,
            double productGigaflops) {
        /// The median of the steps.
        public double medianTokensPerSecond() {
            double[] sorted = tokensPerSecond.clone();
            Arrays.sort(sorted);
            int half = sorted.length / 2;
            return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
        }

        /// 1e9 floating-point operations of products a second, over the whole of a step.
        public double gigaflops() {
            return medianTokensPerSecond() * operationsPerToken / 1e9;
        }
    }

    /// Runs it.
    ///
    /// @param progress told how many steps are done, after each
    public static Result run(
            Settings settings, Backend backend, Threads threads, LongConsumer progress) {
        double productGigaflops = productGigaflops(settings.precision(), backend, threads);
        OperationTimes times = new OperationTimes();
        double[] rates = new double[settings.steps()];
        long optimiserNanos = 0;
        long stepNanos = 0;
        AdamW.Settings rule = new AdamW.Settings(1e-4, 0.9, 0.99, 1e-18, 0.1);
        try (Learner learner =
                        Learner.of(
                                Rwkv7Initial.of(settings.sizes(), 1),
                                AdapterSettings.NONE,
                                0,
                                backend,
                                threads);
                AdamW optimiser = new AdamW(learner.parameters(), rule, threads)) {
            learner.precision(settings.precision());
            learner.recomputeBlocks(settings.recompute());
            learner.time(times);
            SplittableRandom random = new SplittableRandom(1);
            long inputs = (long) settings.sequences() * settings.context();
            for (int step = -settings.warmup(); step < settings.steps(); step++) {
                if (step == 0) {
                    times.clear();
                    optimiserNanos = 0;
                    stepNanos = 0;
                }
                int[][] tokens = new int[settings.sequences()][];
                for (int s = 0; s < tokens.length; s++) {
                    tokens[s] =
                            random.ints(settings.context() + 1, 0, settings.sizes().vocabulary())
                                    .toArray();
                }
                long start = System.nanoTime();
                learner.clearGradients();
                learner.addGradients(tokens, true);
                long between = System.nanoTime();
                double norm = GradientNorm.of(learner.parameters(), threads);
                optimiser.step(rule.learningRate(), Math.min(1, 1 / (norm + 1e-6)));
                long end = System.nanoTime();
                optimiserNanos += end - between;
                stepNanos += end - start;
                if (step >= 0) {
                    rates[step] = inputs * 1e9 / (end - start);
                }
                progress.accept(step + settings.warmup() + 1);
            }
            double products = (double) times.nanos(PRODUCTS) / stepNanos;
            double recurrence = (double) times.nanos(RECURRENCE) / stepNanos;
            double optimising = (double) optimiserNanos / stepNanos;
            return new Result(
                    rates,
                    products,
                    recurrence,
                    optimising,
                    1 - products - recurrence - optimising,
                    6.0 * Trainer.matrixWeights(learner.parameters()),
                    productGigaflops);
        }
    }

    private static double productGigaflops(Precision precision, Backend backend, Threads threads) {
        List<Long> nanos = new ArrayList<>();
        try (Arena arena = Arena.ofShared();
                EagerOps ops = backend.newOps(threads)) {
            Tensor x = random(arena, PRODUCT_ROWS, PRODUCT_IN);
            Tensor weight = random(arena, PRODUCT_OUT, PRODUCT_IN);
            ops.precision(precision);
            for (int i = 0; i < PRODUCT_REPETITIONS; i++) {
                ops.begin();
                long start = System.nanoTime();
                ops.linear(x, weight);
                nanos.add(System.nanoTime() - start);
            }
        }
        double operations = 2.0 * PRODUCT_ROWS * PRODUCT_IN * PRODUCT_OUT;
        return operations / nanos.stream().mapToLong(time -> time).min().orElseThrow();
    }

    private static Tensor random(Arena arena, int rows, int columns) {
        Tensor tensor = Tensor.allocate(arena, DType.F32, rows, columns);
        SplittableRandom random = new SplittableRandom(rows);
        float[] values = new float[rows * columns];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (random.nextDouble() - 0.5);
        }
        tensor.set(values);
        return tensor;
    }
}
