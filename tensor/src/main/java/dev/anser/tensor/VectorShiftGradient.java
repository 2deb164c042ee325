package dev.anser.tensor;

import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;
import static dev.anser.tensor.Lanes.load;
import static dev.anser.tensor.Lanes.store;

import jdk.incubator.vector.FloatVector;

/// The backward step of token shift with the Vector API, one row of whole vectors at a time.
final class VectorShiftGradient {
    private VectorShiftGradient() {}

    /// `before = Σ_m dy_m · mix_m`: what a row owes the one before it. The results of a row stand
    /// `part` bytes apart.
    static void toPrevious(long dy, long part, long mixes, int count, long before, int columns) {
        for (int c = 0; c < columns; c += COUNT) {
            FloatVector sum = FloatVector.zero(FLOATS);
            for (int m = 0; m < count; m++) {
                FloatVector mix = load(mixes + 4L * ((long) m * columns + c));
                sum = load(dy + m * part + 4L * c).fma(mix, sum);
            }
            store(sum, before + 4L * c);
        }
    }

    /// One row: what it gets by its own results, and `before` from the next row. Leaves in `before`
    /// what it owes the previous row.
    static void row(
            long x,
            long previous,
            long mixes,
            int count,
            long dy,
            long part,
            long dx,
            boolean add,
            long dMixes,
            long before,
            int columns) {
        long bytes = 4L * columns;
        for (int c = 0; c < columns; c += COUNT) {
            long at = 4L * c;
            FloatVector difference = load(previous + at).sub(load(x + at));
            FloatVector all = FloatVector.zero(FLOATS);
            FloatVector owed = FloatVector.zero(FLOATS);
            for (int m = 0; m < count; m++) {
                FloatVector gradient = load(dy + m * part + at);
                long place = m * bytes + at;
                all = all.add(gradient);
                owed = gradient.fma(load(mixes + place), owed);
                store(gradient.fma(difference, load(dMixes + place)), dMixes + place);
            }
            VectorGradients.put(all.sub(owed).add(load(before + at)), dx + at, add);
            store(owed, before + at);
        }
    }
}
