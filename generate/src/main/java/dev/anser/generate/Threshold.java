package dev.anser.generate;

import java.util.Arrays;

/// Finds the weight at which the largest weights reach a mass or a count, without sorting them all.
///
/// Weights are floats from 0 to 1, whose bits ascend as they do. Three rounds, of 10 bits each, add
/// up the mass and count of every value of the bits; each round looks only at the weights that
/// share the bits found so far. One round over all weights does nearly all the work. Sums are in
/// double, in the order of the ids within a value and descending over values. Nothing is allocated
/// after construction.
final class Threshold {
    private static final int BUCKETS = 1 << 10;
    private static final int MASK = BUCKETS - 1;

    private final double[] mass = new double[BUCKETS];
    private final int[] count = new int[BUCKETS];
    private final float[] shared;
    private float value;
    private double massAbove;
    private int countAbove;

    Threshold(int capacity) {
        this.shared = new float[capacity];
    }

    /// The smallest weight needed so that all weights from it upwards have `target` together; 0
    /// when all of them do not.
    float byMass(float[] weights, int length, double target) {
        find(weights, length, target, true);
        return value;
    }

    /// The `target`-th largest weight, which must exist; see [#countAbove()] for those equal to it.
    float byCount(float[] weights, int length, int target) {
        find(weights, length, target, false);
        return value;
    }

    /// The mass of the weights above the last result.
    double massAbove() {
        return massAbove;
    }

    /// The number of weights above the last result.
    int countAbove() {
        return countAbove;
    }

    private void find(float[] weights, int length, double target, boolean byMass) {
        massAbove = 0;
        countAbove = 0;
        int prefix = 0;
        float[] from = weights;
        int left = length;
        for (int shift = 20; shift >= 0; shift -= 10) {
            Arrays.fill(mass, 0);
            Arrays.fill(count, 0);
            for (int i = 0; i < left; i++) {
                int bucket = (Float.floatToRawIntBits(from[i]) >>> shift) & MASK;
                mass[bucket] += from[i];
                count[bucket]++;
            }
            int bucket = BUCKETS - 1;
            int lastUsed = -1;
            while (bucket >= 0) {
                if (count[bucket] > 0) {
                    double reached =
                            byMass ? massAbove + mass[bucket] : (double) countAbove + count[bucket];
                    if (reached >= target) {
                        break;
                    }
                    massAbove += mass[bucket];
                    countAbove += count[bucket];
                    lastUsed = bucket;
                }
                bucket--;
            }
            if (bucket < 0) {
                if (shift == 20) {
                    value = 0;
                    return;
                }
                // Sums of one bucket differ by rounding between rounds: its smallest value it is.
                bucket = lastUsed;
                massAbove -= mass[bucket];
                countAbove -= count[bucket];
            }
            prefix |= bucket << shift;
            int kept = 0;
            for (int i = 0; i < left; i++) {
                if (((Float.floatToRawIntBits(from[i]) >>> shift) & MASK) == bucket) {
                    shared[kept++] = from[i];
                }
            }
            from = shared;
            left = kept;
        }
        value = Float.intBitsToFloat(prefix);
    }
}
