package dev.anser.tensor;

import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;
import static dev.anser.tensor.Lanes.SHORTS;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/// The rounding of [EightBits] with the Vector API, to the same bits.
final class VectorEightBits {
    /// Adding and subtracting 1.5 · 2^23 rounds to the nearest integer, ties to even.
    private static final float ROUND = 0x1.8p23f;

    private VectorEightBits() {}

    static void round(DType weights, long x, long y, int count) {
        int block = weights.blockElements();
        for (int start = 0; start < count; start += block) {
            long from = x + 4L * start;
            long to = y + 4L * start;
            float top = top(from, block);
            FloatVector scale = FloatVector.broadcast(FLOATS, EightBits.scale(weights, top));
            float inverse = EightBits.inverse(top);
            for (int i = 0; i < block; i += COUNT) {
                Lanes.store(integers(from + 4L * i, inverse).mul(scale), to + 4L * i);
            }
        }
    }

    /// Rounds `count` floats at `x`, whole blocks of `weights`, into `row`.
    static void round(DType weights, long x, int count, EightBitRow row) {
        row.size(weights, count);
        int block = weights.blockElements();
        int group = BlockScales.groupSize(weights);
        for (int start = 0; start < count; start += block) {
            float top = top(x + 4L * start, block);
            float inverse = EightBits.inverse(top);
            float scale = EightBits.scale(weights, top);
            for (int at = start; at < start + block; at += group) {
                row.scales[at / group] = scale;
                row.sums[at / group] = scale * group(x, at, group, inverse, row.values);
            }
        }
    }

    /// Rounds one group.
    ///
    /// @return the sum of its integers, which is exact
    private static float group(long x, int at, int group, float inverse, short[] values) {
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int i = at; i < at + group; i += COUNT) {
            FloatVector integers = integers(x + 4L * i, inverse);
            sum = sum.add(integers);
            ShortVector shorts =
                    (ShortVector) integers.convertShape(VectorOperators.F2S, SHORTS, 0);
            shorts.intoArray(values, i);
        }
        return VectorMath.sum(sum);
    }

    private static FloatVector integers(long x, float inverse) {
        return Lanes.load(x).mul(inverse).add(ROUND).sub(ROUND);
    }

    private static float top(long x, int block) {
        FloatVector top = FloatVector.zero(FLOATS);
        for (int i = 0; i < block; i += COUNT) {
            top = top.max(Lanes.load(x + 4L * i).abs());
        }
        return top.reduceLanes(VectorOperators.MAX);
    }
}
