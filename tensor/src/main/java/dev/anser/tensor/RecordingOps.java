package dev.anser.tensor;

import org.jspecify.annotations.Nullable;

/// Runs every operation by another [Ops] and records on a [Tape] what its gradient needs.
///
/// ```java
/// try (Tape tape = new Tape()) {
///     Ops ops = new RecordingOps(eager, threads, tape);
///     tape.watch(weight, gradientOfWeight);
///     Tensor logits = model.forward(ops, batch);
///     tape.gradient(logits).set(...); // dL/dlogits
///     tape.backward(); // adds dL/dweight to gradientOfWeight
/// }
/// ```
///
/// Each method stands beside its backward step: `dx` is the gradient of the loss to `x`. All
/// results of the pass are kept until the next one begins. For one thread.
public final class RecordingOps implements Ops {
    private final EagerOps ops;
    private final Threads threads;
    private final Tape tape;

    /// Records what `ops` executes on `tape`; gradients are computed by `threads`.
    public RecordingOps(EagerOps ops, Threads threads, Tape tape) {
        this.ops = ops;
        this.threads = threads;
        this.tape = tape;
    }

    @Override
    public void begin() {
        tape.begin();
        ops.begin();
    }

    @Override
    public long mark() {
        return ops.mark();
    }

    /// Keeps everything: the backward pass needs it.
    @Override
    public Tensor release(long mark, Tensor result) {
        return result;
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
            int[] copy = java.util.Arrays.copyOf(ids, count);
            tape.record(() -> {
                Tensor dy = tape.gradient(y);
                // By columns, so that a token that stands twice is added in order.
                columns(y.columns(), (from, to) -> Gradients.scatter(dy, copy, dTable, from, to));
            });
        }
        return y;
    }

    @Override
    public Tensor rows(Tensor x, int[] rows, int count) {
        Tensor y = ops.rows(x, rows, count);
        int[] copy = java.util.Arrays.copyOf(rows, count);
        tape.record(() -> {
            Tensor dy = tape.gradient(y);
            Tensor dx = tape.gradient(x);
            columns(y.columns(), (from, to) -> Gradients.scatter(dy, copy, dx, from, to));
        });
        return y;
    }

    @Override
    public Tensor linear(Tensor x, Tensor weight) {
        Tensor y = ops.linear(x, weight);
        Tensor dWeight = tape.parameterGradient(weight);
        tape.record(() -> {
            Tensor dy = tape.gradient(y);
            ops.addProduct(dy, weight, false, tape.gradient(x)); // dx += dy · weight
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
        tape.record(() -> {
            Tensor dy = tape.gradient(y);
            ops.addProduct(dy, weight, true, tape.gradient(x)); // dx += dy · weightᵀ
            if (dWeight != null) {
                ops.addOuter(x, dy, dWeight); // dWeight += xᵀ · dy
            }
        });
        return y;
    }

    @Override
    public Tensor add(Tensor a, Tensor b) {
        Tensor y = ops.add(a, b);
        tape.record(() -> {
            Tensor dy = tape.gradient(y);
            Tensor da = tape.gradient(a);
            Tensor db = tape.gradient(b);
            elements(y, (from, to) -> Gradients.addTo(dy, da, from, to));
            elements(y, (from, to) -> Gradients.addTo(dy, db, from, to));
        });
        return y;
    }

    @Override
    public Tensor tanh(Tensor x) {
        Tensor y = ops.tanh(x);
        tape.record(() -> {
            Tensor dy = tape.gradient(y);
            Tensor dx = tape.gradient(x);
            elements(y, (from, to) -> Gradients.tanh(y, dy, dx, from, to));
        });
        return y;
    }

    @Override
    public Tensor sigmoid(Tensor x) {
        Tensor y = ops.sigmoid(x);
        tape.record(() -> {
            Tensor dy = tape.gradient(y);
            Tensor dx = tape.gradient(x);
            elements(y, (from, to) -> Gradients.sigmoid(y, dy, dx, from, to));
        });
        return y;
    }

    @Override
    public Tensor reluSquared(Tensor x) {
        Tensor y = ops.reluSquared(x);
        tape.record(() -> {
            Tensor dy = tape.gradient(y);
            Tensor dx = tape.gradient(x);
            elements(y, (from, to) -> Gradients.reluSquared(x, dy, dx, from, to));
        });
        return y;
    }

    @Override
    public Tensor sigmoidWithBias(Tensor x, Tensor bias) {
        Tensor y = ops.sigmoidWithBias(x, bias);
        Tensor dBias = tape.parameterGradient(bias);
        tape.record(() -> {
            Tensor dy = tape.gradient(y);
            Tensor dx = tape.gradient(x);
            columns(
                    y.columns(),
                    (from, to) -> Gradients.sigmoidWithBias(y, dy, dx, dBias, from, to));
        });
        return y;
    }

    @Override
    public Tensor lerp(Tensor from, Tensor to, Tensor weight) {
        Tensor y = ops.lerp(from, to, weight);
        tape.record(() -> {
            Tensor dy = tape.gradient(y);
            Tensor dFrom = tape.gradient(from);
            Tensor dTo = tape.gradient(to);
            Tensor dWeight = tape.gradient(weight);
            elements(
                    y,
                    (start, end) ->
                            Gradients.lerp(from, to, weight, dy, dFrom, dTo, dWeight, start, end));
        });
        return y;
    }

    @Override
    public Tensor layerNorm(Tensor x, Tensor weight, Tensor bias, float epsilon) {
        Tensor y = ops.layerNorm(x, weight, bias, epsilon);
        Tensor dWeight = tape.parameterGradient(weight);
        Tensor dBias = tape.parameterGradient(bias);
        tape.record(() -> {
            Tensor dy = tape.gradient(y);
            Tensor dx = tape.gradient(x);
            Tensor unit = tape.temporary(x.rows(), x.columns());
            rows(
                    x.rows(),
                    (from, to) ->
                            Gradients.normalise(
                                    x, weight, epsilon, x.columns(), dy, dx, unit, from, to));
            columns(
                    x.columns(),
                    (from, to) -> Gradients.affine(unit, dy, dWeight, dBias, from, to));
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
        @Nullable Tensor[] dMixes = new Tensor[mixes.length];
        for (int i = 0; i < mixes.length; i++) {
            dMixes[i] = tape.parameterGradient(mixes[i]);
        }
        tape.gradient(y); // makes the gradients of its parts known before later steps ask for them
        tape.record(() -> {
            Tensor dy = tape.gradient(y);
            Tensor dx = tape.gradient(x);
            for (int s = 0; s < count; s++) {
                Tensor dLast = tape.carriedGradient(segments.carried(s, slot));
                if (dLast != null) {
                    Gradients.addRow(dLast, dx, segments.end(s) - 1);
                }
            }
            columns(
                    x.columns(),
                    (from, to) ->
                            Gradients.shiftLerp(
                                    x, mixes, segments, carried, dy, dx, dMixes, dCarried, from,
                                    to));
        });
        return y;
    }

    @Override
    public Tensor decay7(Tensor x, Tensor bias) {
        Tensor y = ops.decay7(x, bias);
        Tensor dBias = tape.parameterGradient(bias);
        tape.record(() -> {
            Tensor dy = tape.gradient(y);
            Tensor dx = tape.gradient(x);
            columns(
                    y.columns(),
                    (from, to) -> Gradients.decay7(x, bias, y, dy, dx, dBias, from, to));
        });
        return y;
    }

    @Override
    public Tensor keys7(Tensor k, Tensor a, Tensor keyScale, Tensor keyRate, int headSize) {
        Tensor y = ops.keys7(k, a, keyScale, keyRate, headSize);
        Tensor dScale = tape.parameterGradient(keyScale);
        Tensor dRate = tape.parameterGradient(keyRate);
        tape.gradient(y);
        tape.record(() -> {
            Tensor dy = tape.gradient(y);
            Tensor dk = tape.gradient(k);
            Tensor da = tape.gradient(a);
            // By heads: all rows of a head in order, so that dScale and dRate are sums in order.
            rows(
                    k.columns() / headSize,
                    (from, to) ->
                            Gradients.keys7(
                                    k, a, keyScale, keyRate, headSize, dy, dk, da, dScale, dRate,
                                    from, to));
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
        tape.record(() -> ops.wkv7Gradient(record, y, r, w, k, v, a, b));
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
        tape.record(() -> {
            Tensor dz = tape.gradient(z);
            Tensor dr = tape.gradient(r);
            Tensor dk = tape.gradient(k);
            Tensor dv = tape.gradient(v);
            Tensor dg = tape.gradient(g);
            Tensor dy = tape.gradient(y);
            Tensor unit = tape.temporary(y.rows(), y.columns());
            Tensor normed = tape.temporary(y.rows(), y.columns());
            Tensor dNormed = tape.temporary(y.rows(), y.columns());
            rows(
                    y.rows(),
                    (from, to) ->
                            Gradients.normed(y, weight, bias, epsilon, headSize, normed, from, to));
            rows(
                    y.columns() / headSize,
                    (from, to) ->
                            Gradients.gate7(
                                    normed, r, k, v, bonus, g, headSize, dz, dNormed, dr, dk, dv,
                                    dg, dBonus, from, to));
            rows(
                    y.rows(),
                    (from, to) ->
                            Gradients.normalise(
                                    y, weight, epsilon, headSize, dNormed, dy, unit, from, to));
            columns(
                    y.columns(),
                    (from, to) -> Gradients.affine(unit, dNormed, dWeight, dBias, from, to));
        });
        return z;
    }

    /// A range of rows, columns or elements.
    private interface Range {
        void run(int from, int to);
    }

    private void elements(Tensor shape, Range range) {
        parts(Math.toIntExact(shape.elements()), 1 << 14, range);
    }

    private void columns(int columns, Range range) {
        parts(columns, 64, range);
    }

    private void rows(int rows, Range range) {
        parts(rows, 1, range);
    }

    private void parts(int total, int grain, Range range) {
        threads.run(
                (part, worker) -> range.run(part * grain, Math.min(total, (part + 1) * grain)),
                (total + grain - 1) / grain);
    }
}
