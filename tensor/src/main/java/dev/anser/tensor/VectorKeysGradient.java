package dev.anser.tensor;

import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;
import static dev.anser.tensor.Lanes.load;
import static dev.anser.tensor.VectorGradients.addTo;
import static dev.anser.tensor.VectorGradients.put;

import dev.anser.tensor.GradientKernels.Rows;
import jdk.incubator.vector.FloatVector;

/// The backward step of [Ops#keys7] with the Vector API, for heads of whole vectors.
///
/// Scratch, for each head: 1 over the length of the scaled key, and the projection `u · du`.
record VectorKeysGradient(
        Tensor k,
        Tensor a,
        Tensor keyScale,
        Tensor keyRate,
        int headSize,
        Tensor dy,
        Target dk,
        Target da) {
    private static final int INVERSE = 0;
    private static final int PROJECTION = 1;

    Rows[] sweeps() {
        return new Rows[] {
            (from, to, _, scratch) -> lengths(scratch, from, to),
            (from, to, _, scratch) -> keys(scratch, from, to),
            (from, to, _, scratch) -> rates(scratch, from, to),
            (from, to, sums, scratch) -> sums(sums, scratch, from, to)
        };
    }

    private long part() {
        return 4L * k.rows() * k.columns();
    }

    private void lengths(long scratch, int from, int to) {
        int columns = k.columns();
        long dRemoval = dy.address() + part();
        long dInContext = dRemoval + part();
        long own = scratch;
        for (int row = from; row < to; row++) {
            for (int start = 0; start < columns; start += headSize) {
                long base = 4L * ((long) row * columns + start);
                long scale = keyScale.address() + 4L * start;
                FloatVector squares = FloatVector.zero(FLOATS);
                FloatVector projections = FloatVector.zero(FLOATS);
                for (int i = 0; i < headSize; i += COUNT) {
                    long at = base + 4L * i;
                    FloatVector scaled = load(k.address() + at).mul(load(scale + 4L * i));
                    FloatVector learned = load(dInContext + at).mul(load(a.address() + at));
                    squares = scaled.fma(scaled, squares);
                    projections = learned.sub(load(dRemoval + at)).fma(scaled, projections);
                }
                float length = (float) Math.sqrt(VectorMath.sum(squares));
                float inverse = 1 / Math.max(length, ReferenceKernels.KEY_EPSILON);
                boolean normal = length > ReferenceKernels.KEY_EPSILON;
                float projection = VectorMath.sum(projections) * inverse;
                Memory.set(own, INVERSE, inverse);
                Memory.set(own, PROJECTION, normal ? projection : 0);
                own += 16;
            }
        }
    }

    private void keys(long scratch, int from, int to) {
        int columns = k.columns();
        long dRemoval = dy.address() + part();
        long dInContext = dRemoval + part();
        boolean add = dk.add();
        long own = scratch;
        for (int row = from; row < to; row++) {
            for (int start = 0; start < columns; start += headSize) {
                long base = 4L * ((long) row * columns + start);
                float inverse = Memory.get(own, INVERSE);
                float projection = Memory.get(own, PROJECTION);
                own += 16;
                for (int i = 0; i < headSize; i += COUNT) {
                    long at = base + 4L * i;
                    long channel = 4L * (start + i);
                    FloatVector scale = load(keyScale.address() + channel);
                    FloatVector unit = load(k.address() + at).mul(scale).mul(inverse);
                    FloatVector learning = load(a.address() + at);
                    FloatVector learned = load(dInContext + at).mul(learning);
                    FloatVector dUnit = learned.sub(load(dRemoval + at));
                    FloatVector dScaled = dUnit.sub(unit.mul(projection)).mul(inverse);
                    FloatVector rate = load(keyRate.address() + channel);
                    FloatVector dKey = load(dy.address() + at);
                    FloatVector kept = learning.sub(1f).fma(rate.mul(dKey), dKey);
                    put(dScaled.fma(scale, kept), dk.address() + at, add);
                }
            }
        }
    }

    private void rates(long scratch, int from, int to) {
        int columns = k.columns();
        long dInContext = dy.address() + 2 * part();
        boolean add = da.add();
        long own = scratch;
        for (int row = from; row < to; row++) {
            for (int start = 0; start < columns; start += headSize) {
                long base = 4L * ((long) row * columns + start);
                float inverse = Memory.get(own, INVERSE);
                own += 16;
                for (int i = 0; i < headSize; i += COUNT) {
                    long at = base + 4L * i;
                    long channel = 4L * (start + i);
                    FloatVector raw = load(k.address() + at);
                    FloatVector unit = raw.mul(load(keyScale.address() + channel)).mul(inverse);
                    FloatVector dRaw = load(dy.address() + at).mul(raw);
                    FloatVector rated = dRaw.mul(load(keyRate.address() + channel));
                    put(load(dInContext + at).fma(unit, rated), da.address() + at, add);
                }
            }
        }
    }

    private void sums(long dScale, long scratch, int from, int to) {
        int columns = k.columns();
        long dRate = dScale + 4L * columns;
        long dRemoval = dy.address() + part();
        long dInContext = dRemoval + part();
        long own = scratch;
        for (int row = from; row < to; row++) {
            for (int start = 0; start < columns; start += headSize) {
                long base = 4L * ((long) row * columns + start);
                float inverse = Memory.get(own, INVERSE);
                float projection = Memory.get(own, PROJECTION);
                own += 16;
                for (int i = 0; i < headSize; i += COUNT) {
                    long at = base + 4L * i;
                    long channel = 4L * (start + i);
                    FloatVector raw = load(k.address() + at);
                    FloatVector learning = load(a.address() + at);
                    FloatVector unit = raw.mul(load(keyScale.address() + channel)).mul(inverse);
                    FloatVector learned = load(dInContext + at).mul(learning);
                    FloatVector dUnit = learned.sub(load(dRemoval + at));
                    FloatVector dScaled = dUnit.sub(unit.mul(projection)).mul(inverse);
                    addTo(dScale + channel, dScaled.mul(raw));
                    FloatVector dRaw = load(dy.address() + at).mul(raw);
                    addTo(dRate + channel, dRaw.mul(learning.sub(1f)));
                }
            }
        }
    }
}
