package dev.anser.tensor;

import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;
import static dev.anser.tensor.Lanes.load;
import static dev.anser.tensor.VectorGradients.addTo;
import static dev.anser.tensor.VectorGradients.put;

import dev.anser.tensor.GradientKernels.Rows;
import jdk.incubator.vector.FloatVector;

/// The backward step of normalisation in groups of whole vectors with the Vector API.
///
/// Scratch, for each group: mean and scale of the values, then mean(du) and mean(du · u).
final class VectorNormGradients {
    static final int MEAN = 0;
    static final int SCALE = 1;
    static final int SHIFT = 2;
    static final int PROJECTION = 3;

    private VectorNormGradients() {}

    static Rows[] layerNorm(Tensor x, Tensor weight, float epsilon, Tensor dy, Target dx) {
        int columns = x.columns();
        return new Rows[] {
            (from, to, _, scratch) -> statistics(x, columns, epsilon, 4, scratch, from, to),
            (from, to, sums, scratch) -> sums(x, weight, dy, sums, scratch, from, to),
            (from, to, _, scratch) -> spread(x, weight, dy, dx, scratch, from, to)
        };
    }

    /// Mean and scale of each group of `size`; groups have `stride` floats of scratch.
    static void statistics(
            Tensor x, int size, float epsilon, int stride, long scratch, int from, int to) {
        int groups = x.columns() / size;
        long group = x.address() + 4L * from * x.columns();
        for (int i = 0; i < (to - from) * groups; i++) {
            float mean = VectorNorm.sum(group, size) / size;
            float squares = VectorNorm.squares(group, mean, size);
            Memory.set(scratch, (long) i * stride + MEAN, mean);
            Memory.set(
                    scratch,
                    (long) i * stride + SCALE,
                    (float) (1 / Math.sqrt(squares / size + epsilon)));
            group += 4L * size;
        }
    }

    private static void sums(
            Tensor x, Tensor weight, Tensor dy, long dWeight, long scratch, int from, int to) {
        int columns = x.columns();
        long dBias = dWeight + 4L * columns;
        for (int row = from; row < to; row++) {
            long base = 4L * row * columns;
            long own = scratch + 16L * (row - from);
            float mean = Memory.get(own, MEAN);
            float scale = Memory.get(own, SCALE);
            FloatVector sums = FloatVector.zero(FLOATS);
            FloatVector projections = FloatVector.zero(FLOATS);
            for (int c = 0; c < columns; c += COUNT) {
                FloatVector unit = load(x.address() + base + 4L * c).sub(mean).mul(scale);
                FloatVector gradient = load(dy.address() + base + 4L * c);
                FloatVector dUnit = gradient.mul(load(weight.address() + 4L * c));
                sums = sums.add(dUnit);
                projections = dUnit.fma(unit, projections);
                addTo(dWeight + 4L * c, gradient.mul(unit));
                addTo(dBias + 4L * c, gradient);
            }
            Memory.set(own, SHIFT, VectorMath.sum(sums) / columns);
            Memory.set(own, PROJECTION, VectorMath.sum(projections) / columns);
        }
    }

    private static void spread(
            Tensor x, Tensor weight, Tensor dy, Target dx, long scratch, int from, int to) {
        int columns = x.columns();
        boolean add = dx.add();
        for (int row = from; row < to; row++) {
            long base = 4L * row * columns;
            long own = scratch + 16L * (row - from);
            float mean = Memory.get(own, MEAN);
            float scale = Memory.get(own, SCALE);
            float shift = Memory.get(own, SHIFT);
            float projection = Memory.get(own, PROJECTION);
            for (int c = 0; c < columns; c += COUNT) {
                FloatVector unit = load(x.address() + base + 4L * c).sub(mean).mul(scale);
                FloatVector dUnit =
                        load(dy.address() + base + 4L * c).mul(load(weight.address() + 4L * c));
                FloatVector gradient = dUnit.sub(shift).sub(unit.mul(projection)).mul(scale);
                put(gradient, dx.address() + base + 4L * c, add);
            }
        }
    }
}
