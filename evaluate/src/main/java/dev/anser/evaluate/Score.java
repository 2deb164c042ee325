package dev.anser.evaluate;

/// How well tokens were predicted.
///
/// @param tokens how many
/// @param right how many of them the model held for the most probable
/// @param nats the sum of `-log p(token)`
public record Score(long tokens, long right, double nats) {
    static final Score NONE = new Score(0, 0, 0);

    Score plus(Score other) {
        return new Score(tokens + other.tokens, right + other.right, nats + other.nats);
    }

    /// The mean cross entropy in nats a token; NaN without tokens.
    public double loss() {
        return nats / tokens;
    }

    /// `e^loss`.
    public double perplexity() {
        return Math.exp(loss());
    }

    /// The share of the tokens that were held for the most probable; NaN without tokens.
    public double accuracy() {
        return (double) right / tokens;
    }
}
