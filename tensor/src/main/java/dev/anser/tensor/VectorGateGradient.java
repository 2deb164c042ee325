package dev.anser.tensor;

import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;
import static dev.anser.tensor.Lanes.load;
import static dev.anser.tensor.VectorGradients.addTo;
import static dev.anser.tensor.VectorGradients.put;
import static dev.anser.tensor.VectorNormGradients.MEAN;
import static dev.anser.tensor.VectorNormGradients.PROJECTION;
import static dev.anser.tensor.VectorNormGradients.SCALE;
import static dev.anser.tensor.VectorNormGradients.SHIFT;

import dev.anser.tensor.GradientKernels.GatedGroupNorm7;
import dev.anser.tensor.GradientKernels.GatedGroupNorm7Targets;
import dev.anser.tensor.GradientKernels.Rows;
import jdk.incubator.vector.FloatVector;

/// The backward step of [Ops#gatedGroupNorm7] with the Vector API, for heads of whole vectors.
///
/// Scratch, for each head: that of [VectorNormGradients], the bonus `Σ r k bonus`, and its
/// gradient.
record VectorGateGradient(GatedGroupNorm7 of, Tensor dz, GatedGroupNorm7Targets into) {
    private static final int BONUS = 4;
    private static final int BONUS_GRADIENT = 5;

    /// Bytes of scratch from one head to the next.
    private static final int STRIDE = 24;

    Rows[] sweeps() {
        return new Rows[] {
            (from, to, _, scratch) ->
                    VectorNormGradients.statistics(
                            of.y(), of.headSize(), of.epsilon(), 6, scratch, from, to),
            (from, to, _, scratch) -> bonuses(scratch, from, to),
            (from, to, _, scratch) -> gates(scratch, from, to),
            (from, to, _, scratch) -> values(scratch, from, to),
            (from, to, sums, scratch) -> sums(sums, scratch, from, to),
            (from, to, _, scratch) -> normed(scratch, from, to),
            (from, to, sums, scratch) -> products(sums, scratch, from, to)
        };
    }

    private void bonuses(long scratch, int from, int to) {
        int columns = of.y().columns();
        int size = of.headSize();
        long own = scratch;
        for (int row = from; row < to; row++) {
            for (int start = 0; start < columns; start += size) {
                long base = 4L * ((long) row * columns + start);
                FloatVector products = FloatVector.zero(FLOATS);
                for (int i = 0; i < size; i += COUNT) {
                    long at = base + 4L * i;
                    long channel = 4L * (start + i);
                    FloatVector product =
                            load(of.r().address() + at).mul(load(of.k().address() + at));
                    products = product.fma(load(of.bonus().address() + channel), products);
                }
                Memory.set(own, BONUS, VectorMath.sum(products));
                own += STRIDE;
            }
        }
    }

    private void gates(long scratch, int from, int to) {
        boolean add = into.dg().add();
        int columns = of.y().columns();
        int size = of.headSize();
        long own = scratch;
        for (int row = from; row < to; row++) {
            for (int start = 0; start < columns; start += size) {
                long base = 4L * ((long) row * columns + start);
                float mean = Memory.get(own, MEAN);
                float scale = Memory.get(own, SCALE);
                float bonus = Memory.get(own, BONUS);
                for (int i = 0; i < size; i += COUNT) {
                    long at = base + 4L * i;
                    long channel = 4L * (start + i);
                    FloatVector unit = load(of.y().address() + at).sub(mean).mul(scale);
                    FloatVector weight = load(of.weight().address() + channel);
                    FloatVector normed = unit.fma(weight, load(of.bias().address() + channel));
                    FloatVector out = load(of.v().address() + at).mul(bonus).add(normed);
                    put(load(dz.address() + at).mul(out), into.dg().address() + at, add);
                }
                own += STRIDE;
            }
        }
    }

    private void values(long scratch, int from, int to) {
        boolean add = into.dv().add();
        int columns = of.y().columns();
        int size = of.headSize();
        long own = scratch;
        for (int row = from; row < to; row++) {
            for (int start = 0; start < columns; start += size) {
                long base = 4L * ((long) row * columns + start);
                float bonus = Memory.get(own, BONUS);
                FloatVector gradients = FloatVector.zero(FLOATS);
                for (int i = 0; i < size; i += COUNT) {
                    long at = base + 4L * i;
                    FloatVector dOut = load(dz.address() + at).mul(load(of.g().address() + at));
                    gradients = dOut.fma(load(of.v().address() + at), gradients);
                    put(dOut.mul(bonus), into.dv().address() + at, add);
                }
                Memory.set(own, BONUS_GRADIENT, VectorMath.sum(gradients));
                own += STRIDE;
            }
        }
    }

    private void sums(long dWeight, long scratch, int from, int to) {
        long dBias = dWeight + 4L * of.y().columns();
        int columns = of.y().columns();
        int size = of.headSize();
        long own = scratch;
        for (int row = from; row < to; row++) {
            for (int start = 0; start < columns; start += size) {
                long base = 4L * ((long) row * columns + start);
                float mean = Memory.get(own, MEAN);
                float scale = Memory.get(own, SCALE);
                FloatVector sums = FloatVector.zero(FLOATS);
                FloatVector projections = FloatVector.zero(FLOATS);
                for (int i = 0; i < size; i += COUNT) {
                    long at = base + 4L * i;
                    long channel = 4L * (start + i);
                    FloatVector unit = load(of.y().address() + at).sub(mean).mul(scale);
                    FloatVector dOut = load(dz.address() + at).mul(load(of.g().address() + at));
                    FloatVector dUnit = dOut.mul(load(of.weight().address() + channel));
                    sums = sums.add(dUnit);
                    projections = dUnit.fma(unit, projections);
                    addTo(dWeight + channel, dOut.mul(unit));
                    addTo(dBias + channel, dOut);
                }
                Memory.set(own, SHIFT, VectorMath.sum(sums) / size);
                Memory.set(own, PROJECTION, VectorMath.sum(projections) / size);
                own += STRIDE;
            }
        }
    }

    private void normed(long scratch, int from, int to) {
        boolean add = into.dy().add();
        int columns = of.y().columns();
        int size = of.headSize();
        long own = scratch;
        for (int row = from; row < to; row++) {
            for (int start = 0; start < columns; start += size) {
                long base = 4L * ((long) row * columns + start);
                float mean = Memory.get(own, MEAN);
                float scale = Memory.get(own, SCALE);
                float shift = Memory.get(own, SHIFT);
                float projection = Memory.get(own, PROJECTION);
                for (int i = 0; i < size; i += COUNT) {
                    long at = base + 4L * i;
                    long channel = 4L * (start + i);
                    FloatVector unit = load(of.y().address() + at).sub(mean).mul(scale);
                    FloatVector dOut = load(dz.address() + at).mul(load(of.g().address() + at));
                    FloatVector dUnit = dOut.mul(load(of.weight().address() + channel));
                    FloatVector gradient = dUnit.sub(shift).sub(unit.mul(projection)).mul(scale);
                    put(gradient, into.dy().address() + at, add);
                }
                own += STRIDE;
            }
        }
    }

    private void products(long sums, long scratch, int from, int to) {
        long dBonus = sums + 8L * of.y().columns();
        boolean addR = into.dr().add();
        boolean addK = into.dk().add();
        int columns = of.y().columns();
        int size = of.headSize();
        long own = scratch;
        for (int row = from; row < to; row++) {
            for (int start = 0; start < columns; start += size) {
                long base = 4L * ((long) row * columns + start);
                float dSum = Memory.get(own, BONUS_GRADIENT);
                for (int i = 0; i < size; i += COUNT) {
                    long at = base + 4L * i;
                    long channel = 4L * (start + i);
                    FloatVector receptance = load(of.r().address() + at);
                    FloatVector key = load(of.k().address() + at);
                    FloatVector share = load(of.bonus().address() + channel).mul(dSum);
                    put(share.mul(key), into.dr().address() + at, addR);
                    put(share.mul(receptance), into.dk().address() + at, addK);
                    addTo(dBonus + channel, receptance.mul(key).mul(dSum));
                }
                own += STRIDE;
            }
        }
    }
}
