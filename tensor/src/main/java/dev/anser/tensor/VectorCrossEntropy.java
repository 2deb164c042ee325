package dev.anser.tensor;

import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;
import static dev.anser.tensor.Lanes.load;
import static dev.anser.tensor.Lanes.store;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/// Cross entropy with the Vector API: a sweep for the largest logit, one for the exponentials and
/// their sum, and one that scales them. A row of logits, 256 KiB at most, is in the second-level
/// cache after the first.
final class VectorCrossEntropy {
    /// Elements whose exponentials and sum are taken while they are in the first-level cache.
    private static final int CHUNK = 1024;

    private VectorCrossEntropy() {}

    static double row(
            long logits, int vocabulary, int target, double scale, long gradient, boolean l2Wrap) {
        float max = max(logits, vocabulary);
        int largest = l2Wrap ? indexOf(max, logits, vocabulary) : 0;
        float wanted = Memory.get(logits, target);
        double sum = 0;
        for (int start = 0; start < vocabulary; start += CHUNK) {
            int count = Math.min(CHUNK, vocabulary - start);
            sum += exponentials(logits + 4L * start, max, gradient + 4L * start, count);
        }
        VectorElementwise.scale(gradient, (float) (scale / sum), gradient, vocabulary);
        Memory.set(gradient, target, Memory.get(gradient, target) - (float) scale);
        if (l2Wrap) {
            float pull = CrossEntropy.L2_WRAP * (float) scale * max;
            Memory.set(gradient, largest, Memory.get(gradient, largest) + pull);
        }
        return Math.log(sum) + max - wanted;
    }

    /// The largest of `count` elements; of one row it does not depend on the order.
    private static float max(long x, int count) {
        int whole = FLOATS.loopBound(count);
        FloatVector largest = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        FloatVector other = largest;
        int i = 0;
        for (; i + 2 * COUNT <= whole; i += 2 * COUNT) {
            largest = largest.max(load(x + 4L * i));
            other = other.max(load(x + 4L * i + Lanes.BYTES));
        }
        for (; i < whole; i += COUNT) {
            largest = largest.max(load(x + 4L * i));
        }
        float max = largest.max(other).reduceLanes(VectorOperators.MAX);
        for (; i < count; i++) {
            max = Math.max(max, Memory.get(x, i));
        }
        return max;
    }

    private static int indexOf(float value, long x, int count) {
        int whole = FLOATS.loopBound(count);
        for (int i = 0; i < whole; i += COUNT) {
            VectorMask<Float> equal = load(x + 4L * i).compare(VectorOperators.EQ, value);
            if (equal.anyTrue()) {
                return i + equal.firstTrue();
            }
        }
        for (int i = whole; i < count; i++) {
            if (Memory.get(x, i) == value) {
                return i;
            }
        }
        return 0;
    }

    /// Sets `y = e^(x - max)` and returns the sum.
    private static float exponentials(long x, float max, long y, int count) {
        int whole = FLOATS.loopBound(count);
        for (int i = 0; i < whole; i += COUNT) {
            store(load(x + 4L * i).sub(max), y + 4L * i);
        }
        for (int i = whole; i < count; i++) {
            Memory.set(y, i, Memory.get(x, i) - max);
        }
        VectorMath.exp(y, y, count);
        FloatVector sums = FloatVector.zero(FLOATS);
        for (int i = 0; i < whole; i += COUNT) {
            sums = sums.add(load(y + 4L * i));
        }
        float sum = VectorMath.sum(sums);
        for (int i = whole; i < count; i++) {
            sum += Memory.get(y, i);
        }
        return sum;
    }
}
