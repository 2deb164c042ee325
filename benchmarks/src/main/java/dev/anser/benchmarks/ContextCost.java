package dev.anser.benchmarks;

import dev.anser.base.AnserException;
import dev.anser.model.InitialWeights;
import dev.anser.model.rwkv7.Rwkv7Initial;
import dev.anser.tensor.Backend;
import dev.anser.tensor.Backends;
import dev.anser.tensor.Threads;
import dev.anser.train.AdamW;
import dev.anser.train.AdapterSettings;
import dev.anser.train.Learner;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;

/// Trains with contexts of 128, 256, … 65,536 tokens, and writes the time per token and the peak
/// memory of each as a table and a plot: both should stay flat, since WKV does as much for a late
/// token as for an early one.
///
/// A step has the same number of tokens at every context: many short sequences, or few long ones.
/// It is a whole step of the optimiser, in F32, with plain backpropagation through whole sequences;
/// weights and tokens are random. A first step of each context, of a new learner, gives its memory
/// and warms up; then each round takes one step of each context, forwards and backwards in turns,
/// so that what else the machine does falls on all of them.
///
/// One thing does depend on the shape of the batch: with fewer than eight heads times sequences,
/// the gradient of WKV is cut by columns as well, so that many cores have work, and does part of
/// its work twice. Few heads show it where few sequences are left, at the longest contexts.
///
/// Arguments: layers, channels, tokens a step, rounds, and the path of the results without ending;
/// by default 1, 256, 65536, 3 and `context-cost`.
public final class ContextCost {
    private static final int SHORTEST = 128;
    private static final int LONGEST = 65536;
    private static final int HEAD_SIZE = 64;
    private static final int VOCABULARY = 256;
    private static final AdamW.Settings RULE = new AdamW.Settings(1e-4, 0.9, 0.99, 1e-18, 0.1);

    private final InitialWeights initial;
    private final int tokens;
    private final int rounds;
    private final Backend backend = Backends.chooseForTraining();
    private final SplittableRandom random = new SplittableRandom(1);

    /// What a context costs.
    ///
    /// @param micros per token, of each round in rising order
    /// @param peak bytes held at once
    private record Measured(int context, double[] micros, long peak) {
        double median() {
            int half = micros.length / 2;
            return micros.length % 2 == 1 ? micros[half] : (micros[half - 1] + micros[half]) / 2;
        }

        Results.Cost cost() {
            return new Results.Cost(context, median(), peak / 1e6);
        }
    }

    private ContextCost(int layers, int width, int tokens, int rounds) {
        this.initial =
                Rwkv7Initial.of(Rwkv7Initial.Sizes.of(layers, width, HEAD_SIZE, VOCABULARY), 1);
        this.tokens = tokens;
        this.rounds = rounds;
    }

    /// Runs the benchmark.
    public static void main(String[] arguments) throws IOException {
        int layers = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 1;
        int width = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 256;
        int tokens = arguments.length > 2 ? Integer.parseInt(arguments[2]) : LONGEST;
        int rounds = arguments.length > 3 ? Integer.parseInt(arguments[3]) : 3;
        String result = arguments.length > 4 ? arguments[4] : "context-cost";
        List<Integer> contexts = contexts(tokens);
        if (rounds < 1) {
            throw new AnserException(rounds + " rounds; expected 1 or more");
        }
        List<Measured> measured;
        try (Threads threads = new Threads(Threads.defaultCount())) {
            measured = new ContextCost(layers, width, tokens, rounds).run(contexts, threads);
        }
        writeTable(measured, tokens, result);
        String title =
                String.format(
                        Locale.ROOT,
                        "Training %d x %d (layers x channels), %,d tokens a step",
                        layers,
                        width,
                        tokens);
        Results.plot(
                result,
                new Results.Labels(title, "context, tokens", "peak memory"),
                Results.Axis.DOUBLING,
                measured.stream().map(Measured::cost).toList());
    }

    private static List<Integer> contexts(int tokens) {
        List<Integer> contexts = new ArrayList<>();
        for (int context = SHORTEST; context <= Math.min(tokens, LONGEST); context *= 2) {
            contexts.add(context);
        }
        if (contexts.isEmpty() || tokens % contexts.getLast() != 0) {
            throw new AnserException(
                    "a step of "
                            + tokens
                            + " tokens does not divide into equal contexts; expected a power of two"
                            + " from "
                            + SHORTEST
                            + ", or a multiple of "
                            + LONGEST);
        }
        return contexts;
    }

    private List<Measured> run(List<Integer> contexts, Threads threads) throws IOException {
        long[] peaks = new long[contexts.size()];
        for (int i = 0; i < peaks.length; i++) {
            peaks[i] = peak(contexts.get(i), threads);
        }
        double[][] micros = new double[contexts.size()][rounds];
        try (Learner learner = learner(threads);
                AdamW optimiser = new AdamW(learner.parameters(), RULE, threads)) {
            step(learner, optimiser, contexts.getFirst()); // touches all memory once
            for (int round = 0; round < rounds; round++) {
                for (int k = 0; k < micros.length; k++) {
                    int i = round % 2 == 0 ? k : micros.length - 1 - k;
                    long nanos = step(learner, optimiser, contexts.get(i));
                    micros[i][round] = nanos / 1e3 / tokens;
                    System.err.printf(
                            Locale.ROOT,
                            "round %d, context %d: %.2f µs per token%n",
                            round + 1,
                            contexts.get(i),
                            micros[i][round]);
                }
            }
        }
        List<Measured> measured = new ArrayList<>();
        for (int i = 0; i < peaks.length; i++) {
            Arrays.sort(micros[i]);
            measured.add(new Measured(contexts.get(i), micros[i], peaks[i]));
        }
        return measured;
    }

    private long peak(int context, Threads threads) throws IOException {
        ResidentMemory.forgetPeak();
        try (Learner learner = learner(threads);
                AdamW optimiser = new AdamW(learner.parameters(), RULE, threads)) {
            step(learner, optimiser, context);
            long peak = ResidentMemory.peak();
            System.err.printf(Locale.ROOT, "context %d: %.0f MB%n", context, peak / 1e6);
            return peak;
        }
    }

    private Learner learner(Threads threads) {
        return Learner.of(initial, AdapterSettings.NONE, 0, backend, threads);
    }

    /// Returns the nanoseconds of one step of the optimiser.
    private long step(Learner learner, AdamW optimiser, int context) {
        int[][] batch = new int[tokens / context][];
        for (int s = 0; s < batch.length; s++) {
            batch[s] = random.ints(context + 1L, 0, VOCABULARY).toArray();
        }
        long start = System.nanoTime();
        learner.clearGradients();
        learner.addGradients(batch, true);
        optimiser.step(RULE.learningRate(), 1);
        return System.nanoTime() - start;
    }

    private static void writeTable(List<Measured> measured, int tokens, String result) {
        Results.table(
                result,
                "context,sequences,microsecondsPerToken,fastest,slowest,peakMegabytes",
                measured.stream()
                        .map(at ->
                                String.format(
                                        Locale.ROOT,
                                        "%d,%d,%.2f,%.2f,%.2f,%.0f",
                                        at.context(),
                                        tokens / at.context(),
                                        at.median(),
                                        at.micros()[0],
                                        at.micros()[at.micros().length - 1],
                                        at.peak() / 1e6))
                        .toList());
    }
}
