package dev.anser.tensor;

import static dev.anser.tensor.Memory.get;
import static dev.anser.tensor.Memory.set;

/// The exact backward pass of the WKV-7 recurrence in plain Java.
///
/// With `u_t = S_{t-1}ᵀ a_t`, `S_t = diag(w_t) S_{t-1} + b_t u_tᵀ + k_t v_tᵀ`, `y_t = S_tᵀ r_t` (S
/// is keys × values) and D the gradient to the state, for t = T … 1:
///
///     dr = S_t dy;  D += r dyᵀ
///     dw = Σ_values D ∘ S_{t-1};  dk = D v;  dv = Dᵀ k;  db = D u;  du = Dᵀ b;  da = S_{t-1} du
///     D = diag(w) D + a duᵀ
///
/// The states are computed again, forwards, from checkpoints. The official kernel instead undoes
/// the recurrence by dividing by w, which loses up to 5e-4 of a gradient.
final class Wkv7Gradient {
    private final Wkv7Span span;
    private final int size;
    private final int columns;
    private final int square;

    /* Within scratch, in floats: INTERVAL + 1 states and D, each (size, columns); then du. */
    private final long states;
    private final long dState;
    private final long dRemoved;

    private Wkv7Gradient(Wkv7Span span) {
        this.span = span;
        size = span.size();
        columns = span.to() - span.from();
        square = size * columns;
        dState = span.scratch();
        dRemoved = dState + 4L * square;
        states = dRemoved + 4L * columns;
    }

    static void run(Wkv7Span span) {
        new Wkv7Gradient(span).run();
    }

    private void run() {
        for (int i = 0; i < square; i++) {
            set(dState, i, span.dFinal() == 0 ? 0 : get(span.dFinal(), place(i)));
        }
        for (int interval = Wkv7Span.intervals(span.tokens()) - 1; interval >= 0; interval--) {
            int first = interval * Wkv7Span.INTERVAL;
            int count = Math.min(Wkv7Span.INTERVAL, span.tokens() - first);
            long checkpoint = span.checkpoints() + 4L * interval * span.checkpointStride();
            for (int i = 0; i < square; i++) {
                set(states, i, get(checkpoint, place(i)));
            }
            // The state before each token of the interval; that after the last is not needed.
            for (int t = 1; t < count; t++) {
                step(state(t - 1), state(t), (long) (first + t - 1) * span.stride());
            }
            for (int t = count - 1; t >= 0; t--) {
                back(state(t), (long) (first + t) * span.stride());
            }
        }
        if (span.dInitial() != 0) {
            for (int i = 0; i < square; i++) {
                add(span.dInitial(), place(i), get(dState, i));
            }
        }
    }

    /// Where element `i` of (size, columns) is in a whole state.
    private long place(int i) {
        return (long) (i / columns) * size + span.from() + i % columns;
    }

    private long state(int t) {
        return states + 4L * t * square;
    }

    private void step(long before, long after, long at) {
        for (int i = 0; i < size; i++) {
            for (int j = 0; j < columns; j++) {
                set(after, (long) i * columns + j, next(before, i, j, at));
            }
        }
    }

    /// Element (i, j) of the state after the token `at`.
    private float next(long before, int i, int j, long at) {
        float kept = get(span.w(), at + i) * get(before, (long) i * columns + j);
        float changed = Math.fma(get(span.b(), at + i), get(span.removed(), value(at, j)), kept);
        return Math.fma(get(span.k(), at + i), get(span.v(), value(at, j)), changed);
    }

    private long value(long at, int j) {
        return at + span.from() + j;
    }

    /// The gradients of one token; moves D from after it to before it.
    private void back(long before, long at) {
        for (int j = 0; j < columns; j++) {
            float gradient = get(span.dy(), value(at, j));
            float dValue = 0;
            float du = 0;
            for (int i = 0; i < size; i++) {
                long place = (long) i * columns + j;
                float d = Math.fma(get(span.r(), at + i), gradient, get(dState, place));
                set(dState, place, d);
                dValue = Math.fma(d, get(span.k(), at + i), dValue);
                du = Math.fma(d, get(span.b(), at + i), du);
            }
            add(span.dv(), value(at, j), dValue);
            set(dRemoved, j, du);
        }
        for (int i = 0; i < size; i++) {
            float dReceptance = 0;
            float dDecay = 0;
            float dKey = 0;
            float dA = 0;
            float dB = 0;
            for (int j = 0; j < columns; j++) {
                long place = (long) i * columns + j;
                float d = get(dState, place);
                float s = get(before, place);
                float du = get(dRemoved, j);
                float after = next(before, i, j, at);
                dReceptance = Math.fma(after, get(span.dy(), value(at, j)), dReceptance);
                dDecay = Math.fma(d, s, dDecay);
                dKey = Math.fma(d, get(span.v(), value(at, j)), dKey);
                dB = Math.fma(d, get(span.removed(), value(at, j)), dB);
                dA = Math.fma(s, du, dA);
                set(dState, place, Math.fma(get(span.a(), at + i), du, get(span.w(), at + i) * d));
            }
            add(span.dr(), at + i, dReceptance);
            add(span.dw(), at + i, dDecay);
            add(span.dk(), at + i, dKey);
            add(span.da(), at + i, dA);
            add(span.db(), at + i, dB);
        }
    }

    private static void add(long address, long index, float value) {
        set(address, index, get(address, index) + value);
    }
}
