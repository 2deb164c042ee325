package dev.anser.train;

import dev.anser.tensor.CrossEntropy;
import java.util.Arrays;

/// A batch to learn from: B sequences of T + 1 tokens, of which the first T are the input and the
/// last T the targets, and which targets count.
///
/// @param tokens (B, T + 1) ids; borrowed
/// @param counts (B, T): whether `tokens[b][t + 1]` counts in the loss; borrowed
public record LabelledTokens(int[][] tokens, boolean[][] counts) {
    /// Checks the shapes.
    ///
    /// @throws TrainingException when the sequences are too short or of different lengths
    public LabelledTokens {
        int length = tokens.length == 0 ? 0 : tokens[0].length - 1;
        if (length < 1) {
            throw new TrainingException(
                    "a batch needs at least one sequence of at least two tokens");
        }
        if (counts.length != tokens.length) {
            throw new TrainingException(
                    counts.length + " loss masks for " + tokens.length + " sequences");
        }
        for (int b = 0; b < tokens.length; b++) {
            if (tokens[b].length != length + 1) {
                throw new TrainingException(
                        "sequence "
                                + b
                                + " has "
                                + tokens[b].length
                                + " tokens; expected "
                                + (length + 1));
            }
            if (counts[b].length != length) {
                throw new TrainingException(
                        "loss mask "
                                + b
                                + " has "
                                + counts[b].length
                                + " places; expected "
                                + length);
            }
        }
    }

    /// A batch whose every target counts.
    ///
    /// @throws TrainingException when the sequences are too short or of different lengths
    public static LabelledTokens all(int[][] tokens) {
        boolean[][] counts = new boolean[tokens.length][];
        for (int b = 0; b < tokens.length; b++) {
            counts[b] = new boolean[Math.max(0, tokens[b].length - 1)];
            Arrays.fill(counts[b], true);
        }
        return new LabelledTokens(tokens, counts);
    }

    /// B.
    public int sequences() {
        return tokens.length;
    }

    /// T.
    public int length() {
        return tokens[0].length - 1;
    }

    /// The T input ids of `sequence`; a copy.
    public int[] input(int sequence) {
        return Arrays.copyOf(tokens[sequence], length());
    }

    /// The inputs `from` to, not including, `to` of every sequence, with their targets; copies.
    LabelledTokens slice(int from, int to) {
        int[][] part = new int[tokens.length][];
        boolean[][] counting = new boolean[tokens.length][];
        for (int b = 0; b < tokens.length; b++) {
            part[b] = Arrays.copyOfRange(tokens[b], from, to + 1);
            counting[b] = Arrays.copyOfRange(counts[b], from, to);
        }
        return new LabelledTokens(part, counting);
    }

    /// How many targets count.
    public int targets() {
        int targets = 0;
        for (boolean[] sequence : counts) {
            for (boolean counting : sequence) {
                targets += counting ? 1 : 0;
            }
        }
        return targets;
    }

    /// The B · T targets, sequence after sequence; [CrossEntropy#IGNORED] where one does not count.
    int[] targetIds() {
        int length = length();
        int[] ids = new int[tokens.length * length];
        for (int b = 0; b < tokens.length; b++) {
            for (int t = 0; t < length; t++) {
                ids[b * length + t] = counts[b][t] ? tokens[b][t + 1] : CrossEntropy.IGNORED;
            }
        }
        return ids;
    }
}
