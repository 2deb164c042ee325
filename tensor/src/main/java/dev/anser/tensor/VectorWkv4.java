package dev.anser.tensor;

import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;
import static dev.anser.tensor.Lanes.load;
import static dev.anser.tensor.Lanes.store;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/// One token of the WKV-4 recurrence with the Vector API: lanes are channels. What does not fill a
/// vector goes one by one, by the same operations, so that a channel has the same bits anywhere.
///
/// Of the two weights, of the past and of the token's own value, the larger is 1 and the other is e
/// to minus their distance: one exponential for each, made of all channels at once.
final class VectorWkv4 {
    private VectorWkv4() {}

    static void wkv4(
            long w,
            long u,
            long k,
            long v,
            long y,
            long numerator,
            long denominator,
            long exponent,
            int count,
            long scratch) {
        ratios(exponent, u, k, count, scratch);
        mean(u, k, v, numerator, denominator, exponent, count, scratch, y);
        VectorElementwise.add(exponent, w, exponent, count);
        ratios(exponent, 0, k, count, scratch);
        update(k, v, numerator, denominator, exponent, count, scratch);
    }

    /// `ratio = e^-|exponent - (u + k)|`, without u when that is 0.
    private static void ratios(long exponent, long u, long k, int count, long ratio) {
        int whole = FLOATS.loopBound(count);
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector now = load(k + 4L * i);
            if (u != 0) {
                now = load(u + 4L * i).add(now);
            }
            store(load(exponent + 4L * i).sub(now).abs().neg(), ratio + 4L * i);
        }
        for (int i = whole; i < count; i++) {
            float now = Memory.get(k, i);
            if (u != 0) {
                now = Memory.get(u, i) + now;
            }
            Memory.set(ratio, i, -Math.abs(Memory.get(exponent, i) - now));
        }
        VectorMath.exp(ratio, ratio, count);
    }

    private static void mean(
            long u,
            long k,
            long v,
            long numerator,
            long denominator,
            long exponent,
            int count,
            long ratio,
            long y) {
        int whole = FLOATS.loopBound(count);
        FloatVector one = FloatVector.broadcast(FLOATS, 1f);
        for (int i = 0; i < whole; i += COUNT) {
            long at = 4L * i;
            FloatVector now = load(u + at).add(load(k + at));
            VectorMask<Float> grows = load(exponent + at).compare(VectorOperators.LT, now);
            FloatVector old = one.blend(load(ratio + at), grows);
            FloatVector own = load(ratio + at).blend(one, grows);
            FloatVector above = own.fma(load(v + at), old.mul(load(numerator + at)));
            store(above.div(old.fma(load(denominator + at), own)), y + at);
        }
        for (int i = whole; i < count; i++) {
            float now = Memory.get(u, i) + Memory.get(k, i);
            boolean grows = Memory.get(exponent, i) < now;
            float old = grows ? Memory.get(ratio, i) : 1;
            float own = grows ? 1 : Memory.get(ratio, i);
            float above = Math.fma(own, Memory.get(v, i), old * Memory.get(numerator, i));
            Memory.set(y, i, above / Math.fma(old, Memory.get(denominator, i), own));
        }
    }

    private static void update(
            long k,
            long v,
            long numerator,
            long denominator,
            long exponent,
            int count,
            long ratio) {
        int whole = FLOATS.loopBound(count);
        FloatVector one = FloatVector.broadcast(FLOATS, 1f);
        for (int i = 0; i < whole; i += COUNT) {
            long at = 4L * i;
            FloatVector key = load(k + at);
            FloatVector past = load(exponent + at);
            VectorMask<Float> grows = past.compare(VectorOperators.LT, key);
            FloatVector old = one.blend(load(ratio + at), grows);
            FloatVector own = load(ratio + at).blend(one, grows);
            store(own.fma(load(v + at), old.mul(load(numerator + at))), numerator + at);
            store(old.fma(load(denominator + at), own), denominator + at);
            store(past.blend(key, grows), exponent + at);
        }
        for (int i = whole; i < count; i++) {
            float key = Memory.get(k, i);
            boolean grows = Memory.get(exponent, i) < key;
            float old = grows ? Memory.get(ratio, i) : 1;
            float own = grows ? 1 : Memory.get(ratio, i);
            float above = Math.fma(own, Memory.get(v, i), old * Memory.get(numerator, i));
            Memory.set(numerator, i, above);
            Memory.set(denominator, i, Math.fma(old, Memory.get(denominator, i), own));
            Memory.set(exponent, i, grows ? key : Memory.get(exponent, i));
        }
    }
}
