package dev.anser.evaluate;

/// How well completions were predicted from their prompts.
///
/// @param pairs how many
/// @param right how many whole completions greedy decoding writes exactly so
/// @param score of the completions' tokens, each from the right ones before it
public record PairScore(long pairs, long right, Score score) {
    static final PairScore NONE = new PairScore(0, 0, Score.NONE);
}
