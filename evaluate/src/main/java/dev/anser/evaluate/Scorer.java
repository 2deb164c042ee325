package dev.anser.evaluate;

import dev.anser.model.Batch;
import dev.anser.model.LanguageModel;
import dev.anser.model.State;
import dev.anser.tensor.CrossEntropy;
import dev.anser.tensor.EagerOps;
import dev.anser.tensor.Tensor;
import dev.anser.text.Tokenizer;
import java.util.Arrays;
import java.util.function.IntConsumer;

/// Lets a model read tokens and looks at what it expected.
final class Scorer {
    /// Logits (tokens × vocabulary) of a pass: 128 MiB.
    private static final int LOGITS = 1 << 25;

    private static final int MAX_CHUNK = 512;

    private final LanguageModel model;
    private final EagerOps ops;
    private final IntConsumer progress;
    private final int chunk;
    private final double[] losses;
    private final boolean[] right;

    /// @param progress is told of the tokens of each pass; what it throws ends the evaluation
    Scorer(LanguageModel model, EagerOps ops, IntConsumer progress) {
        this.model = model;
        this.ops = ops;
        this.progress = progress;
        this.chunk = Math.clamp(LOGITS / model.config().vocabulary(), 1, MAX_CHUNK);
        this.losses = new double[chunk];
        this.right = new boolean[chunk];
    }

    /// The score of `ids[from...]`, `from` at least 1, each after all before it. `state` reads all
    /// ids but the last.
    ///
    /// @throws EvaluateException when an id is not below the model's vocabulary
    Score score(State state, int[] ids, int from) {
        for (int id : ids) {
            if (id >= model.config().vocabulary()) {
                throw new EvaluateException(
                        "the vocabulary has an id "
                                + id
                                + ", but those of the model end at "
                                + (model.config().vocabulary() - 1)
                                + "; give the vocabulary that it was trained with");
            }
        }
        for (int at = 0; at < from - 1; at += chunk) {
            int to = Math.min(from - 1, at + chunk);
            progress.accept(to - at);
            model.forward(ops, Batch.of(state, Batch.Logits.NONE, Arrays.copyOfRange(ids, at, to)));
        }
        Score score = Score.NONE;
        for (int at = from - 1; at < ids.length - 1; at += chunk) {
            int to = Math.min(ids.length - 1, at + chunk);
            progress.accept(to - at);
            Tensor logits =
                    model.forward(
                            ops,
                            Batch.of(state, Batch.Logits.ALL, Arrays.copyOfRange(ids, at, to)));
            CrossEntropy.rows(ops, logits, Arrays.copyOfRange(ids, at + 1, to + 1), losses, right);
            score = score.plus(sum(to - at));
        }
        return score;
    }

    private Score sum(int rows) {
        int correct = 0;
        double nats = 0;
        for (int row = 0; row < rows; row++) {
            correct += right[row] ? 1 : 0;
            nats += losses[row];
        }
        return new Score(rows, correct, nats);
    }

    /// What a model reads before a document: its beginning or the end of another one, where there
    /// is such a token.
    static int[] beginning(Tokenizer tokenizer) {
        int begin = tokenizer.beginOfText();
        int end = begin < 0 ? tokenizer.endOfText() : begin;
        return end < 0 ? new int[0] : new int[] {end};
    }

    /// `text` behind what a model reads before a document, unless it begins with that itself.
    static int[] document(Tokenizer tokenizer, int[] text) {
        int[] beginning = beginning(tokenizer);
        boolean begun = beginning.length > 0 && text.length > 0 && text[0] == beginning[0];
        return begun ? text : joined(beginning, text);
    }

    static int[] joined(int[] first, int[] second) {
        int[] all = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, all, first.length, second.length);
        return all;
    }
}
