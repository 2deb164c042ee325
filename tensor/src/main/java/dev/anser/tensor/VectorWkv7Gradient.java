package dev.anser.tensor;

import static dev.anser.tensor.Lanes.BYTES;
import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;

import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;

/// The backward pass of the WKV-7 recurrence with the Vector API; [Wkv7Gradient] has the formulas.
final class VectorWkv7Gradient {
    /* How it works.
     *
     * Of the seven products with a state per token, five are sums over values (dr, dw, dk, da, db) and two over keys
     * (dv, du). So here, unlike in the forward pass, lanes are keys: only dv and du need sums across lanes, and those
     * are made for as many value rows at once as there are lanes (Lanes.sumLanes). As the forward pass stored u,
     * computing the states again needs no such sum.
     *
     * A state and its gradient D are stored as blocks of COUNT keys: block, value row, lane. Each pass over a block
     * reads and writes memory in order. A token takes two passes over D:
     *
     *   1. dv = Dᵀk and du = Dᵀb, of D without the term r dyᵀ of this token, which adds (k·r) dy and (b·r) dy;
     *   2. per block of keys, along the value rows: D += r dyᵀ, the five sums in registers, D = w D + a du.
     *
     * dr = S_t dy is made from S_{t-1}: w (S_{t-1} dy) + b (u·dy) + k (v·dy).
     *
     * Keys that do not fill the last block are padded with zeros, which stay zeros: for such head sizes the inputs are
     * copied to rows of whole vectors, and the results from them.
     */
    private static final ValueLayout.OfLong PAIR = ValueLayout.JAVA_LONG_UNALIGNED;

    /// Bytes of a scalar per token of an interval.
    private static final long DOTS = 4L * Wkv7Span.INTERVAL;

    private static final long LOW = 0xFFFFFFFFL;

    private final Wkv7Span span;
    private final int size;
    private final int rows;
    private final int blocks;
    private final long blockBytes;
    private final long stateBytes;

    /* Parts of scratch. */
    private final long dState;
    private final long partials;
    private final long dRemoved;
    private final long dots;
    private final long packed;
    private final long states;

    /* Where the vectors along keys of an interval are, and floats from token to token. */
    private final boolean packs;
    private final long step;
    private final long valueStep;
    private final long packedPart;

    private VectorWkv7Gradient(Wkv7Span span) {
        this.span = span;
        size = span.size();
        rows = span.to() - span.from();
        blocks = (size + COUNT - 1) / COUNT;
        blockBytes = (long) rows * BYTES;
        stateBytes = blocks * blockBytes;
        long values = Wkv7Span.wholeVectors(rows);
        long keys = Wkv7Span.wholeVectors(size);
        dState = span.scratch();
        partials = dState + 4 * keys * values;
        dRemoved = partials + 4 * 2 * values * COUNT;
        dots = dRemoved + 4 * values;
        packed = dots + 4 * DOTS;
        packedPart = 4 * Wkv7Span.INTERVAL * keys;
        states = packed + 10 * packedPart;
        packs = size % COUNT != 0;
        valueStep = 4L * span.stride();
        step = packs ? 4 * keys : 4L * span.stride();
    }

    static void run(Wkv7Span span) {
        new VectorWkv7Gradient(span).run();
    }

    private void run() {
        if (span.dFinal() == 0) {
            Memory.ALL.asSlice(dState, stateBytes).fill((byte) 0);
        } else {
            toBlocks(span.dFinal(), dState);
        }
        for (int interval = Wkv7Span.intervals(span.tokens()) - 1; interval >= 0; interval--) {
            int first = interval * Wkv7Span.INTERVAL;
            int count = Math.min(Wkv7Span.INTERVAL, span.tokens() - first);
            toBlocks(span.checkpoints() + 4L * interval * span.checkpointStride(), states);
            interval(first, count);
        }
        if (span.dInitial() != 0) {
            addFromBlocks(dState, span.dInitial());
        }
    }

    private void interval(int first, int count) {
        long offset = 4L * first * span.stride();
        long r = keys(0, span.r() + offset, count);
        long w = keys(1, span.w() + offset, count);
        long k = keys(2, span.k() + offset, count);
        long a = keys(3, span.a() + offset, count);
        long b = keys(4, span.b() + offset, count);
        long dr = packs ? packed + 5 * packedPart : span.dr() + offset;
        long dw = packs ? packed + 6 * packedPart : span.dw() + offset;
        long dk = packs ? packed + 7 * packedPart : span.dk() + offset;
        long da = packs ? packed + 8 * packedPart : span.da() + offset;
        long db = packs ? packed + 9 * packedPart : span.db() + offset;
        if (packs) {
            Memory.ALL.asSlice(dr, 5 * packedPart).fill((byte) 0);
        }
        offset += 4L * span.from();
        long v = span.v() + offset;
        long u = span.removed() + offset;
        long dy = span.dy() + offset;
        long dv = span.dv() + offset;
        prepare(r, k, b, v, u, dy, count);
        recompute(w, k, b, v, u, count);
        tokens(r, w, k, v, a, b, u, dy, dr, dw, dk, dv, da, db, count);
        if (packs) {
            unpack(dr, span.dr(), first, count);
            unpack(dw, span.dw(), first, count);
            unpack(dk, span.dk(), first, count);
            unpack(da, span.da(), first, count);
            unpack(db, span.db(), first, count);
        }
    }

    /// The tokens of an interval, from the last to the first.
    private void tokens(
            long r,
            long w,
            long k,
            long v,
            long a,
            long b,
            long u,
            long dy,
            long dr,
            long dw,
            long dk,
            long dv,
            long da,
            long db,
            int count) {
        int partialRows = 2 * (int) Wkv7Span.wholeVectors(rows);
        for (int t = count - 1; t >= 0; t--) {
            long at = t * step;
            long atValue = t * valueStep;
            rowSums(k + at, b + at);
            Lanes.sumLanes(partials, partialRows);
            values(dots + 4L * t, dy + atValue, dv + atValue);
            long state = states + t * stateBytes;
            long d = dState;
            for (int block = 0; block < blocks; block++) {
                backOne(
                        state,
                        d,
                        dy + atValue,
                        v + atValue,
                        u + atValue,
                        r + at,
                        w + at,
                        k + at,
                        a + at,
                        b + at,
                        dots + 4L * t,
                        dr + at,
                        dw + at,
                        dk + at,
                        da + at,
                        db + at);
                state += blockBytes;
                d += blockBytes;
                at += BYTES;
            }
        }
    }

    /// The products of vectors that each token needs: b·r, k·r, v·dy and u·dy.
    private void prepare(long r, long k, long b, long v, long u, long dy, int count) {
        for (int t = 0; t < count; t++) {
            Memory.set(dots, t, dot(b + t * step, r + t * step, size));
            Memory.set(dots + DOTS, t, dot(k + t * step, r + t * step, size));
            Memory.set(dots + 2 * DOTS, t, dot(v + t * valueStep, dy + t * valueStep, rows));
            Memory.set(dots + 3 * DOTS, t, dot(u + t * valueStep, dy + t * valueStep, rows));
        }
    }

    /// The states before the tokens of an interval after its first.
    private void recompute(long w, long k, long b, long v, long u, int count) {
        for (int block = 0; block < blocks; block += 2) {
            long key = (long) block * BYTES;
            long before = states + block * blockBytes;
            for (int t = 0; t + 1 < count; t++, before += stateBytes) {
                long at = t * step + key;
                long uRow = u + t * valueStep;
                long vRow = v + t * valueStep;
                if (block + 2 <= blocks) {
                    stepTwo(w + at, k + at, b + at, vRow, uRow, before);
                } else {
                    stepOne(w + at, k + at, b + at, vRow, uRow, before);
                }
            }
        }
    }

    /// The state after a token, from that before it, of one block of keys.
    private void stepOne(long w, long k, long b, long v, long u, long before) {
        FloatVector w0 = Lanes.load(w);
        FloatVector k0 = Lanes.load(k);
        FloatVector b0 = Lanes.load(b);
        long s = before;
        for (int j = 0; j < rows; j++, s += BYTES) {
            FloatVector vj = FloatVector.broadcast(FLOATS, Memory.get(v, j));
            FloatVector uj = FloatVector.broadcast(FLOATS, Memory.get(u, j));
            FloatVector s0 = k0.fma(vj, b0.fma(uj, w0.mul(Lanes.load(s))));
            Lanes.store(s0, s + stateBytes);
        }
    }

    private void stepTwo(long w, long k, long b, long v, long u, long before) {
        FloatVector w0 = Lanes.load(w);
        FloatVector w1 = Lanes.load(w + BYTES);
        FloatVector k0 = Lanes.load(k);
        FloatVector k1 = Lanes.load(k + BYTES);
        FloatVector b0 = Lanes.load(b);
        FloatVector b1 = Lanes.load(b + BYTES);
        long s = before;
        long stateBytes = this.stateBytes;
        long blockBytes = this.blockBytes;
        for (int j = 0; j < rows; j++, s += BYTES) {
            FloatVector vj = FloatVector.broadcast(FLOATS, Memory.get(v, j));
            FloatVector uj = FloatVector.broadcast(FLOATS, Memory.get(u, j));
            FloatVector s0 = k0.fma(vj, b0.fma(uj, w0.mul(Lanes.load(s))));
            FloatVector s1 = k1.fma(vj, b1.fma(uj, w1.mul(Lanes.load(s + blockBytes))));
            Lanes.store(s0, s + stateBytes);
            Lanes.store(s1, s + stateBytes + blockBytes);
        }
    }

    /// Lane partials of `Dᵀ b`, then of `Dᵀ k`, a vector per value row.
    private void rowSums(long k, long b) {
        long second = Wkv7Span.wholeVectors(rows) * BYTES;
        int j = 0;
        for (; j + 4 <= rows; j += 4) {
            FloatVector b0 = FloatVector.zero(FLOATS);
            FloatVector b1 = b0;
            FloatVector b2 = b0;
            FloatVector b3 = b0;
            FloatVector k0 = b0;
            FloatVector k1 = b0;
            FloatVector k2 = b0;
            FloatVector k3 = b0;
            long d = dState + (long) j * BYTES;
            long key = 0;
            for (int block = 0; block < blocks; block++, d += blockBytes, key += BYTES) {
                FloatVector bi = Lanes.load(b + key);
                FloatVector ki = Lanes.load(k + key);
                FloatVector d0 = Lanes.load(d);
                FloatVector d1 = Lanes.load(d + BYTES);
                FloatVector d2 = Lanes.load(d + 2L * BYTES);
                FloatVector d3 = Lanes.load(d + 3L * BYTES);
                b0 = bi.fma(d0, b0);
                b1 = bi.fma(d1, b1);
                b2 = bi.fma(d2, b2);
                b3 = bi.fma(d3, b3);
                k0 = ki.fma(d0, k0);
                k1 = ki.fma(d1, k1);
                k2 = ki.fma(d2, k2);
                k3 = ki.fma(d3, k3);
            }
            long p = partials + (long) j * BYTES;
            Lanes.store(b0, p);
            Lanes.store(b1, p + BYTES);
            Lanes.store(b2, p + 2L * BYTES);
            Lanes.store(b3, p + 3L * BYTES);
            p += second;
            Lanes.store(k0, p);
            Lanes.store(k1, p + BYTES);
            Lanes.store(k2, p + 2L * BYTES);
            Lanes.store(k3, p + 3L * BYTES);
        }
        for (; j < rows; j++) {
            FloatVector b0 = FloatVector.zero(FLOATS);
            FloatVector k0 = b0;
            long d = dState + (long) j * BYTES;
            long key = 0;
            for (int block = 0; block < blocks; block++, d += blockBytes, key += BYTES) {
                FloatVector d0 = Lanes.load(d);
                b0 = Lanes.load(b + key).fma(d0, b0);
                k0 = Lanes.load(k + key).fma(d0, k0);
            }
            Lanes.store(b0, partials + (long) j * BYTES);
            Lanes.store(k0, partials + (long) j * BYTES + second);
        }
    }

    /// Completes dv and du: the sums of the first pass and the term of this token's dy.
    private void values(long dot, long dy, long dv) {
        float br = Memory.get(dot, 0);
        float kr = Memory.get(dot + DOTS, 0);
        // Lanes.sumLanes leaves COUNT sums in every COUNT-th vector.
        long second = Wkv7Span.wholeVectors(rows) * BYTES;
        int whole = FLOATS.loopBound(rows);
        FloatVector brs = FloatVector.broadcast(FLOATS, br);
        FloatVector krs = FloatVector.broadcast(FLOATS, kr);
        for (int j = 0; j < whole; j += COUNT) {
            long p = partials + (long) j * BYTES;
            FloatVector g = Lanes.load(dy + 4L * j);
            Lanes.store(g.fma(brs, Lanes.load(p)), dRemoved + 4L * j);
            FloatVector sum = g.fma(krs, Lanes.load(p + second));
            Lanes.store(sum.add(Lanes.load(dv + 4L * j)), dv + 4L * j);
        }
        for (int j = whole; j < rows; j++) {
            long p = partials + (long) whole * BYTES;
            float g = Memory.get(dy, j);
            Memory.set(dRemoved, j, Math.fma(g, br, Memory.get(p, j - whole)));
            float sum = Math.fma(g, kr, Memory.get(p + second, j - whole));
            Memory.set(dv, j, Memory.get(dv, j) + sum);
        }
    }

    /// The second pass over one block of keys. Adds the sums over values to what is there.
    private void backOne(
            long state,
            long d,
            long dy,
            long v,
            long u,
            long r,
            long w,
            long k,
            long a,
            long b,
            long dot,
            long dr,
            long dw,
            long dk,
            long da,
            long db) {
        FloatVector r0 = Lanes.load(r);
        FloatVector w0 = Lanes.load(w);
        FloatVector a0 = Lanes.load(a);
        FloatVector dr0 = FloatVector.zero(FLOATS);
        FloatVector dw0 = Lanes.load(dw);
        FloatVector dk0 = Lanes.load(dk);
        FloatVector da0 = Lanes.load(da);
        FloatVector db0 = Lanes.load(db);
        long du = dRemoved;
        long place = 0;
        for (int j = 0; j < rows; j++, place += BYTES) {
            FloatVector g = FloatVector.broadcast(FLOATS, Memory.get(dy, j));
            FloatVector s0 = Lanes.load(state + place);
            FloatVector d0 = r0.fma(g, Lanes.load(d + place));
            dr0 = s0.fma(g, dr0);
            dw0 = s0.fma(d0, dw0);
            FloatVector vj = FloatVector.broadcast(FLOATS, Memory.get(v, j));
            dk0 = d0.fma(vj, dk0);
            FloatVector uj = FloatVector.broadcast(FLOATS, Memory.get(u, j));
            db0 = d0.fma(uj, db0);
            FloatVector duj = FloatVector.broadcast(FLOATS, Memory.get(du, j));
            da0 = s0.fma(duj, da0);
            Lanes.store(a0.fma(duj, w0.mul(d0)), d + place);
        }
        float vdy = Memory.get(dot + 2 * DOTS, 0);
        float udy = Memory.get(dot + 3 * DOTS, 0);
        FloatVector removal0 = Lanes.load(b).mul(udy);
        FloatVector added0 = Lanes.load(k).mul(vdy).add(Lanes.load(dr));
        Lanes.store(w0.fma(dr0, removal0).add(added0), dr);
        Lanes.store(dw0, dw);
        Lanes.store(dk0, dk);
        Lanes.store(da0, da);
        Lanes.store(db0, db);
    }

    /// `Σ x_i y_i`.
    private static float dot(long x, long y, int count) {
        int whole = FLOATS.loopBound(count);
        FloatVector sums = FloatVector.zero(FLOATS);
        for (int i = 0; i < whole; i += COUNT) {
            sums = Lanes.load(x + 4L * i).fma(Lanes.load(y + 4L * i), sums);
        }
        float sum = VectorMath.sum(sums);
        for (int i = whole; i < count; i++) {
            sum = Math.fma(Memory.get(x, i), Memory.get(y, i), sum);
        }
        return sum;
    }

    /// The rows of an input, one after the other and padded with zeros if vectors do not fit them.
    private long keys(int part, long source, int count) {
        if (!packs) {
            return source;
        }
        long target = packed + part * packedPart;
        Memory.ALL.asSlice(target, count * step).fill((byte) 0);
        for (int t = 0; t < count; t++) {
            Memory.copy(source + 4L * t * span.stride(), target + t * step, 4L * size);
        }
        return target;
    }

    private void unpack(long source, long target, int first, int count) {
        for (int t = 0; t < count; t++) {
            long row = target + 4L * (first + t) * span.stride();
            for (int i = 0; i < size; i++) {
                Memory.set(row, i, Memory.get(row, i) + Memory.get(source + t * step, i));
            }
        }
    }

    /// Value columns of a key-major (size, size) to blocks of keys, padded with zeros.
    private void toBlocks(long source, long target) {
        long from = source + 4L * span.from();
        long row = 4L * size;
        for (int block = 0; block < blocks; block++) {
            long to = target + block * blockBytes;
            int keys = Math.min(COUNT, size - block * COUNT);
            long top = from + (long) block * COUNT * row;
            if (keys < COUNT) {
                Memory.ALL.asSlice(to, blockBytes).fill((byte) 0);
            }
            if (keys < COUNT || rows % 2 != 0) {
                for (int l = 0; l < keys; l++) {
                    for (int j = 0; j < rows; j++) {
                        Memory.set(to, (long) j * COUNT + l, Memory.get(top + l * row, j));
                    }
                }
                continue;
            }
            // Two by two.
            for (int j = 0; j < rows; j += 2) {
                long upper = top + 4L * j;
                long column = to + (long) j * BYTES;
                for (int l = 0; l < COUNT; l += 2, upper += 2 * row, column += 8) {
                    long x = Memory.ALL.get(PAIR, upper);
                    long y = Memory.ALL.get(PAIR, upper + row);
                    Memory.ALL.set(PAIR, column, x & LOW | y << 32);
                    Memory.ALL.set(PAIR, column + BYTES, x >>> 32 | y & ~LOW);
                }
            }
        }
    }

    private void addFromBlocks(long source, long target) {
        for (int i = 0; i < size; i++) {
            long column = source + i / COUNT * blockBytes + 4L * (i % COUNT);
            long row = target + 4L * ((long) i * size + span.from());
            for (int j = 0; j < rows; j++) {
                float value = Memory.get(row, j) + Memory.get(column, (long) j * COUNT);
                Memory.set(row, j, value);
            }
        }
    }
}
