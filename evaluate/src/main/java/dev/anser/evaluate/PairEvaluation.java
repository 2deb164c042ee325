package dev.anser.evaluate;

import dev.anser.data.PromptCompletion;
import dev.anser.model.LanguageModel;
import dev.anser.model.State;
import dev.anser.tensor.EagerOps;
import dev.anser.text.Tokenizer;
import java.util.function.Consumer;
import java.util.function.IntConsumer;

/// Scores completions of prompts: how many tokens, and how many whole completions, a model gets
/// right.
///
/// Prompt and completion become tokens each on its own, so the model decides the same thing as when
/// it generates from the prompt: a completion is right exactly when greedy decoding writes it.
public final class PairEvaluation implements Consumer<PromptCompletion> {
    private final Scorer scorer;
    private final Tokenizer tokenizer;
    private final State begin;
    private PairScore score = PairScore.NONE;

    /// Borrows all of it.
    ///
    /// @param begin the state that every prompt begins with; not changed
    /// @param progress is told of the tokens of each pass; what it throws ends the evaluation
    public PairEvaluation(
            LanguageModel model,
            EagerOps ops,
            Tokenizer tokenizer,
            State begin,
            IntConsumer progress) {
        this.scorer = new Scorer(model, ops, progress);
        this.tokenizer = tokenizer;
        this.begin = begin;
    }

    /// Scores one more.
    ///
    /// @throws EvaluateException when there is nothing to predict, or nothing to predict it from
    @Override
    public void accept(PromptCompletion pair) {
        int[] prompt = prompt(pair.prompt());
        int[] completion = tokenizer.encode(pair.completion());
        if (prompt.length == 0 || completion.length == 0) {
            throw new EvaluateException(
                    "pair "
                            + (score.pairs() + 1)
                            + " has an empty "
                            + (prompt.length == 0 ? "prompt" : "completion")
                            + "; expected some text");
        }
        try (State state = begin.copy()) {
            Score own = scorer.score(state, Scorer.joined(prompt, completion), prompt.length);
            score =
                    new PairScore(
                            score.pairs() + 1,
                            score.right() + (own.right() == own.tokens() ? 1 : 0),
                            score.score().plus(own));
        }
    }

    private int[] prompt(String text) {
        int[] prompt = tokenizer.encode(text);
        int begin = tokenizer.beginOfText();
        if (prompt.length == 0) {
            return Scorer.beginning(tokenizer);
        }
        return begin < 0 || prompt[0] == begin ? prompt : Scorer.joined(new int[] {begin}, prompt);
    }

    /// The score of all pairs so far.
    public PairScore score() {
        return score;
    }
}
