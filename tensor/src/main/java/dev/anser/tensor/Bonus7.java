package dev.anser.tensor;

import org.jspecify.annotations.Nullable;

/// The end of an RWKV-7 time mix that normalises no heads, or has done so before: `(x + (Σ_head r ·
/// k · bonus) · v) · g`, all but the `bonus` (C) of shape (R, C). [Ops#gatedGroupNorm7] is this
/// with the normalisation.
public final class Bonus7 extends Operation {
    private final Tensor x;
    private final Tensor receptance;
    private final Tensor key;
    private final Tensor value;
    private final Tensor bonus;
    private final @Nullable Tensor gate;
    private final int headSize;
    private HeadKernels kernels = new ReferenceHeads();

    /// @param x what the heads gave
    /// @param gate null where there is none
    public Bonus7(
            Tensor x,
            Tensor receptance,
            Tensor key,
            Tensor value,
            Tensor bonus,
            @Nullable Tensor gate,
            int headSize) {
        this.x = x;
        this.receptance = receptance;
        this.key = key;
        this.value = value;
        this.bonus = bonus;
        this.gate = gate;
        this.headSize = headSize;
    }

    @Override
    String name() {
        return "bonus7";
    }

    @Override
    Tensor forward(Pass pass) {
        EagerOps.requireSame(x, receptance, "bonus7");
        EagerOps.requireSame(x, key, "bonus7");
        EagerOps.requireSame(x, value, "bonus7");
        if (gate != null) {
            EagerOps.requireSame(x, gate, "bonus7");
        }
        EagerOps.requireVector(bonus, x.columns(), "the bonus of bonus7");
        EagerOps.requireHeads(x, headSize);
        kernels = pass.kernels().heads();
        Tensor y = pass.allocate(x.rows(), x.columns());
        pass.rows(
                x.rows(),
                x.columns(),
                (from, to, _) -> {
                    long end = 4L * to * x.columns();
                    for (long at = 4L * from * x.columns(); at < end; at += 4L * headSize) {
                        long own = y.address() + at;
                        withBonus(at, strength(at, own), own);
                        if (gate != null) {
                            kernels.multiply(own, gate.address() + at, 1, own, headSize);
                        }
                    }
                });
        return y;
    }

    /// What the value of the head `at` bytes into the operands is multiplied by; `scratch` has room
    /// for a head.
    private float strength(long at, long scratch) {
        kernels.multiply(receptance.address() + at, key.address() + at, 1, scratch, headSize);
        return kernels.dot(scratch, bonusOf(at), headSize);
    }

    private void withBonus(long at, float strength, long target) {
        kernels.combination(
                x.address() + at, 1, value.address() + at, strength, target, false, headSize);
    }

    private long bonusOf(long at) {
        return bonus.address() + at % (4L * x.columns());
    }

    /// With the strength `s = Σ_head r · k · bonus` and `d = dy · g`: `dx = d`, `dv = s d`, `dg =
    /// dy · (x + s v)`, and with `ds = Σ_head d · v`: `dr = ds k · bonus`, `dk = ds r · bonus`,
    /// `dbonus` the sum of `ds r · k` over rows.
    @Override
    void backward(Gradients gradients, Tensor y, Tensor dy) {
        Target dGate = gate == null ? null : gradients.target(gate);
        Target dx = gradients.target(x);
        Target dValue = gradients.target(value);
        Target dReceptance = gradients.target(receptance);
        Target dKey = gradients.target(key);
        int columns = x.columns();
        gradients.summedRows(
                x.rows(),
                columns,
                headSize,
                new @Nullable Tensor[] {gradients.parameter(bonus)},
                (from, to, dBonus, scratch) -> {
                    long end = 4L * to * columns;
                    for (long at = 4L * from * columns; at < end; at += 4L * headSize) {
                        float strength = strength(at, scratch);
                        long d = dy.address() + at;
                        if (gate != null && dGate != null) {
                            withBonus(at, strength, scratch);
                            putProduct(scratch, d, 1, dGate, at);
                            d = scratch;
                            kernels.multiply(
                                    dy.address() + at, gate.address() + at, 1, d, headSize);
                        }
                        put(d, 1, dx, at);
                        put(d, strength, dValue, at);
                        float share = kernels.dot(d, value.address() + at, headSize);
                        long r = receptance.address() + at;
                        long k = key.address() + at;
                        putProduct(k, bonusOf(at), share, dReceptance, at);
                        putProduct(r, bonusOf(at), share, dKey, at);
                        long own = dBonus + at % (4L * columns);
                        kernels.addProduct(r, k, share, own, headSize);
                    }
                });
    }

    private void put(long source, float factor, Target target, long at) {
        long own = target.address() + at;
        if (target.add()) {
            kernels.combination(source, factor, own, 1, own, false, headSize);
        } else {
            kernels.scale(source, factor, own, headSize);
        }
    }

    private void putProduct(long a, long b, float factor, Target target, long at) {
        if (target.add()) {
            kernels.addProduct(a, b, factor, target.address() + at, headSize);
        } else {
            kernels.multiply(a, b, factor, target.address() + at, headSize);
        }
    }
}
