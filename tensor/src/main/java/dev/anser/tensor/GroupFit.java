package dev.anser.tensor;

import java.util.Arrays;

/// Finds the scale, and the minimum where the type has one, by which a group of numbers is best
/// written in few bits.
///
/// The codes are those of several scales near the one that just spans the group. For fixed codes
/// the scale (and minimum) of least weighted squared error is the solution of linear equations; the
/// candidate with the least error wins. Sums are taken in the order of ggml and in floats, so that
/// the choice is the same.
final class GroupFit {
    /// Below this all numbers of a group count as zero.
    static final float NOTHING = 1e-15f;

    private final int size;
    private final float[] weights;
    private final int[] trial;
    private final int[] codes;
    private float scale;
    private float minimum;

    /// For groups of `size` numbers.
    GroupFit(int size) {
        this.size = size;
        weights = new float[size];
        trial = new int[size];
        codes = new int[size];
    }

    /// The codes found, borrowed until the next group.
    int[] codes() {
        return codes;
    }

    float scale() {
        return scale;
    }

    /// What is subtracted from scale · code; not negative.
    float minimum() {
        return minimum;
    }

    /// `x[at...] ≈ scale · code - minimum`, with codes of 0 to `top`: of the scale that spans the
    /// group, and of `steps + 1` others, which spread what lies above the best minimum so far over
    /// `top + first`, `top + first + 0.1` and so on.
    void withMinimum(float[] x, int at, int top, float first, int steps) {
        weigh(x, at);
        float smallest = x[at];
        float largest = x[at];
        float sumWeight = 0;
        float sumX = 0;
        for (int i = 0; i < size; i++) {
            smallest = x[at + i] < smallest ? x[at + i] : smallest;
            largest = x[at + i] > largest ? x[at + i] : largest;
            sumWeight += weights[i];
            sumX += weights[i] * x[at + i];
        }
        smallest = smallest > 0 ? 0 : smallest;
        if (largest == smallest) {
            Arrays.fill(codes, 0);
            scale = 0;
            minimum = -smallest;
            return;
        }
        float perUnit = top / (largest - smallest);
        encode(x, at, perUnit, smallest, 0, top);
        float bestScale = 1 / perUnit;
        float bestOffset = smallest;
        float leastError = error(x, at, bestScale, bestOffset);
        keep();
        for (int step = 0; step <= steps; step++) {
            encode(x, at, (first + 0.1f * step + top) / (largest - bestOffset), bestOffset, 0, top);
            float sumL = 0;
            float sumL2 = 0;
            float sumXl = 0;
            for (int i = 0; i < size; i++) {
                float weighted = weights[i] * trial[i];
                sumL += weighted;
                sumL2 += weighted * trial[i];
                sumXl += weighted * x[at + i];
            }
            float determinant = sumWeight * sumL2 - sumL * sumL;
            if (!(determinant > 0)) {
                continue;
            }
            float trialScale = (sumWeight * sumXl - sumX * sumL) / determinant;
            float trialOffset = (sumL2 * sumX - sumL * sumXl) / determinant;
            if (trialOffset > 0) {
                trialOffset = 0;
                trialScale = sumXl / sumL2;
            }
            float error = error(x, at, trialScale, trialOffset);
            if (error < leastError) {
                leastError = error;
                bestScale = trialScale;
                bestOffset = trialOffset;
                keep();
            }
        }
        scale = bestScale;
        minimum = -bestOffset;
    }

    /// Large numbers count more, by the root mean square of the group and their own magnitude.
    private void weigh(float[] x, int at) {
        float squares = 0;
        for (int i = 0; i < size; i++) {
            squares += x[at + i] * x[at + i];
        }
        float rootMeanSquare = (float) Math.sqrt(squares / size);
        for (int i = 0; i < size; i++) {
            weights[i] = rootMeanSquare + Math.abs(x[at + i]);
        }
    }

    private void encode(float[] x, int at, float perUnit, float zero, int bottom, int top) {
        for (int i = 0; i < size; i++) {
            int code = QuantiseK.nearest(perUnit * (x[at + i] - zero));
            trial[i] = Math.clamp(code, bottom, top);
        }
    }

    private float error(float[] x, int at, float trialScale, float trialOffset) {
        float error = 0;
        for (int i = 0; i < size; i++) {
            float difference = trialScale * trial[i] + trialOffset - x[at + i];
            error += weights[i] * (difference * difference);
        }
        return error;
    }

    private void keep() {
        System.arraycopy(trial, 0, codes, 0, size);
    }

    /// `x[at...] ≈ scale · code`, with codes of `-limit` to `limit - 1`, weighted by the squares of
    /// the numbers: of the scale that makes the largest `-limit`, and of 9 smaller and 9 larger
    /// ones.
    void signed(float[] x, int at, int limit) {
        float largest = 0;
        for (int i = 0; i < size; i++) {
            largest = Math.abs(x[at + i]) > Math.abs(largest) ? x[at + i] : largest;
        }
        if (Math.abs(largest) < NOTHING) {
            // As ggml; with a scale of 0 every code is 0.
            Arrays.fill(codes, -limit);
            scale = 0;
            return;
        }
        encode(x, at, -limit / largest, 0, -limit, limit - 1);
        float sumXl = sumXl(x, at);
        float sumL2 = sumL2(x, at);
        scale = sumL2 == 0 ? 0 : sumXl / sumL2;
        float best = scale * sumXl;
        keep();
        for (int step = -9; step <= 9; step++) {
            if (step == 0) {
                continue;
            }
            encode(x, at, -(limit + 0.1f * step) / largest, 0, -limit, limit - 1);
            sumXl = sumXl(x, at);
            sumL2 = sumL2(x, at);
            if (sumL2 > 0 && sumXl * sumXl > best * sumL2) {
                scale = sumXl / sumL2;
                best = scale * sumXl;
                keep();
            }
        }
    }

    private float sumXl(float[] x, int at) {
        float sum = 0;
        for (int i = 0; i < size; i++) {
            sum += x[at + i] * x[at + i] * x[at + i] * trial[i];
        }
        return sum;
    }

    private float sumL2(float[] x, int at) {
        float sum = 0;
        for (int i = 0; i < size; i++) {
            sum += x[at + i] * x[at + i] * trial[i] * trial[i];
        }
        return sum;
    }
}
