package dev.anser.tensor;

import org.jspecify.annotations.Nullable;

/// The WKV recurrence of RWKV-5 and RWKV-6 per head: with carried state S (keys × values, tensor
/// `slot` of shape (H, N, N)) and bonus u, `y = rᵀ (diag(u) k vᵀ + S)` and then `S = diag(w) S + k
/// vᵀ`. (arXiv 2404.05892, section 4.)
///
/// `r`, `k` and `v` are (R, C), the bonus is (1, C). The decay `w` is (R, C), or (1, C) when it is
/// the same for all tokens. Result (R, C).
///
/// A pass that is recorded keeps the state before every [Wkv6Span#INTERVAL]-th token of a sequence,
/// N / 16 floats a channel and token.
public final class Wkv6 extends Operation {
    private final Tensor r;
    private final Tensor w;
    private final Tensor k;
    private final Tensor v;
    private final Tensor bonus;
    private final int headSize;
    private final Segments segments;
    private final int slot;
    private @Nullable Tensor checkpoints;

    /// The recurrence over heads of `headSize` channels.
    public Wkv6(
            Tensor r,
            Tensor w,
            Tensor k,
            Tensor v,
            Tensor bonus,
            int headSize,
            Segments segments,
            int slot) {
        this.r = r;
        this.w = w;
        this.k = k;
        this.v = v;
        this.bonus = bonus;
        this.headSize = headSize;
        this.segments = segments;
        this.slot = slot;
    }

    @Override
    String name() {
        return "wkv6";
    }

    private void check() {
        EagerOps.requireSame(r, k, "wkv6");
        EagerOps.requireSame(r, v, "wkv6");
        if (w.rows() == 1) {
            EagerOps.requireVector(w, r.columns(), "the decay of wkv6");
        } else {
            EagerOps.requireSame(r, w, "wkv6");
        }
        EagerOps.requireVector(bonus, r.columns(), "the bonus of wkv6");
        EagerOps.requireHeads(r, headSize);
        EagerOps.requireRows(r, segments);
        for (int s = 0; s < segments.count(); s++) {
            Tensor state = segments.carried(s, slot);
            if (state.dtype() != DType.F32 || state.elements() != (long) r.columns() * headSize) {
                throw new ShapeException(
                        "wkv6 with "
                                + heads()
                                + " heads of "
                                + headSize
                                + " cannot carry a state "
                                + state);
            }
        }
    }

    private int heads() {
        return r.columns() / headSize;
    }

    /// Floats from the decay of one token to that of the next.
    private int decayStride() {
        return w.rows() == 1 ? 0 : w.columns();
    }

    private int tokens(int segment) {
        return segments.end(segment) - segments.start(segment);
    }

    /// For each segment the number of intervals in those before it; at last, that of all.
    private int[] firstIntervals() {
        int[] first = new int[segments.count() + 1];
        for (int s = 0; s < segments.count(); s++) {
            first[s + 1] = first[s] + Wkv6Span.intervals(tokens(s));
        }
        return first;
    }

    @Override
    Tensor forward(Pass pass) {
        check();
        Tensor y = pass.allocate(r.rows(), r.columns());
        int[] firstInterval = firstIntervals();
        Tensor kept =
                pass.recorded()
                        ? pass.keep(firstInterval[segments.count()], r.columns() * headSize)
                        : null;
        checkpoints = kept;
        int units = heads() * segments.count();
        boolean small = (long) r.rows() * r.columns() * headSize < Job.SMALL_PRODUCT;
        int group = small ? headSize : columnGroup(units, pass.workers());
        int groups = (headSize + group - 1) / group;
        pass.parts(
                units * groups,
                small ? units : 1,
                (from, to, _) -> {
                    for (int part = from; part < to; part++) {
                        int first = part % groups * group;
                        int last = Math.min(headSize, first + group);
                        int unit = part / groups;
                        int segment = unit / heads();
                        long keep =
                                kept == null
                                        ? 0
                                        : checkpoint(kept, firstInterval[segment], unit % heads());
                        forward(pass.kernels(), y, segment, unit % heads(), first, last, keep);
                    }
                });
        return y;
    }

    /// Value columns that one thread takes: all of a head, or a multiple of 16 when there are too
    /// few heads for the team. A column has the same bits in any group.
    private int columnGroup(int units, int workers) {
        int wanted = Math.min((2 * workers + units - 1) / units, (headSize + 15) / 16);
        return workers == 1 || wanted <= 1
                ? headSize
                : ((headSize + wanted - 1) / wanted + 15) / 16 * 16;
    }

    private long checkpoint(Tensor kept, int interval, int head) {
        return kept.address() + 4L * ((long) interval * heads() + head) * headSize * headSize;
    }

    /// The value columns `from..to` of one head of one sequence; `keep` is where its first
    /// checkpoint goes, or 0.
    private void forward(
            Kernels kernels, Tensor y, int segment, int head, int from, int to, long keep) {
        int columns = r.columns();
        int tokens = tokens(segment);
        long state = state(segments.carried(segment, slot), head);
        int step = keep == 0 ? tokens : Wkv6Span.INTERVAL;
        for (int t = 0; t < tokens; t += step) {
            if (keep != 0) {
                long target = keep + (long) t / step * 4 * columns * headSize;
                for (int i = 0; i < headSize; i++) {
                    long at = 4 * ((long) i * headSize + from);
                    Memory.copy(state + at, target + at, 4L * (to - from));
                }
            }
            long channel = 4L * head * headSize;
            long row = segments.start(segment) + (long) t;
            long at = 4 * row * columns + channel;
            kernels.wkv6(
                    r.address() + at,
                    w.address() + 4 * row * decayStride() + channel,
                    k.address() + at,
                    v.address() + at,
                    bonus.address() + channel,
                    y.address() + at,
                    headSize,
                    from,
                    to,
                    columns,
                    decayStride(),
                    Math.min(step, tokens - t),
                    state);
        }
    }

    private long state(Tensor states, int head) {
        return states.address() + 4L * head * headSize * headSize;
    }

    @Override
    void backward(Gradients gradients, Tensor y, Tensor dy) {
        Tensor kept = checkpoints;
        if (kept == null) {
            throw new IllegalStateException("wkv6 has not been recorded");
        }
        Tensor dr = gradients.target(r).cleared();
        Tensor dk = gradients.target(k).cleared();
        Tensor dv = gradients.target(v).cleared();
        Tensor dBonus = gradients.target(bonus).cleared();
        Tensor dw = gradients.target(w).cleared();
        int count = segments.count();
        int columns = r.columns();
        // What is one for all tokens is summed for each sequence first.
        Tensor dBonuses = gradients.temporary(count, columns);
        dBonuses.clear();
        Tensor dDecays = gradients.temporary(count, columns);
        dDecays.clear();
        int floats = Math.toIntExact(Wkv6Span.scratchFloats(headSize));
        Tensor scratch = gradients.temporary(gradients.workers(), floats);
        @Nullable Tensor[] dFinal = new Tensor[count];
        @Nullable Tensor[] dInitial = new Tensor[count];
        for (int s = 0; s < count; s++) {
            dFinal[s] = gradients.carried(segments.carried(s, slot));
            dInitial[s] = gradients.parameter(segments.carried(s, slot));
        }
        int[] firstInterval = firstIntervals();
        boolean constant = decayStride() == 0;
        gradients.parts(
                count * heads(),
                1,
                (unit, _, worker) -> {
                    int segment = unit / heads();
                    int head = unit % heads();
                    long channel = 4L * head * headSize;
                    long ofSegment = 4L * segment * columns + channel;
                    long start = segments.start(segment);
                    long at = 4 * start * columns + channel;
                    Tensor last = dFinal[segment];
                    Tensor first = dInitial[segment];
                    gradients
                            .kernels()
                            .wkv6(
                                    new Wkv6Span(
                                            r.address() + at,
                                            w.address() + 4 * start * decayStride() + channel,
                                            k.address() + at,
                                            v.address() + at,
                                            bonus.address() + channel,
                                            dy.address() + at,
                                            checkpoint(kept, firstInterval[segment], head),
                                            (long) columns * headSize,
                                            dr.address() + at,
                                            constant
                                                    ? dDecays.address() + ofSegment
                                                    : dw.address() + at,
                                            dk.address() + at,
                                            dv.address() + at,
                                            dBonuses.address() + ofSegment,
                                            headSize,
                                            columns,
                                            decayStride(),
                                            tokens(segment),
                                            last == null ? 0 : state(last, head),
                                            first == null ? 0 : state(first, head),
                                            scratch.address() + 4L * worker * floats));
                });
        for (int s = 0; s < count; s++) {
            long share = 4L * s * columns;
            gradients.kernels().add(dBonuses.address() + share, dBonus.address(), columns);
            if (constant) {
                gradients.kernels().add(dDecays.address() + share, dw.address(), columns);
            }
        }
        gradients.release(scratch);
        gradients.release(dDecays);
        gradients.release(dBonuses);
    }
}
