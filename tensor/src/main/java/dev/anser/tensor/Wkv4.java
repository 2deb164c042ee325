package dev.anser.tensor;

import static dev.anser.tensor.Memory.get;
import static dev.anser.tensor.Memory.set;

import org.jspecify.annotations.Nullable;

/// The WKV recurrence of RWKV-4 per channel: the mean of all values so far, weighted with `e^k`,
/// which fades by `e^w` a token; the token's own has the weight `e^(u + k)`. (arXiv 2305.13048,
/// equations 16 and 23 to 28.)
///
/// The carried tensors `slot` and the two after it (C) are numerator, denominator and exponent: the
/// weighted sums are the first two times e to the third, which is the largest exponent that went
/// into them, so that nothing overflows. `k` and `v` are (R, C), the decay `w` (below 0) and the
/// bonus `u` (1, C). Result (R, C).
///
/// A pass that is recorded keeps numerator, denominator and exponent before every token.
public final class Wkv4 extends Operation {
    private static final int CARRIED = 3;

    /// Channels that one thread takes.
    private static final int GROUP = 256;

    private final Tensor w;
    private final Tensor u;
    private final Tensor k;
    private final Tensor v;
    private final Segments segments;
    private final int slot;
    private @Nullable Tensor kept;

    /// The recurrence over the rows of `k` and `v`.
    public Wkv4(Tensor w, Tensor u, Tensor k, Tensor v, Segments segments, int slot) {
        this.w = w;
        this.u = u;
        this.k = k;
        this.v = v;
        this.segments = segments;
        this.slot = slot;
    }

    @Override
    String name() {
        return "wkv4";
    }

    private void check() {
        EagerOps.requireSame(k, v, "wkv4");
        EagerOps.requireVector(w, k.columns(), "the decay of wkv4");
        EagerOps.requireVector(u, k.columns(), "the bonus of wkv4");
        EagerOps.requireRows(k, segments);
        for (int s = 0; s < segments.count(); s++) {
            for (int i = 0; i < CARRIED; i++) {
                EagerOps.requireVector(
                        segments.carried(s, slot + i), k.columns(), "the state of wkv4");
            }
        }
    }

    private int groups() {
        return (k.columns() + GROUP - 1) / GROUP;
    }

    /// Where the carried tensor `index` was before the token of `row`.
    private long kept(Tensor all, int row, int index) {
        return all.address() + 4L * ((long) row * CARRIED + index) * k.columns();
    }

    @Override
    Tensor forward(Pass pass) {
        check();
        int columns = k.columns();
        Tensor y = pass.allocate(k.rows(), columns);
        Tensor states = pass.recorded() ? pass.keep(k.rows(), CARRIED * columns) : null;
        kept = states;
        Tensor scratch = pass.allocate(pass.workers(), GROUP);
        int units = segments.count() * groups();
        pass.parts(
                units,
                (long) k.rows() * columns < Job.SMALL_ROWS ? units : 1,
                (first, last, worker) -> {
                    for (int unit = first; unit < last; unit++) {
                        int from = unit % groups() * GROUP;
                        forward(
                                pass.kernels(),
                                y,
                                states,
                                unit / groups(),
                                from,
                                Math.min(GROUP, columns - from),
                                scratch.address() + 4L * worker * GROUP);
                    }
                });
        return y;
    }

    private void forward(
            Kernels kernels,
            Tensor y,
            @Nullable Tensor states,
            int segment,
            int from,
            int count,
            long scratch) {
        long channel = 4L * from;
        long numerator = segments.carried(segment, slot).address() + channel;
        long denominator = segments.carried(segment, slot + 1).address() + channel;
        long exponent = segments.carried(segment, slot + 2).address() + channel;
        for (int row = segments.start(segment); row < segments.end(segment); row++) {
            if (states != null) {
                Memory.copy(numerator, kept(states, row, 0) + channel, 4L * count);
                Memory.copy(denominator, kept(states, row, 1) + channel, 4L * count);
                Memory.copy(exponent, kept(states, row, 2) + channel, 4L * count);
            }
            long at = 4L * row * k.columns() + channel;
            kernels.wkv4(
                    w.address() + channel,
                    u.address() + channel,
                    k.address() + at,
                    v.address() + at,
                    y.address() + at,
                    numerator,
                    denominator,
                    exponent,
                    count,
                    scratch);
        }
    }

    /// With numerator a, denominator b, exponent p before a token, p' after it, and their gradients
    /// α, β (of the sums, scaled as they are; p has none, for y does not depend on it alone), q =
    /// max(p, u + k), o = e^(p - q), m = e^(u + k - q), y = (o a + m v) / (o b + m):
    ///
    ///     g = dy / (o b + m);  f = e^(p + w - p');  h = e^(k - p')
    ///     dv = g m + h α;  du = g m (v - y);  dk = g m (v - y) + h (α v + β)
    ///     dw = f (α a + β b);  α = g o + f α;  β = f β - g o y
    @Override
    void backward(Gradients gradients, Tensor y, Tensor dy) {
        Tensor states = kept;
        if (states == null) {
            throw new IllegalStateException("wkv4 has not been recorded");
        }
        Tensor dw = gradients.target(w).cleared();
        Tensor du = gradients.target(u).cleared();
        Tensor dk = gradients.target(k).cleared();
        Tensor dv = gradients.target(v).cleared();
        int count = segments.count();
        int columns = k.columns();
        // What is one for all tokens is summed for each sequence first: of w, of u; then α and β.
        Tensor sums = gradients.temporary(count, 4 * columns);
        sums.clear();
        for (int s = 0; s < count; s++) {
            for (int i = 0; i < 2; i++) {
                Tensor after = gradients.carried(segments.carried(s, slot + i));
                if (after != null) {
                    long target = sums.address() + 4L * (4L * s + 2 + i) * columns;
                    Memory.copy(after.address(), target, 4L * columns);
                }
            }
        }
        gradients.parts(
                count * groups(),
                1,
                (unit, _, _) -> {
                    int segment = unit / groups();
                    int from = unit % groups() * GROUP;
                    int to = Math.min(columns, from + GROUP);
                    long own = sums.address() + 16L * segment * columns;
                    for (int row = segments.end(segment) - 1;
                            row >= segments.start(segment);
                            row--) {
                        back(states, y, dy, dk, dv, own, row, from, to);
                    }
                });
        for (int s = 0; s < count; s++) {
            long own = sums.address() + 16L * s * columns;
            gradients.kernels().add(own, dw.address(), columns);
            gradients.kernels().add(own + 4L * columns, du.address(), columns);
            for (int i = 0; i < 2; i++) {
                Tensor before = gradients.parameter(segments.carried(s, slot + i));
                if (before != null) {
                    gradients
                            .kernels()
                            .add(own + 4L * (2 + i) * columns, before.address(), columns);
                }
            }
        }
        gradients.release(sums);
    }

    /// The gradients of the token of `row` for the channels `from..to`; moves α and β from after it
    /// to before it.
    private void back(
            Tensor states,
            Tensor y,
            Tensor dy,
            Tensor dk,
            Tensor dv,
            long sums,
            int row,
            int from,
            int to) {
        int columns = k.columns();
        long at = (long) row * columns;
        for (int c = from; c < to; c++) {
            float a = get(kept(states, row, 0), c);
            float b = get(kept(states, row, 1), c);
            float p = get(kept(states, row, 2), c);
            float key = get(k.address(), at + c);
            float value = get(v.address(), at + c);
            float alpha = get(sums, 2L * columns + c);
            float beta = get(sums, 3L * columns + c);

            float now = get(u.address(), c) + key;
            float old = (float) Math.exp(p - Math.max(p, now));
            float own = (float) Math.exp(now - Math.max(p, now));
            float g = get(dy.address(), at + c) / Math.fma(old, b, own);
            float faded = p + get(w.address(), c);
            float keep = (float) Math.exp(faded - Math.max(faded, key));
            float take = (float) Math.exp(key - Math.max(faded, key));
            float mean = get(y.address(), at + c);

            float dBonus = g * own * (value - mean);
            add(sums, c, keep * (alpha * a + beta * b));
            add(sums, (long) columns + c, dBonus);
            add(dk.address(), at + c, dBonus + take * (alpha * value + beta));
            add(dv.address(), at + c, g * own + take * alpha);
            set(sums, 2L * columns + c, g * old + keep * alpha);
            set(sums, 3L * columns + c, keep * beta - g * old * mean);
        }
    }

    private static void add(long address, long index, float value) {
        set(address, index, get(address, index) + value);
    }
}
