package dev.anser.tensor;

import static dev.anser.tensor.Memory.get;
import static dev.anser.tensor.Memory.set;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/// The exact backward pass of the WKV-7 recurrence, one head of one sequence at a time.
///
/// With `u_t = S_{t-1}ᵀ a_t`, `S_t = diag(w_t) S_{t-1} + b_t u_tᵀ + k_t v_tᵀ`, `y_t = S_tᵀ r_t` (S is keys × values) and
/// D the gradient to the state, for t = T … 1:
///
///     dr = S_t dy;  D += r dyᵀ
///     dw = Σ_values D ∘ S_{t-1};  dk = D v;  dv = Dᵀ k;  db = D u;  du = Dᵀ b;  da = S_{t-1} du
///     D = diag(w) D + a duᵀ
///
/// The states are computed again, forwards, from checkpoints every 16 tokens. The official kernel instead undoes the
/// recurrence by dividing by w, which loses up to 5e-4 of a gradient.
final class Wkv7Gradient {
    private static final int CHUNK = 16;

    private final Tensor[] inputs;
    private final Tensor[] gradients;
    private final Tensor dy;
    private final int size;
    private final int columns;

    /// `inputs` and their `gradients` (added to) in the order r, w, k, v, a, b.
    Wkv7Gradient(Tensor[] inputs, Tensor[] gradients, Tensor dy, int size) {
        this.inputs = inputs;
        this.gradients = gradients;
        this.dy = dy;
        this.size = size;
        this.columns = dy.columns();
    }

    /// Runs head `head` over the rows `start..end`, from the state before them.
    void run(int start, int end, int head, Tensor initial, @Nullable Tensor dInitial) {
        int square = size * size;
        int tokens = end - start;
        int chunks = (tokens + CHUNK - 1) / CHUNK;
        float[] state = new float[square];
        long headOffset = 4L * head * square;
        MemorySegment.copy(
                Memory.ALL,
                ValueLayout.JAVA_FLOAT_UNALIGNED,
                initial.address() + headOffset,
                state,
                0,
                square);
        float[][] checkpoints = new float[chunks][];
        float[] removed = new float[size];
        for (int t = 0; t < tokens; t++) {
            if (t % CHUNK == 0) {
                checkpoints[t / CHUNK] = state.clone();
            }
            step(state, removed, row(start + t, head));
        }
        float[][] states = new float[CHUNK + 1][square];
        float[][] removals = new float[CHUNK][size];
        float[] dState = new float[square];
        for (int chunk = chunks - 1; chunk >= 0; chunk--) {
            int first = chunk * CHUNK;
            int count = Math.min(CHUNK, tokens - first);
            System.arraycopy(checkpoints[chunk], 0, states[0], 0, square);
            for (int t = 0; t < count; t++) {
                System.arraycopy(states[t], 0, states[t + 1], 0, square);
                step(states[t + 1], removals[t], row(start + first + t, head));
            }
            for (int t = count - 1; t >= 0; t--) {
                back(states[t], states[t + 1], removals[t], dState, row(start + first + t, head));
            }
        }
        if (dInitial != null) {
            for (int i = 0; i < square; i++) {
                long address = dInitial.address() + headOffset;
                set(address, i, get(address, i) + dState[i]);
            }
        }
    }

    private long row(int row, int head) {
        return (long) row * columns + (long) head * size;
    }

    /// Moves `state` on by one token and leaves u in `removed`.
    private void step(float[] state, float[] removed, long at) {
        long w = inputs[1].address();
        long k = inputs[2].address();
        long v = inputs[3].address();
        long a = inputs[4].address();
        long b = inputs[5].address();
        java.util.Arrays.fill(removed, 0);
        for (int i = 0; i < size; i++) {
            float ai = get(a, at + i);
            for (int j = 0; j < size; j++) {
                removed[j] = Math.fma(ai, state[i * size + j], removed[j]);
            }
        }
        for (int i = 0; i < size; i++) {
            float wi = get(w, at + i);
            float bi = get(b, at + i);
            float ki = get(k, at + i);
            for (int j = 0; j < size; j++) {
                float kept = Math.fma(bi, removed[j], wi * state[i * size + j]);
                state[i * size + j] = Math.fma(ki, get(v, at + j), kept);
            }
        }
    }

    /// The gradients of one token; moves `dState` from after it to before it.
    private void back(float[] before, float[] after, float[] removed, float[] dState, long at) {
        long r = inputs[0].address();
        long w = inputs[1].address();
        long k = inputs[2].address();
        long v = inputs[3].address();
        long a = inputs[4].address();
        long b = inputs[5].address();
        float[] dValue = new float[size];
        float[] dRemoved = new float[size];
        for (int i = 0; i < size; i++) {
            float ri = get(r, at + i);
            float ki = get(k, at + i);
            float bi = get(b, at + i);
            float dReceptance = 0;
            float dDecay = 0;
            float dKey = 0;
            float dB = 0;
            for (int j = 0; j < size; j++) {
                float gradient = get(dy.address(), at + j);
                int place = i * size + j;
                dReceptance = Math.fma(after[place], gradient, dReceptance);
                float d = Math.fma(ri, gradient, dState[place]);
                dState[place] = d;
                dDecay = Math.fma(d, before[place], dDecay);
                dKey = Math.fma(d, get(v, at + j), dKey);
                dB = Math.fma(d, removed[j], dB);
                dValue[j] = Math.fma(d, ki, dValue[j]);
                dRemoved[j] = Math.fma(d, bi, dRemoved[j]);
            }
            add(0, at + i, dReceptance);
            add(1, at + i, dDecay);
            add(2, at + i, dKey);
            add(5, at + i, dB);
        }
        for (int i = 0; i < size; i++) {
            float wi = get(w, at + i);
            float ai = get(a, at + i);
            float dA = 0;
            for (int j = 0; j < size; j++) {
                int place = i * size + j;
                dA = Math.fma(before[place], dRemoved[j], dA);
                dState[place] = Math.fma(ai, dRemoved[j], wi * dState[place]);
            }
            add(4, at + i, dA);
            add(3, at + i, dValue[i]);
        }
    }

    private void add(int input, long index, float value) {
        long address = gradients[input].address();
        set(address, index, get(address, index) + value);
    }
}
