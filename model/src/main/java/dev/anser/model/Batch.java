package dev.anser.model;

import dev.anser.tensor.Segments;
import dev.anser.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// A ragged batch: segments of different lengths, each some next tokens of one sequence and that
/// sequence's state.
///
/// Decoding one sequence is a batch of one segment with one token; a prompt is one segment with
/// many; serving mixes both. A batch can be used again with other tokens of the same lengths: see
/// [#token(int, int)].
public final class Batch implements Segments {
    /// Which rows of a segment logits are wanted for.
    public enum Logits {
        /// For no row: only the state matters.
        NONE,
        /// For the last row: what the next token is drawn from.
        LAST,
        /// For every row.
        ALL
    }

    private final int[] tokens;
    private final int[] starts;
    private final State[] states;
    private final int[] segments;
    private final int[] wanted;

    private Batch(int[] tokens, int[] starts, State[] states, int[] wanted) {
        this.tokens = tokens;
        this.starts = starts;
        this.states = states;
        this.wanted = wanted;
        this.segments = new int[tokens.length];
        for (int s = 0; s < states.length; s++) {
            Arrays.fill(segments, starts[s], starts[s + 1], s);
        }
    }

    /// A batch of one segment.
    public static Batch of(State state, Logits logits, int... tokens) {
        return builder().add(state, logits, tokens).build();
    }

    /// Starts a batch of several segments.
    public static Builder builder() {
        return new Builder();
    }

    /// Collects segments.
    public static final class Builder {
        private final List<State> states = new ArrayList<>();
        private final List<int[]> tokens = new ArrayList<>();
        private final List<Logits> logits = new ArrayList<>();

        private Builder() {}

        /// Adds the next `tokens` (at least one) of the sequence with `state`. A state may be in a
        /// batch only once.
        public Builder add(State state, Logits logits, int... tokens) {
            if (tokens.length == 0) {
                throw new IllegalArgumentException("a segment needs at least one token");
            }
            for (State other : states) {
                if (other == state) {
                    throw new IllegalArgumentException(
                            "the same state stands in the batch twice; copy it first");
                }
            }
            this.states.add(state);
            this.tokens.add(tokens.clone());
            this.logits.add(logits);
            return this;
        }

        /// The batch of all segments added.
        public Batch build() {
            if (states.isEmpty()) {
                throw new IllegalArgumentException("a batch needs at least one segment");
            }
            int rows = tokens.stream().mapToInt(part -> part.length).sum();
            int[] all = new int[rows];
            int[] starts = new int[states.size() + 1];
            int[] wanted = new int[rows];
            int wantedCount = 0;
            for (int s = 0, row = 0; s < states.size(); s++) {
                int[] part = tokens.get(s);
                System.arraycopy(part, 0, all, row, part.length);
                for (int i = 0; i < part.length; i++) {
                    boolean last = i == part.length - 1;
                    if (logits.get(s) == Logits.ALL || (last && logits.get(s) == Logits.LAST)) {
                        wanted[wantedCount++] = row + i;
                    }
                }
                row += part.length;
                starts[s + 1] = row;
            }
            int[] wantedRows = Arrays.copyOf(wanted, wantedCount);
            return new Batch(all, starts, states.toArray(State[]::new), wantedRows);
        }
    }

    /// Replaces the token of `row`, so that the batch can run again.
    public void token(int row, int token) {
        tokens[row] = token;
    }

    /// Says to every state how many tokens this batch has for it; see [State#advance(int)].
    public void advance() {
        for (int s = 0; s < states.length; s++) {
            states[s].advance(starts[s + 1] - starts[s]);
        }
    }

    /// The token ids of all rows; borrowed, not to be changed.
    public int[] tokens() {
        return tokens;
    }

    /// The rows that logits are wanted for, ascending; borrowed, not to be changed.
    public int[] wantedRows() {
        return wanted;
    }

    /// The state of `segment`.
    public State state(int segment) {
        return states[segment];
    }

    @Override
    public int rows() {
        return tokens.length;
    }

    @Override
    public int count() {
        return states.length;
    }

    @Override
    public int start(int segment) {
        return starts[segment];
    }

    @Override
    public int end(int segment) {
        return starts[segment + 1];
    }

    @Override
    public int segment(int row) {
        return segments[row];
    }

    @Override
    public Tensor carried(int segment, int slot) {
        return states[segment].tensor(slot);
    }
}
