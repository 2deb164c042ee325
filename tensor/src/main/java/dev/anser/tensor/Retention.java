package dev.anser.tensor;

/// Multi-scale retention (arXiv 2307.08621, section 2.2) of rotated queries and scaled, rotated
/// keys: each head sums what it has seen, decayed by its own `γ = 1 - 2^(-5 - h)` a token.
///
/// The recurrence, with the state S (value size × key size) and its scale c, both carried: `c' = γ
/// c
/// + 1`, `S' = S γ √c / √c' + v kᵀ / √c'` and `y = S' q`. It gives every row the same bits however
///   the sequence is cut, and is what runs unless a gradient is wanted.
///
/// A pass that learns has the parallel form, `y_n = Σ_m a_nm v_m / A_n` with `a_nm = γ^(n-m) (q_n ·
/// k_m) / √c_n` and `A_n = max(1, Σ_m |a_nm|)`, up to 5 · 10⁴. No gradient flows through A and c,
/// as in the official code. What follows is normalised by its size, so that the two forms differ by
/// the normalisation's ε alone: by 2e-5 in logits of size 1, in exact arithmetic too. What the
/// state carries into a batch is added to the sum, and is a constant.
public final class Retention extends Operation {
    private static final int BLOCK = 64;

    /// The most that the official code divides by.
    private static final float LARGEST = 5e4f;

    private final Tensor q;
    private final Tensor k;
    private final Tensor v;
    private final int heads;
    private final int keySize;
    private final int valueSize;
    private final Segments segments;
    private final int slot;
    private HeadKernels kernels = new ReferenceHeads();
    private Tensor normalisers;
    private Tensor[] scales = {};
    private Tensor[] states = {};

    /// @param q queries (R, H · key size)
    /// @param k keys, as the queries
    /// @param v values (R, H · value size)
    /// @param heads H
    /// @param slot the carried state (H, value size, key size); its scale (H) is in the one after
    public Retention(Tensor q, Tensor k, Tensor v, int heads, Segments segments, int slot) {
        this.q = q;
        this.k = k;
        this.v = v;
        this.heads = heads;
        // No heads are refused with all else that does not fit, when it runs.
        this.keySize = q.columns() / Math.max(1, heads);
        this.valueSize = v.columns() / Math.max(1, heads);
        this.segments = segments;
        this.slot = slot;
        this.normalisers = q;
    }

    @Override
    String name() {
        return "retention";
    }

    private static double decay(int head) {
        return 1 - Math.pow(2, -5 - head);
    }

    @Override
    Tensor forward(Pass pass) {
        requireFit();
        kernels = pass.kernels().heads();
        Tensor y = pass.allocate(q.rows(), v.columns());
        if (pass.learns()) {
            keep(pass);
            parallel(pass, y);
        }
        Tensor recurrent = pass.learns() ? pass.allocate(q.rows(), v.columns()) : y;
        // One row of the state goes through all tokens before the next: it stays in registers or
        // the first cache.
        int grain = Math.max(1, (valueSize + 15) / 16);
        int groups = (valueSize + grain - 1) / grain;
        pass.parts(
                segments.count() * heads * groups,
                1,
                (from, to, _) -> {
                    for (int unit = from; unit < to; unit++) {
                        int rest = unit % groups * grain;
                        int end = Math.min(valueSize, rest + grain);
                        recur(recurrent, unit / groups / heads, unit / groups % heads, rest, end);
                    }
                });
        for (int s = 0; s < segments.count(); s++) {
            Tensor scale = segments.carried(s, slot + 1);
            for (int head = 0; head < heads; head++) {
                float last = Memory.get(scale.address(), head);
                for (int row = segments.start(s); row < segments.end(s); row++) {
                    last = next(last, head);
                }
                Memory.set(scale.address(), head, last);
            }
        }
        return y;
    }

    private void requireFit() {
        boolean fits =
                heads > 0
                        && q.columns() == heads * keySize
                        && v.columns() == heads * valueSize
                        && k.columns() == q.columns()
                        && k.rows() == q.rows()
                        && v.rows() == q.rows()
                        && q.rows() == segments.rows();
        for (int s = 0; fits && s < segments.count(); s++) {
            fits =
                    segments.carried(s, slot).elements() == (long) v.columns() * keySize
                            && segments.carried(s, slot + 1).elements() == heads;
        }
        if (!fits) {
            throw new ShapeException(
                    "retention of queries "
                            + q
                            + ", keys "
                            + k
                            + " and values "
                            + v
                            + " with "
                            + heads
                            + " heads for a batch of "
                            + segments.rows()
                            + " rows, carrying "
                            + segments.carried(0, slot));
        }
    }

    private static float next(float scale, int head) {
        return (float) (scale * decay(head) + 1);
    }

    private void recur(Tensor y, int s, int head, int from, int to) {
        Tensor state = segments.carried(s, slot);
        float before = Memory.get(segments.carried(s, slot + 1).address(), head);
        for (int i = from; i < to; i++) {
            long own = state.address() + 4L * ((long) head * valueSize + i) * keySize;
            float scale = before;
            for (int row = segments.start(s); row < segments.end(s); row++) {
                float after = next(scale, head);
                float root = (float) (1 / Math.sqrt(after));
                float decay = (float) (decay(head) * Math.sqrt(scale)) * root;
                long value = head(v, row, head, valueSize) + 4L * i;
                float sum =
                        kernels.retain(
                                own,
                                decay,
                                Memory.get(value, 0) * root,
                                head(k, row, head, keySize),
                                head(q, row, head, keySize),
                                keySize);
                Memory.set(head(y, row, head, valueSize), i, sum);
                scale = after;
            }
        }
    }

    private static long head(Tensor tensor, int row, int head, int size) {
        return tensor.address() + 4L * ((long) row * tensor.columns() + (long) head * size);
    }

    /// The states before the batch, for the parallel form and its backward step.
    private void keep(Pass pass) {
        normalisers = memory(pass, q.rows(), heads);
        states = new Tensor[segments.count()];
        scales = new Tensor[segments.count()];
        for (int s = 0; s < states.length; s++) {
            Tensor state = segments.carried(s, slot);
            states[s] = memory(pass, v.columns(), keySize);
            scales[s] = memory(pass, 1, heads);
            Memory.copy(state.address(), states[s].address(), state.bytes());
            Memory.copy(segments.carried(s, slot + 1).address(), scales[s].address(), 4L * heads);
        }
    }

    private static Tensor memory(Pass pass, int rows, int columns) {
        return pass.recorded() ? pass.keep(rows, columns) : pass.allocate(rows, columns);
    }

    private void parallel(Pass pass, Tensor y) {
        Tensor scratch = pass.allocate(pass.workers(), BLOCK + valueSize);
        pass.parts(
                q.rows(),
                4,
                (from, to, worker) -> {
                    long own = scratch.address() + 4L * worker * (BLOCK + valueSize);
                    for (int row = from; row < to; row++) {
                        for (int head = 0; head < heads; head++) {
                            row(y, row, head, own);
                        }
                    }
                });
    }

    private void row(Tensor y, int row, int head, long scratch) {
        int s = segments.segment(row);
        int start = segments.start(s);
        long sum = head(y, row, head, valueSize);
        long query = head(q, row, head, keySize);
        carriedInto(s, row, head, sum, scratch);
        double total = 0;
        for (int from = start; from <= row; from += BLOCK) {
            int count = Math.min(BLOCK, row + 1 - from);
            kernels.dots(query, head(k, from, head, keySize), q.columns(), count, keySize, scratch);
            total += decayed(scratch, row, head, from, count);
            long value = head(v, from, head, valueSize);
            kernels.addRows(scratch, value, v.columns(), count, valueSize, sum);
        }
        float inverse = (float) (1 / Math.clamp(total, 1, LARGEST));
        Memory.set(head(normalisers, row, head, 1), 0, inverse);
        kernels.scale(sum, inverse, sum, valueSize);
    }

    /// `sum = γ^(n + 1) √c q S / √c_n`, what the state before the batch gives to a row.
    private void carriedInto(int s, int row, int head, long sum, long scratch) {
        float scale = Memory.get(scales[s].address(), head);
        if (scale == 0) {
            Memory.clear(sum, 4L * valueSize);
            return;
        }
        long state = states[s].address() + 4L * head * valueSize * keySize;
        long products = scratch + 4L * BLOCK;
        kernels.dots(head(q, row, head, keySize), state, keySize, valueSize, keySize, products);
        int steps = row - segments.start(s) + 1;
        double factor = Math.pow(decay(head), steps) * Math.sqrt(scale) * root(s, row, head);
        kernels.scale(products, (float) factor, sum, valueSize);
    }

    /// `1 / √c_n`, by the sum of the geometric series.
    private double root(int s, int row, int head) {
        double decay = decay(head);
        double power = Math.pow(decay, row - segments.start(s) + 1);
        return 1
                / Math.sqrt(
                        Memory.get(scales[s].address(), head) * power + (1 - power) / (1 - decay));
    }

    /// Multiplies the products of a row with the keys of rows from `from` on by `γ^(n-m) / √c_n`.
    ///
    /// @return the sum of their sizes
    private double decayed(long products, int row, int head, int from, int count) {
        double decay = decay(head);
        double root = root(segments.segment(row), row, head);
        double factor = Math.pow(decay, row - from - count + 1) * root;
        double total = 0;
        for (int j = count - 1; j >= 0; j--) {
            float product = (float) (Memory.get(products, j) * factor);
            Memory.set(products, j, product);
            total += Math.abs(product);
            factor *= decay;
        }
        return total;
    }

    /// With `dz = dy / A_n`: `dq_n = Σ_m γ^(n-m) (dz · v_m) k_m / √c_n`, `dk_m` the same with
    /// `q_n`, and `dv_m = Σ_n a_nm dz`.
    @Override
    void backward(Gradients gradients, Tensor y, Tensor dy) {
        Positions.refuseGradients(gradients, segments, slot);
        Tensor dq = set(gradients.target(q));
        Tensor dk = set(gradients.target(k));
        Tensor dv = set(gradients.target(v));
        int floats = 2 * BLOCK + 2 * valueSize;
        Tensor scratch = gradients.temporary(gradients.workers(), floats);
        gradients.parts(
                segments.count() * heads,
                1,
                (from, to, worker) -> {
                    long own = scratch.address() + 4L * worker * floats;
                    for (int unit = from; unit < to; unit++) {
                        int s = unit / heads;
                        for (int row = segments.start(s); row < segments.end(s); row++) {
                            back(s, row, unit % heads, dy, dq, dk, dv, own);
                        }
                    }
                });
        gradients.release(scratch);
    }

    private static Tensor set(Target target) {
        if (!target.add()) {
            target.gradient().clear();
        }
        return target.gradient();
    }

    private void back(
            int s, int row, int head, Tensor dy, Tensor dq, Tensor dk, Tensor dv, long scratch) {
        long slopes = scratch + 4L * BLOCK;
        long dz = slopes + 4L * BLOCK;
        float inverse = Memory.get(head(normalisers, row, head, 1), 0);
        kernels.scale(head(dy, row, head, valueSize), inverse, dz, valueSize);
        long query = head(q, row, head, keySize);
        long dQuery = head(dq, row, head, keySize);
        backIntoState(s, row, head, dz, dQuery);
        for (int from = segments.start(s); from <= row; from += BLOCK) {
            int count = Math.min(BLOCK, row + 1 - from);
            long key = head(k, from, head, keySize);
            kernels.dots(query, key, q.columns(), count, keySize, scratch);
            decayed(scratch, row, head, from, count);
            long value = head(v, from, head, valueSize);
            kernels.dots(dz, value, v.columns(), count, valueSize, slopes);
            decayed(slopes, row, head, from, count);
            kernels.addRows(slopes, key, q.columns(), count, keySize, dQuery);
            long dKey = head(dk, from, head, keySize);
            kernels.addOuter(slopes, query, count, keySize, dKey, q.columns());
            long dValue = head(dv, from, head, valueSize);
            kernels.addOuter(scratch, dz, count, valueSize, dValue, v.columns());
        }
    }

    /// Adds to `dq` what comes through the state before the batch.
    private void backIntoState(int s, int row, int head, long dz, long dQuery) {
        float scale = Memory.get(scales[s].address(), head);
        if (scale == 0) {
            return;
        }
        int steps = row - segments.start(s) + 1;
        double factor = Math.pow(decay(head), steps) * Math.sqrt(scale) * root(s, row, head);
        long weights = dz + 4L * valueSize;
        kernels.scale(dz, (float) factor, weights, valueSize);
        long state = states[s].address() + 4L * head * valueSize * keySize;
        kernels.addRows(weights, state, keySize, valueSize, keySize, dQuery);
    }
}
