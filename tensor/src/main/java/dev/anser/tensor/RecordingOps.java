package dev.anser.tensor;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Runs every operation by another [Ops] and records on a [Tape] what its gradient needs.
///
/// ```java
/// try (Tape tape = new Tape()) {
///     Ops ops = new RecordingOps(eager, threads, tape);
///     tape.watch(weight, gradientOfWeight);
///     Tensor logits = model.forward(ops, batch);
///     tape.setGradient(logits, ...); // dL/dlogits
///     tape.backward(); // adds dL/dweight to gradientOfWeight
/// }
/// ```
///
/// Each method stands beside its backward step: `dx` is the gradient of the loss to `x`. All
/// results of the pass are kept until the next one begins. For one thread.
public final class RecordingOps implements Ops {
    /// Elements of a part of an elementwise step.
    private static final int ELEMENTS = 1 << 14;

    /// Columns of a part of a step that adds rows in order.
    private static final int COLUMNS = 128;

    private final EagerOps ops;
    private final GradientKernels kernels;
    private final Threads threads;
    private final Tape tape;
    private final Gradients gradients;
    private boolean recompute;

    /// Records what `ops` executes on `tape`; gradients are computed by `threads`.
    public RecordingOps(EagerOps ops, Threads threads, Tape tape) {
        this.ops = ops;
        this.kernels = ops.gradients();
        this.threads = threads;
        this.tape = tape;
        this.gradients = new Gradients(tape, threads, kernels);
    }

    @Override
    public void begin() {
        tape.begin();
        ops.begin();
    }

    /// Keeps of every [Ops.Block] only what goes into it, from the next pass on, and runs it again
    /// in the backward pass: a third more work, and the memory of one block instead of all
    /// (activation checkpointing, arXiv 1604.06174). Gradients have the same bits. Off at first.
    public void recomputeBlocks(boolean recompute) {
        this.recompute = recompute;
    }

    @Override
    public Tensor block(
            Block block, Tensor x, Tensor shared, Segments batch, int firstSlot, int slots) {
        if (!recompute) {
            return block.run(this, x, shared, batch);
        }
        Tensor[] before = new Tensor[batch.count() * slots];
        for (int i = 0; i < before.length; i++) {
            before[i] = tape.copy(batch.carried(i / slots, firstSlot + i % slots));
        }
        ops.learns(true);
        Tensor y;
        try {
            y = ops.block(block, x, shared, batch, firstSlot, slots);
        } finally {
            ops.learns(false);
        }
        tape.record(
                "block",
                y,
                dy -> {
                    // The carried tensors end as they were: the same steps from the same state.
                    for (int i = 0; i < before.length; i++) {
                        Tensor carried = batch.carried(i / slots, firstSlot + i % slots);
                        Memory.copy(before[i].address(), carried.address(), carried.bytes());
                    }
                    long mark = ops.mark();
                    long tapeMark = tape.mark();
                    tape.again(() -> block.run(this, x, shared, batch));
                    tape.release(tapeMark);
                    ops.release(mark);
                });
        return y;
    }

    @Override
    public Tensor run(Operation operation) {
        Tensor y = ops.run(operation, tape);
        tape.record(operation.name(), y, dy -> operation.backward(gradients, y, dy));
        return y;
    }

    @Override
    public int firstNonFiniteRow(Tensor x) {
        return ops.firstNonFiniteRow(x);
    }

    @Override
    public Tensor embedding(Tensor table, int[] ids, int count) {
        Tensor y = ops.embedding(table, ids, count);
        Tensor dTable = tape.parameterGradient(table);
        if (dTable != null) {
            int[] copy = Arrays.copyOf(ids, count);
            tape.record("embedding", y, dy -> addRows(dy, copy, dTable));
        }
        return y;
    }

    @Override
    public Tensor rows(Tensor x, int[] rows, int count) {
        Tensor y = ops.rows(x, rows, count);
        int[] copy = Arrays.copyOf(rows, count);
        tape.record("rows", y, dy -> addRows(dy, copy, tape.gradient(x)));
        return y;
    }

    /// Row i of `dy` is added to row `rows[i]` of `target`: by columns, so that a row that stands
    /// twice is added in order.
    private void addRows(Tensor dy, int[] rows, Tensor target) {
        int columns = dy.columns();
        parts(
                columns,
                COLUMNS,
                (from, to) -> {
                    for (int i = 0; i < rows.length; i++) {
                        kernels.add(
                                dy.address() + 4L * ((long) i * columns + from),
                                target.address() + 4L * ((long) rows[i] * columns + from),
                                to - from);
                    }
                });
    }

    @Override
    public Tensor linear(Tensor x, Tensor weight) {
        Tensor y = ops.linear(x, weight);
        Tensor dWeight = tape.parameterGradient(weight);
        tape.record(
                "linear",
                y,
                dy -> {
                    ops.product(dy, weight, false, tape.target(x)); // dx = dy · weight
                    if (dWeight != null) {
                        ops.addOuter(dy, x, dWeight); // dWeight += dyᵀ · x
                    }
                });
        return y;
    }

    @Override
    public Tensor project(Tensor x, Tensor weight) {
        Tensor y = ops.project(x, weight);
        Tensor dWeight = tape.parameterGradient(weight);
        tape.record(
                "project",
                y,
                dy -> {
                    ops.product(dy, weight, true, tape.target(x)); // dx = dy · weightᵀ
                    if (dWeight != null) {
                        ops.addOuter(x, dy, dWeight); // dWeight += xᵀ · dy
                    }
                });
        return y;
    }

    @Override
    public Tensor add(Tensor a, Tensor b) {
        Tensor y = ops.add(a, b);
        tape.record(
                "add",
                y,
                dy -> {
                    pass(dy, a);
                    pass(dy, b);
                });
        return y;
    }

    private void pass(Tensor dy, Tensor x) {
        if (!tape.share(x)) {
            Target dx = tape.target(x);
            elements(dy, (from, to) -> kernels.pass(dy, dx, from, to));
        }
    }

    @Override
    public Tensor tanh(Tensor x) {
        Tensor y = ops.tanh(x);
        tape.record(
                "tanh",
                y,
                dy -> {
                    Target dx = tape.target(x);
                    elements(dy, (from, to) -> kernels.tanh(y, dy, dx, from, to));
                });
        return y;
    }

    @Override
    public Tensor sigmoid(Tensor x) {
        Tensor y = ops.sigmoid(x);
        tape.record(
                "sigmoid",
                y,
                dy -> {
                    Target dx = tape.target(x);
                    elements(dy, (from, to) -> kernels.sigmoid(y, dy, dx, from, to));
                });
        return y;
    }

    @Override
    public Tensor reluSquared(Tensor x) {
        Tensor y = ops.reluSquared(x);
        tape.record(
                "reluSquared",
                y,
                dy -> {
                    Target dx = tape.target(x);
                    elements(dy, (from, to) -> kernels.reluSquared(x, dy, dx, from, to));
                });
        return y;
    }

    @Override
    public Tensor sigmoidWithBias(Tensor x, Tensor bias) {
        Tensor y = ops.sigmoidWithBias(x, bias);
        Tensor dBias = tape.parameterGradient(bias);
        tape.record(
                "sigmoidWithBias",
                y,
                dy -> {
                    Target dx = tape.target(x);
                    rows(
                            dy,
                            0,
                            new @Nullable Tensor[] {dBias},
                            (from, to, sums, _) ->
                                    kernels.sigmoidWithBias(y, dy, dx, sums, from, to));
                });
        return y;
    }

    @Override
    public Tensor lerp(Tensor from, Tensor to, Tensor weight) {
        Tensor y = ops.lerp(from, to, weight);
        tape.record(
                "lerp",
                y,
                dy -> {
                    Target dFrom = tape.target(from);
                    Target dTo = tape.target(to);
                    Target dWeight = tape.target(weight);
                    elements(
                            dy,
                            (start, end) ->
                                    kernels.lerp(
                                            from, to, weight, dy, dFrom, dTo, dWeight, start, end));
                });
        return y;
    }

    @Override
    public Tensor layerNorm(Tensor x, Tensor weight, Tensor bias, float epsilon) {
        Tensor y = ops.layerNorm(x, weight, bias, epsilon);
        Tensor dWeight = tape.parameterGradient(weight);
        Tensor dBias = tape.parameterGradient(bias);
        tape.record(
                "layerNorm",
                y,
                dy -> {
                    Target dx = tape.target(x);
                    rows(
                            dy,
                            4,
                            new @Nullable Tensor[] {dWeight, dBias},
                            kernels.layerNorm(x, weight, epsilon, dy, dx));
                });
        return y;
    }

    @Override
    public Tensor shiftLerp(Tensor x, Tensor[] mixes, Segments segments, int slot) {
        int count = segments.count();
        Tensor carried = tape.temporary(count, x.columns());
        @Nullable Tensor[] dCarried = new Tensor[count];
        for (int s = 0; s < count; s++) {
            Tensor before = segments.carried(s, slot);
            Memory.copy(before.address(), carried.address() + before.bytes() * s, before.bytes());
            dCarried[s] = tape.parameterGradient(before);
        }
        Tensor y = ops.shiftLerp(x, mixes, segments, slot);
        Tensor allMixes = tape.temporary(mixes.length, x.columns());
        @Nullable Tensor[] dMixes = new Tensor[mixes.length];
        for (int i = 0; i < mixes.length; i++) {
            Memory.copy(
                    mixes[i].address(),
                    allMixes.address() + i * mixes[i].bytes(),
                    mixes[i].bytes());
            dMixes[i] = tape.parameterGradient(mixes[i]);
        }
        tape.record(
                "shiftLerp",
                y,
                dy -> {
                    Target dx = tape.target(x);
                    rows(
                            x,
                            x.columns(),
                            dMixes,
                            (from, to, sums, scratch) ->
                                    kernels.shiftLerp(
                                            x, allMixes, segments, carried, dy, dx, dCarried, sums,
                                            scratch, from, to));
                    for (int s = 0; s < count; s++) {
                        Tensor dLast = tape.carriedGradient(segments.carried(s, slot));
                        if (dLast != null) {
                            long last = dx.address() + 4L * (segments.end(s) - 1) * x.columns();
                            kernels.add(dLast.address(), last, x.columns());
                        }
                    }
                });
        return y;
    }

    @Override
    public Tensor decay7(Tensor x, Tensor bias) {
        Tensor y = ops.decay7(x, bias);
        Tensor dBias = tape.parameterGradient(bias);
        tape.record(
                "decay7",
                y,
                dy -> {
                    Target dx = tape.target(x);
                    rows(
                            dy,
                            y.columns(),
                            new @Nullable Tensor[] {dBias},
                            (from, to, sums, scratch) ->
                                    kernels.decay7(x, bias, y, dy, dx, sums, scratch, from, to));
                });
        return y;
    }

    @Override
    public Tensor keys7(Tensor k, Tensor a, Tensor keyScale, Tensor keyRate, int headSize) {
        Tensor y = ops.keys7(k, a, keyScale, keyRate, headSize);
        Tensor dScale = tape.parameterGradient(keyScale);
        Tensor dRate = tape.parameterGradient(keyRate);
        tape.record(
                "keys7",
                y,
                dy -> {
                    Target dk = tape.target(k);
                    Target da = tape.target(a);
                    rows(
                            k,
                            4 * (k.columns() / headSize),
                            new @Nullable Tensor[] {dScale, dRate},
                            kernels.keys7(k, a, keyScale, keyRate, headSize, dy, dk, da));
                });
        return y;
    }

    @Override
    public Tensor wkv7(
            Tensor r,
            Tensor w,
            Tensor k,
            Tensor v,
            Tensor a,
            Tensor b,
            int headSize,
            Segments segments,
            int slot) {
        Wkv7Record record = new Wkv7Record(tape, segments, slot, r.columns(), headSize);
        Tensor y = ops.wkv7(r, w, k, v, a, b, headSize, segments, slot, record);
        tape.record("wkv7", y, dy -> ops.wkv7Gradient(record, dy, r, w, k, v, a, b));
        return y;
    }

    @Override
    public Tensor gatedGroupNorm7(
            Tensor y,
            Tensor weight,
            Tensor bias,
            float epsilon,
            Tensor r,
            Tensor k,
            Tensor v,
            Tensor bonus,
            Tensor g,
            int headSize) {
        Tensor z = ops.gatedGroupNorm7(y, weight, bias, epsilon, r, k, v, bonus, g, headSize);
        Tensor dWeight = tape.parameterGradient(weight);
        Tensor dBias = tape.parameterGradient(bias);
        Tensor dBonus = tape.parameterGradient(bonus);
        GradientKernels.GatedGroupNorm7 operands =
                new GradientKernels.GatedGroupNorm7(
                        y, weight, bias, epsilon, r, k, v, bonus, g, headSize);
        tape.record(
                "gatedGroupNorm7",
                z,
                dz -> {
                    GradientKernels.GatedGroupNorm7Targets targets =
                            new GradientKernels.GatedGroupNorm7Targets(
                                    tape.target(g),
                                    tape.target(v),
                                    tape.target(y),
                                    tape.target(r),
                                    tape.target(k));
                    rows(
                            dz,
                            6 * (dz.columns() / headSize),
                            new @Nullable Tensor[] {dWeight, dBias, dBonus},
                            kernels.gatedGroupNorm7(operands, dz, targets));
                });
        return z;
    }

    /// A range of columns or elements.
    private interface Range {
        void run(int from, int to);
    }

    private void elements(Tensor shape, Range range) {
        parts(Math.toIntExact(shape.elements()), ELEMENTS, range);
    }

    private void parts(int total, int grain, Range range) {
        threads.run(
                (part, worker) -> range.run(part * grain, Math.min(total, (part + 1) * grain)),
                (total + grain - 1) / grain);
    }

    /// Runs `sweeps` over the rows of `shape` (R, C), see [Gradients#summedRows].
    private void rows(
            Tensor shape, int scratch, @Nullable Tensor[] sums, GradientKernels.Rows... sweeps) {
        gradients.summedRows(shape.rows(), shape.columns(), scratch, sums, sweeps);
    }
}
