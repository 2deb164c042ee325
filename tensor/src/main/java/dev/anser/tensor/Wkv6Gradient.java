package dev.anser.tensor;

import static dev.anser.tensor.Memory.get;
import static dev.anser.tensor.Memory.set;

/// The exact backward pass of the WKV-6 recurrence in plain Java.
///
/// With `y_t = S_{t-1}ᵀ r_t + β_t v_t`, `β_t = Σ r_t u k_t`, `S_t = diag(w_t) S_{t-1} + k_t v_tᵀ`
/// (S is keys × values) and D the gradient to the state after t, for t = T … 1:
///
///     dβ = dy · v
///     dr = S_{t-1} dy + dβ u k;  dk = D v + dβ u r;  du += dβ r k
///     dv = Dᵀ k + β dy;  dw = Σ_values D ∘ S_{t-1}
///     D = diag(w) D + r dyᵀ
///
/// The states are computed again, forwards, from checkpoints.
final class Wkv6Gradient {
    private final Wkv6Span span;
    private final int size;

    /* Within scratch, each (size, size): D, then the states of an interval. */
    private final long dState;
    private final long states;

    private Wkv6Gradient(Wkv6Span span) {
        this.span = span;
        size = span.size();
        dState = span.scratch();
        states = dState + 4L * size * size;
    }

    static void run(Wkv6Span span) {
        new Wkv6Gradient(span).run();
    }

    private void run() {
        long square = (long) size * size;
        for (int i = 0; i < square; i++) {
            set(dState, i, span.dFinal() == 0 ? 0 : get(span.dFinal(), i));
        }
        for (int interval = Wkv6Span.intervals(span.tokens()) - 1; interval >= 0; interval--) {
            int first = interval * Wkv6Span.INTERVAL;
            int count = Math.min(Wkv6Span.INTERVAL, span.tokens() - first);
            Memory.copy(
                    span.checkpoints() + 4L * interval * span.checkpointStride(),
                    states,
                    4 * square);
            // The state before each token of the interval; that after the last is not needed.
            for (int t = 1; t < count; t++) {
                step(states + 4L * (t - 1) * square, states + 4L * t * square, first + t - 1);
            }
            for (int t = count - 1; t >= 0; t--) {
                back(states + 4L * t * square, first + t);
            }
        }
        if (span.dInitial() != 0) {
            for (int i = 0; i < square; i++) {
                add(span.dInitial(), i, get(dState, i));
            }
        }
    }

    private void step(long before, long after, int token) {
        long at = (long) token * span.stride();
        long decay = (long) token * span.decayStride();
        for (int i = 0; i < size; i++) {
            for (int j = 0; j < size; j++) {
                long place = (long) i * size + j;
                float decayed = get(span.w(), decay + i) * get(before, place);
                set(after, place, Math.fma(get(span.k(), at + i), get(span.v(), at + j), decayed));
            }
        }
    }

    /// The gradients of one token; moves D from after it to before it.
    private void back(long before, int token) {
        long at = (long) token * span.stride();
        long decay = (long) token * span.decayStride();
        float own = 0;
        float dOwn = 0;
        for (int i = 0; i < size; i++) {
            own =
                    Math.fma(
                            get(span.r(), at + i) * get(span.bonus(), i),
                            get(span.k(), at + i),
                            own);
            dOwn = Math.fma(get(span.dy(), at + i), get(span.v(), at + i), dOwn);
        }
        for (int j = 0; j < size; j++) {
            float dValue = own * get(span.dy(), at + j);
            for (int i = 0; i < size; i++) {
                dValue = Math.fma(get(dState, (long) i * size + j), get(span.k(), at + i), dValue);
            }
            add(span.dv(), at + j, dValue);
        }
        for (int i = 0; i < size; i++) {
            float receptance = get(span.r(), at + i);
            float key = get(span.k(), at + i);
            float dReceptance = dOwn * get(span.bonus(), i) * key;
            float dKey = dOwn * get(span.bonus(), i) * receptance;
            float dDecay = 0;
            for (int j = 0; j < size; j++) {
                long place = (long) i * size + j;
                float d = get(dState, place);
                float s = get(before, place);
                float gradient = get(span.dy(), at + j);
                dReceptance = Math.fma(s, gradient, dReceptance);
                dKey = Math.fma(d, get(span.v(), at + j), dKey);
                dDecay = Math.fma(d, s, dDecay);
                set(dState, place, Math.fma(receptance, gradient, get(span.w(), decay + i) * d));
            }
            add(span.dr(), at + i, dReceptance);
            add(span.dk(), at + i, dKey);
            add(span.dw(), decay + i, dDecay);
            add(span.dBonus(), i, dOwn * receptance * key);
        }
    }

    private static void add(long address, long index, float value) {
        set(address, index, get(address, index) + value);
    }
}
