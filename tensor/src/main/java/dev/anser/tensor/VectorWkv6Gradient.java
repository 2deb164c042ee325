package dev.anser.tensor;

import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;
import static dev.anser.tensor.Lanes.load;
import static dev.anser.tensor.Lanes.store;

import jdk.incubator.vector.FloatVector;

/// The backward pass of the WKV-6 recurrence with the Vector API; see [Wkv6Gradient].
///
/// States and their gradient are transposed, keys contiguous: lanes are keys, and the sums over
/// values (dr, dk, dw) stay in registers. Only dv is a sum over lanes; it is made of a vector for
/// each value, in one go. Rows of keys are whole vectors, zeros behind the last key.
final class VectorWkv6Gradient {
    private final Wkv6Span span;
    private final int size;
    private final int keys;
    private final long square;

    /* Within scratch, rows of `keys` floats: D and the states of an interval (size, keys); one vector for each value;
     * then the token's r, w, k and the sums dr, dw, dk. */
    private final long dState;
    private final long states;
    private final long dValues;
    private final long rows;

    private VectorWkv6Gradient(Wkv6Span span) {
        this.span = span;
        size = span.size();
        keys = Wkv6Span.wholeVectors(size);
        square = 4L * size * keys;
        dState = span.scratch();
        states = dState + square;
        dValues = states + Wkv6Span.INTERVAL * square;
        rows = dValues + 64L * keys;
    }

    static void run(Wkv6Span span) {
        new VectorWkv6Gradient(span).run();
    }

    private void run() {
        Memory.clear(dState, (Wkv6Span.INTERVAL + 1) * square);
        Memory.clear(dValues, 96L * keys);
        if (span.dFinal() != 0) {
            transpose(span.dFinal(), dState);
        }
        for (int interval = Wkv6Span.intervals(span.tokens()) - 1; interval >= 0; interval--) {
            int first = interval * Wkv6Span.INTERVAL;
            int count = Math.min(Wkv6Span.INTERVAL, span.tokens() - first);
            transpose(span.checkpoints() + 4L * interval * span.checkpointStride(), states);
            // The state before each token of the interval; that after the last is not needed.
            for (int t = 1; t < count; t++) {
                fetch(first + t - 1);
                long values = span.v() + 4L * (first + t - 1) * span.stride();
                step(states + (t - 1) * square, states + t * square, values);
            }
            for (int t = count - 1; t >= 0; t--) {
                back(states + t * square, first + t);
            }
        }
        if (span.dInitial() != 0) {
            for (int i = 0; i < size; i++) {
                for (int j = 0; j < size; j++) {
                    add(span.dInitial(), i * size + j, Memory.get(dState, (long) j * keys + i));
                }
            }
        }
    }

    private void transpose(long source, long target) {
        for (int i = 0; i < size; i++) {
            for (int j = 0; j < size; j++) {
                Memory.set(target, (long) j * keys + i, Memory.get(source, (long) i * size + j));
            }
        }
    }

    private long row(int index) {
        return rows + 4L * index * keys;
    }

    /// Copies r, w and k of `token` to rows of whole vectors.
    private void fetch(int token) {
        long at = 4L * token * span.stride();
        Memory.copy(span.r() + at, row(0), 4L * size);
        Memory.copy(span.w() + 4L * token * span.decayStride(), row(1), 4L * size);
        Memory.copy(span.k() + at, row(2), 4L * size);
    }

    private void step(long before, long after, long values) {
        for (int i = 0; i < keys; i += COUNT) {
            FloatVector decay = load(row(1) + 4L * i);
            FloatVector key = load(row(2) + 4L * i);
            long at = 4L * i;
            for (int j = 0; j < size; j++, at += 4L * keys) {
                FloatVector value = FloatVector.broadcast(FLOATS, Memory.get(values, j));
                store(key.fma(value, decay.mul(load(before + at))), after + at);
            }
        }
    }

    /// The gradients of one token; moves D from after it to before it.
    private void back(long before, int token) {
        long at = 4L * token * span.stride();
        long decay = 4L * token * span.decayStride();
        fetch(token);
        Memory.clear(dValues, 4L * COUNT * keys);
        for (int i = 0; i < keys; i += COUNT) {
            keys(4L * i, before, span.v() + at, span.dy() + at);
        }
        Lanes.sumLanes(dValues, keys);
        float own = VectorWkv6.own(span.r() + at, span.bonus(), span.k() + at, size);
        float dOwn = 0;
        for (int i = 0; i < size; i++) {
            float gradient = Memory.get(span.dy() + at, i);
            dOwn = Math.fma(gradient, Memory.get(span.v() + at, i), dOwn);
            add(span.dv() + at, i, Math.fma(own, gradient, dValue(i)));
        }
        for (int i = 0; i < size; i++) {
            float receptance = Memory.get(row(0), i);
            float key = Memory.get(row(2), i);
            float share = dOwn * Memory.get(span.bonus(), i);
            add(span.dr() + at, i, Math.fma(share, key, Memory.get(row(3), i)));
            add(span.dw() + decay, i, Memory.get(row(4), i));
            add(span.dk() + at, i, Math.fma(share, receptance, Memory.get(row(5), i)));
            add(span.dBonus(), i, dOwn * receptance * key);
        }
    }

    /// The sum of the vector for value `index`: [Lanes#sumLanes] leaves COUNT sums in every
    /// COUNT-th vector.
    private float dValue(int index) {
        int lane = index % COUNT;
        return Memory.get(dValues, (long) (index - lane) * COUNT + lane);
    }

    /// One vector of keys, `lane` bytes into each row, against all values.
    private void keys(long lane, long before, long values, long gradients) {
        FloatVector receptance = load(row(0) + lane);
        FloatVector decay = load(row(1) + lane);
        FloatVector key = load(row(2) + lane);
        FloatVector dReceptance = FloatVector.zero(FLOATS);
        FloatVector dDecay = dReceptance;
        FloatVector dKey = dReceptance;
        long at = lane;
        long dValue = dValues;
        for (int j = 0; j < size; j++, at += 4L * keys, dValue += 4L * COUNT) {
            FloatVector d = load(dState + at);
            FloatVector s = load(before + at);
            FloatVector gradient = FloatVector.broadcast(FLOATS, Memory.get(gradients, j));
            FloatVector value = FloatVector.broadcast(FLOATS, Memory.get(values, j));
            dReceptance = s.fma(gradient, dReceptance);
            dKey = d.fma(value, dKey);
            dDecay = d.fma(s, dDecay);
            store(d.fma(key, load(dValue)), dValue);
            store(receptance.fma(gradient, decay.mul(d)), dState + at);
        }
        store(dReceptance, row(3) + lane);
        store(dDecay, row(4) + lane);
        store(dKey, row(5) + lane);
    }

    private static void add(long address, int index, float value) {
        Memory.set(address, index, Memory.get(address, index) + value);
    }
}
