package dev.anser.generate;

import java.util.BitSet;

/// What RWKV takes from the logits of tokens that were drawn before.
///
/// A token in the table loses `presence + count · frequency`. After each draw all counts are
/// multiplied by the decay, then the new token counts one more; a token of the `uncounted` (white
/// space and digits, which must be free to repeat) enters the table and counts zero.
final class Penalties {
    private final double presence;
    private final double frequency;
    private final double decay;
    private final BitSet uncounted;
    private final double[] counts;
    private final boolean[] present;
    private final int[] tokens;
    private int size;

    Penalties(SamplerSettings settings, int vocabulary, BitSet uncounted) {
        this.presence = settings.presencePenalty();
        this.frequency = settings.frequencyPenalty();
        this.decay = settings.penaltyDecay();
        this.uncounted = uncounted;
        this.counts = new double[vocabulary];
        this.present = new boolean[vocabulary];
        this.tokens = new int[vocabulary];
    }

    void applyTo(float[] logits) {
        for (int i = 0; i < size; i++) {
            int token = tokens[i];
            logits[token] -= (float) (presence + counts[token] * frequency);
        }
    }

    void add(int token) {
        for (int i = 0; i < size; i++) {
            counts[tokens[i]] *= decay;
        }
        if (!present[token]) {
            present[token] = true;
            tokens[size++] = token;
        }
        if (!uncounted.get(token)) {
            counts[token]++;
        }
    }

    void clear() {
        for (int i = 0; i < size; i++) {
            present[tokens[i]] = false;
            counts[tokens[i]] = 0;
        }
        size = 0;
    }
}
