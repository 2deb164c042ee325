package dev.anser.cli;

import dev.anser.base.AnserException;
import dev.anser.model.Batch;
import dev.anser.model.State;
import java.nio.file.Path;
import java.util.Locale;
import java.util.SplittableRandom;

/// Runs two files that shall be the same model on the same tokens.
final class ModelComparison {
    private static final int TOKENS = 64;
    private static final long SEED = 1;

    private ModelComparison() {}

    /// Prints the largest difference between two logits of the models in `before` and `after`, and
    /// how many of their greedy choices agree.
    static void print(Console console, Path before, Path after, ComputeOptions compute) {
        float[] expected = logits(before, compute);
        float[] actual = logits(after, compute);
        if (actual.length != expected.length) {
            throw new AnserException(
                    after
                            + ": has another vocabulary than "
                            + before
                            + "; it is not the same model");
        }
        int vocabulary = expected.length / TOKENS;
        double largest = 0;
        int agreeing = 0;
        for (int row = 0; row < TOKENS; row++) {
            int from = row * vocabulary;
            for (int i = from; i < from + vocabulary; i++) {
                largest = Math.max(largest, Math.abs((double) expected[i] - actual[i]));
            }
            agreeing += best(expected, from, vocabulary) == best(actual, from, vocabulary) ? 1 : 0;
        }
        console.printLine(
                String.format(
                        Locale.ROOT,
                        "largest logit difference %.3g over %d random tokens; %d of %d"
                                + " most likely tokens agree",
                        largest,
                        TOKENS,
                        agreeing,
                        TOKENS));
    }

    private static float[] logits(Path file, ComputeOptions compute) {
        try (Engine engine = Engine.open(file, compute);
                State state = engine.model().newState()) {
            SplittableRandom random = new SplittableRandom(SEED);
            int vocabulary = engine.model().config().vocabulary();
            int[] tokens = random.ints(TOKENS, 0, vocabulary).toArray();
            Batch batch = Batch.of(state, Batch.Logits.ALL, tokens);
            return engine.model().forward(engine.ops(), batch).toFloats();
        }
    }

    private static int best(float[] logits, int from, int count) {
        int best = from;
        for (int i = from + 1; i < from + count; i++) {
            best = logits[i] > logits[best] ? i : best;
        }
        return best - from;
    }
}
