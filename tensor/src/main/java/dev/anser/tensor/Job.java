package dev.anser.tensor;

import org.jspecify.annotations.Nullable;

/// The operation in progress, in a form that the team can run in parts.
///
/// A lambda per operation would be an allocation per operation; so each [EagerOps] has this one
/// task and fills it in. Parts are ranges of the unit that the operation is cut by: output columns,
/// rows, or heads.
final class Job implements Threads.Task {
    /// Multiply-adds below which a product is not worth waking the team.
    static final long SMALL_PRODUCT = 1 << 17;

    /// Weights below which a low-rank product of one row is not cut.
    static final long SMALL_PROJECT = 1 << 19;

    /// Elements below which rows are not worth a part of their own.
    static final int SMALL_ROWS = 1 << 14;

    /// Output columns are cut in multiples of this, so that no part has a ragged vector that
    /// another has not.
    static final int OUTPUT_GRAIN = 64;

    /// Rows of a part, when a row is `work` elements.
    static int rowGrain(int rows, int work) {
        return Math.clamp(SMALL_ROWS / Math.max(1, work), 1, Math.max(1, rows));
    }

    enum Kind {
        LINEAR,
        LINEAR_EIGHT_BITS,
        PROJECT,
        ADD_OUTER,
        TO_BF16,
        ROUND_TO_BF16,
        ROUND_TO_EIGHT_BITS,
        ADD,
        TANH,
        SIGMOID,
        RELU_SQUARED,
        SIGMOID_WITH_BIAS,
        LERP,
        DECAY7,
        LAYER_NORM,
        SHIFT_LERP,
        KEYS7,
        WKV7,
        GATED_GROUP_NORM7
    }

    private final Kernels kernels;
    private Kind kind = Kind.ADD;
    private DType type = DType.F32;
    private int rows;
    private int columns;
    private int in;
    private int out;
    private int headSize;
    private int slot;
    private float epsilon;
    private int total;
    private int grain = 1;
    private long a;
    private long b;
    private long c;
    private long d;
    private long e;
    private long f;
    private long g;
    private long h;
    private long y;
    private Tensor[] mixes = {};
    private final EightBitRow row = new EightBitRow();
    private @Nullable Segments segments;
    private @Nullable Wkv7Record record;
    private int groups = 1;
    private int group = 1;

    Job(Kernels kernels) {
        this.kernels = kernels;
    }

    void matrix(Kind kind, long x, int rows, Tensor weight, Tensor y, int in, int out) {
        this.kind = kind;
        this.type = weight.dtype();
        this.rows = rows;
        this.in = in;
        this.out = out;
        this.a = x;
        this.b = weight.address();
        this.y = y.address();
    }

    /// One row `x` with integer arithmetic.
    void eightBits(long x, Tensor weight, Tensor y, int in, int out) {
        matrix(Kind.LINEAR_EIGHT_BITS, x, 1, weight, y, in, out);
        kernels.roundToEightBits(type, x, in, row);
    }

    /// Rows of `x` rounded for products with `weights`.
    void roundToEightBits(DType weights, Tensor x, long target) {
        round(Kind.ROUND_TO_EIGHT_BITS, x, target);
        type = weights;
    }

    void outer(long a, long b, int rows, int in, int out, Tensor target) {
        kind = Kind.ADD_OUTER;
        this.a = a;
        this.b = b;
        this.rows = rows;
        this.in = in;
        this.out = out;
        y = target.address();
    }

    void round(Kind kind, Tensor x, long target) {
        elements(kind, x, x, x, x);
        y = target;
    }

    void elements(Kind kind, Tensor a, Tensor b, Tensor c, Tensor y) {
        this.kind = kind;
        this.a = a.address();
        this.b = b.address();
        this.c = c.address();
        this.y = y.address();
        this.rows = a.rows();
        this.columns = a.columns();
    }

    void more(Tensor d, Tensor e, Tensor f, Tensor g, Tensor h) {
        this.d = d.address();
        this.e = e.address();
        this.f = f.address();
        this.g = g.address();
        this.h = h.address();
    }

    void shift(Tensor x, Tensor[] mixes, Segments segments, int slot, Tensor y) {
        elements(Kind.SHIFT_LERP, x, x, x, y);
        this.mixes = mixes;
        segments(segments, slot);
    }

    void segments(Segments segments, int slot) {
        this.segments = segments;
        this.slot = slot;
    }

    void heads(int headSize, int columns) {
        this.headSize = headSize;
        this.columns = columns;
    }

    /// Cuts the value columns of a head into `groups` of `group` each, the last one smaller;
    /// `record` keeps what a backward pass needs.
    void wkv7(int groups, int group, @Nullable Wkv7Record record) {
        this.groups = groups;
        this.group = group;
        this.record = record;
    }

    void epsilon(float epsilon) {
        this.epsilon = epsilon;
    }

    void total(int total, int grain) {
        this.total = total;
        this.grain = Math.max(1, grain);
    }

    int parts() {
        return (total + grain - 1) / grain;
    }

    @Override
    public void run(int part, int worker) {
        int from = part * grain;
        int to = Math.min(total, from + grain);
        switch (kind) {
            case LINEAR -> kernels.linear(type, a, rows, in, b, out, from, to, y, worker);
            case LINEAR_EIGHT_BITS -> kernels.linear(type, row, in, b, from, to, y, worker);
            case PROJECT -> kernels.project(type, a, rows, in, b, out, from, to, y, worker);
            case ADD_OUTER -> kernels.addOuter(a, b, rows, out, in, from, to, y);
            case TO_BF16 ->
                    kernels.toBfloat16(at(a, from), y + 2L * from * columns, (to - from) * columns);
            case ROUND_TO_BF16 ->
                    kernels.roundToBfloat16(at(a, from), at(y, from), (to - from) * columns);
            case ROUND_TO_EIGHT_BITS ->
                    kernels.roundToEightBits(type, at(a, from), at(y, from), (to - from) * columns);
            case ADD -> kernels.add(at(a, from), at(b, from), at(y, from), (to - from) * columns);
            case TANH -> kernels.tanh(at(a, from), at(y, from), (to - from) * columns);
            case SIGMOID -> kernels.sigmoid(at(a, from), at(y, from), (to - from) * columns);
            case RELU_SQUARED ->
                    kernels.reluSquared(at(a, from), at(y, from), (to - from) * columns);
            case LERP ->
                    kernels.lerp(
                            at(a, from),
                            at(b, from),
                            at(c, from),
                            at(y, from),
                            (to - from) * columns);
            case SIGMOID_WITH_BIAS -> {
                for (int row = from; row < to; row++) {
                    kernels.sigmoidWithBias(at(a, row), b, at(y, row), columns);
                }
            }
            case DECAY7 -> {
                for (int row = from; row < to; row++) {
                    kernels.decay7(at(a, row), b, at(y, row), columns);
                }
            }
            case LAYER_NORM -> {
                for (int row = from; row < to; row++) {
                    kernels.layerNorm(at(a, row), b, c, epsilon, at(y, row), columns);
                }
            }
            case SHIFT_LERP -> shiftLerp(from, to);
            case KEYS7 -> keys7(from, to);
            case WKV7 -> wkv7(from, to);
            case GATED_GROUP_NORM7 -> gatedGroupNorm7(from, to);
        }
    }

    private long at(long base, int row) {
        return base + 4L * row * columns;
    }

    private void shiftLerp(int from, int to) {
        Segments segments = this.segments;
        if (segments == null) {
            throw new IllegalStateException("shiftLerp without segments");
        }
        long part = 4L * rows * columns;
        for (int row = from; row < to; row++) {
            int segment = segments.segment(row);
            long previous =
                    row == segments.start(segment)
                            ? segments.carried(segment, slot).address()
                            : at(a, row - 1);
            for (int i = 0; i < mixes.length; i++) {
                kernels.lerp(
                        at(a, row), previous, mixes[i].address(), at(y + i * part, row), columns);
            }
        }
    }

    private void keys7(int from, int to) {
        long part = 4L * rows * columns;
        for (int row = from; row < to; row++) {
            for (int channel = 0; channel < columns; channel += headSize) {
                long offset = 4L * channel;
                long target = at(y, row) + offset;
                kernels.keys7(
                        at(a, row) + offset,
                        at(b, row) + offset,
                        c + offset,
                        d + offset,
                        target,
                        target + part,
                        target + 2 * part,
                        headSize);
            }
        }
    }

    private void wkv7(int from, int to) {
        Segments segments = this.segments;
        if (segments == null) {
            throw new IllegalStateException("wkv7 without segments");
        }
        int heads = columns / headSize;
        for (int unit = from; unit < to; unit++) {
            int first = unit % groups * group;
            int last = Math.min(headSize, first + group);
            int head = unit / groups % heads;
            int segment = unit / groups / heads;
            int start = segments.start(segment);
            int tokens = segments.end(segment) - start;
            long offset = 4L * ((long) start * columns + (long) head * headSize);
            long state =
                    segments.carried(segment, slot).address() + 4L * head * headSize * headSize;
            Wkv7Record record = this.record;
            if (record == null) {
                wkv7(offset, first, last, tokens, state, 0);
                continue;
            }
            for (int t = 0; t < tokens; t += Wkv7Span.INTERVAL) {
                record.keep(state, segment, t / Wkv7Span.INTERVAL, head, first, last);
                int count = Math.min(Wkv7Span.INTERVAL, tokens - t);
                long at = offset + 4L * t * columns;
                wkv7(at, first, last, count, state, record.removed() + at);
            }
        }
    }

    private void wkv7(long at, int first, int last, int tokens, long state, long removed) {
        kernels.wkv7(
                a + at, b + at, c + at, d + at, e + at, f + at, y + at, headSize, first, last,
                columns, tokens, state, removed);
    }

    private void gatedGroupNorm7(int from, int to) {
        for (int row = from; row < to; row++) {
            for (int channel = 0; channel < columns; channel += headSize) {
                long offset = 4L * channel;
                long x = at(a, row) + offset;
                long rowOffset = x - a;
                kernels.gatedGroupNorm7(
                        x,
                        b + offset,
                        c + offset,
                        epsilon,
                        d + rowOffset,
                        e + rowOffset,
                        f + rowOffset,
                        g + offset,
                        h + rowOffset,
                        y + rowOffset,
                        headSize);
            }
        }
    }
}
