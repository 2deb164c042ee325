package dev.anser.tensor;

import org.jspecify.annotations.Nullable;

/// Causal softmax attention with grouped queries (arXiv 2305.13245): every row attends to all rows
/// of its own sequence up to itself, those of earlier batches through the carried keys and values.
/// `y = Σ_j softmax_j(q · k_j / √N) v_j` for each head; H query heads share the keys of K heads.
///
/// Scores are never more than a block of keys for one query: a running maximum and sum rescale what
/// was added before (arXiv 2112.05682, 2205.14135). The backward step computes them again from the
/// logarithm of the sum. Blocks begin at fixed positions of the sequence, so that a row has the
/// same bits however the sequence is cut.
public final class Attention extends Operation {
    /// Keys of a block: with 64 channels keys and values are 32 KB, which stays in the first cache.
    private static final int BLOCK = 64;

    /// Rows that go through the blocks together.
    private static final int ROWS = 16;

    private final Tensor q;
    private final Tensor k;
    private final Tensor v;
    private final int headSize;
    private final Segments segments;
    private final int positionSlot;
    private final int slot;
    private final int keyHeads;
    private final int group;
    private final long stride;
    private final float scale;
    private HeadKernels kernels = new ReferenceHeads();
    private Tensor[] keys = {};
    private Tensor[] values = {};
    private @Nullable Tensor logSums;

    /// @param q queries (R, H · N)
    /// @param k keys (R, K · N), H a multiple of K
    /// @param v values (R, K · N)
    /// @param headSize N
    /// @param positionSlot the carried tensor that counts tokens, those of the batch included
    /// @param slot the carried keys (tokens or more, K, N); the values are in the one after it. The
    ///   batch's own are added to both
    public Attention(
            Tensor q,
            Tensor k,
            Tensor v,
            int headSize,
            Segments segments,
            int positionSlot,
            int slot) {
        this.q = q;
        this.k = k;
        this.v = v;
        this.headSize = headSize;
        this.segments = segments;
        this.positionSlot = positionSlot;
        this.slot = slot;
        // A size that is none is refused with all others, when it runs.
        int size = Math.max(1, headSize);
        this.keyHeads = Math.max(1, k.columns() / size);
        this.group = q.columns() / size / keyHeads;
        this.stride = k.columns();
        this.scale = (float) (1 / Math.sqrt(headSize));
    }

    @Override
    String name() {
        return "attention";
    }

    @Override
    Tensor forward(Pass pass) {
        requireFit();
        kernels = pass.kernels().heads();
        append(pass);
        Tensor y = pass.allocate(q.rows(), q.columns());
        int heads = q.columns() / headSize;
        Tensor sums = pass.recorded() ? pass.keep(q.rows(), heads) : pass.allocate(q.rows(), heads);
        logSums = sums;
        int floats = BLOCK + 2 * ROWS * group;
        Tensor scratch = pass.allocate(pass.workers(), floats);
        pass.parts(
                (q.rows() + ROWS - 1) / ROWS * keyHeads,
                1,
                (from, to, worker) -> {
                    for (int unit = from; unit < to; unit++) {
                        long own = scratch.address() + 4L * worker * floats;
                        rows(y, sums, unit / keyHeads * ROWS, unit % keyHeads, own);
                    }
                });
        return y;
    }

    private void requireFit() {
        boolean fits =
                headSize > 0
                        && k.columns() == (long) keyHeads * headSize
                        && q.columns() == (long) keyHeads * group * headSize
                        && v.columns() == k.columns()
                        && k.rows() == q.rows()
                        && v.rows() == q.rows()
                        && group > 0;
        if (!fits || q.rows() != segments.rows()) {
            throw new ShapeException(
                    "attention of queries "
                            + q
                            + ", keys "
                            + k
                            + " and values "
                            + v
                            + " in heads of "
                            + headSize
                            + " for a batch of "
                            + segments.rows()
                            + " rows");
        }
    }

    /// Adds the rows of the batch to the carried keys and values.
    private void append(Pass pass) {
        int count = segments.count();
        keys = new Tensor[count];
        values = new Tensor[count];
        for (int s = 0; s < count; s++) {
            keys[s] = append(pass, s, k, segments.carried(s, slot));
            values[s] = append(pass, s, v, segments.carried(s, slot + 1));
        }
    }

    /// All rows of segment `s` from the first position on. A backward step finds them again,
    /// whatever becomes of the state.
    private Tensor append(Pass pass, int s, Tensor rows, Tensor carried) {
        int first = Positions.first(segments, s, positionSlot);
        int count = segments.end(s) - segments.start(s);
        if (carried.elements() < (first + count) * stride) {
            throw new ShapeException(
                    "the carried "
                            + carried
                            + " of segment "
                            + s
                            + " has no room for "
                            + (first + count)
                            + " rows of "
                            + stride);
        }
        long own = rows.address() + 4L * segments.start(s) * stride;
        Memory.copy(own, carried.address() + 4L * first * stride, 4L * count * stride);
        if (!pass.recorded()) {
            return carried;
        }
        Tensor kept = pass.keep(first + count, (int) stride);
        Memory.copy(carried.address(), kept.address(), kept.bytes());
        return kept;
    }

    /// The rows from `from` on, all that one part takes, for the heads that share `keyHead`.
    private void rows(Tensor y, Tensor sums, int from, int keyHead, long scratch) {
        int end = Math.min(from + ROWS, q.rows());
        int row = from;
        while (row < end) {
            int s = segments.segment(row);
            int stop = Math.min(end, segments.end(s));
            rows(y, sums, s, row, stop, keyHead, scratch);
            row = stop;
        }
    }

    private void rows(Tensor y, Tensor sums, int s, int from, int to, int keyHead, long scratch) {
        int first = Positions.first(segments, s, positionSlot) - segments.start(s);
        long states = scratch + 4L * BLOCK;
        for (int i = 0; i < (to - from) * group; i++) {
            Memory.set(states, 2L * i, Float.NEGATIVE_INFINITY);
            Memory.set(states, 2L * i + 1, 0);
            Memory.clear(head(y, from + i / group, keyHead * group + i % group), 4L * headSize);
        }
        for (int start = 0; start < first + to; start += BLOCK) {
            long at = 4 * (start * stride + (long) keyHead * headSize);
            for (int i = 0; i < (to - from) * group; i++) {
                int row = from + i / group;
                int count = Math.min(BLOCK, first + row + 1 - start);
                if (count > 0) {
                    int head = keyHead * group + i % group;
                    long query = head(q, row, head);
                    kernels.dots(query, keys[s].address() + at, stride, count, headSize, scratch);
                    long value = values[s].address() + at;
                    add(scratch, count, value, head(y, row, head), states + 8L * i);
                }
            }
        }
        for (int i = 0; i < (to - from) * group; i++) {
            int row = from + i / group;
            int head = keyHead * group + i % group;
            float sum = Memory.get(states, 2L * i + 1);
            long own = head(y, row, head);
            kernels.scale(own, 1 / sum, own, headSize);
            long index = (long) row * keyHeads * group + head;
            Memory.set(sums.address(), index, Memory.get(states, 2L * i) + (float) Math.log(sum));
        }
    }

    /// Adds a block to what a query has so far: at `state` the largest score and the sum of all
    /// exponentials relative to it.
    private void add(long scores, int count, long value, long sum, long state) {
        float before = Memory.get(state, 0);
        float largest = Memory.get(scores, 0);
        for (int j = 1; j < count; j++) {
            largest = Math.max(largest, Memory.get(scores, j));
        }
        largest = Math.max(before, largest * scale);
        if (largest != before) {
            float factor = (float) Math.exp(before - largest);
            kernels.scale(sum, factor, sum, headSize);
            Memory.set(state, 0, largest);
            Memory.set(state, 1, Memory.get(state, 1) * factor);
        }
        kernels.exponentials(scores, scale, largest, scores, count);
        float total = Memory.get(state, 1);
        for (int j = 0; j < count; j++) {
            total += Memory.get(scores, j);
        }
        Memory.set(state, 1, total);
        kernels.addRows(scores, value, stride, count, headSize, sum);
    }

    private long head(Tensor tensor, int row, int head) {
        return tensor.address() + 4L * ((long) row * tensor.columns() + (long) head * headSize);
    }

    /// With `p_j` the softmax, `dp_j = dy · v_j` and `ds_j = p_j (dp_j - dy · y) / √N`: `dq = Σ
    /// ds_j k_j`, `dk_j = Σ ds_j q` and `dv_j = Σ p_j dy`, the sums over rows in their order. Keys
    /// and values of earlier batches are constants.
    @Override
    void backward(Gradients gradients, Tensor y, Tensor dy) {
        Tensor sums = logSums;
        if (sums == null) {
            throw new IllegalStateException("there was no forward step");
        }
        Positions.refuseGradients(gradients, segments, slot);
        Positions.refuseGradients(gradients, segments, slot + 1);
        Tensor dq = set(gradients.target(q));
        Tensor dk = set(gradients.target(k));
        Tensor dv = set(gradients.target(v));
        Tensor scratch = gradients.temporary(gradients.workers(), 2 * BLOCK);
        // A part owns all that it adds to: the queries of its heads and their keys.
        gradients.parts(
                segments.count() * keyHeads,
                1,
                (from, to, worker) -> {
                    for (int unit = from; unit < to; unit++) {
                        Step step =
                                new Step(
                                        unit / keyHeads,
                                        unit % keyHeads,
                                        scratch.address() + 8L * worker * BLOCK);
                        step.run(y, dy, sums, dq, dk, dv);
                    }
                });
        gradients.release(scratch);
    }

    private static Tensor set(Target target) {
        if (!target.add()) {
            target.gradient().clear();
        }
        return target.gradient();
    }

    /// The backward step of one segment's queries that share a head of keys.
    private final class Step {
        private final int s;
        private final int keyHead;
        private final int first;
        private final int start;
        private final int end;
        private final long weights;
        private final long slopes;

        Step(int s, int keyHead, long scratch) {
            this.s = s;
            this.keyHead = keyHead;
            this.first = Positions.first(segments, s, positionSlot);
            this.start = segments.start(s);
            this.end = segments.end(s);
            this.weights = scratch;
            this.slopes = scratch + 4L * BLOCK;
        }

        void run(Tensor y, Tensor dy, Tensor sums, Tensor dq, Tensor dk, Tensor dv) {
            for (int block = 0; block < first + end - start; block += BLOCK) {
                for (int row = Math.max(start, start + block - first); row < end; row++) {
                    int count = Math.min(BLOCK, first + row - start + 1 - block);
                    for (int head = keyHead * group; head < (keyHead + 1) * group; head++) {
                        softmax(y, dy, sums, row, head, block, count);
                        long at = 4 * (block * stride + (long) keyHead * headSize);
                        kernels.addRows(
                                slopes,
                                keys[s].address() + at,
                                stride,
                                count,
                                headSize,
                                head(dq, row, head));
                        addOuter(slopes, head(q, row, head), block, count, dk);
                        addOuter(weights, head(dy, row, head), block, count, dv);
                    }
                }
            }
        }

        /// Leaves `p_j` in `weights` and `ds_j` in `slopes`.
        private void softmax(
                Tensor y, Tensor dy, Tensor sums, int row, int head, int block, int count) {
            long at = 4 * (block * stride + (long) keyHead * headSize);
            long query = head(q, row, head);
            long d = head(dy, row, head);
            float logSum = Memory.get(sums.address(), (long) row * keyHeads * group + head);
            kernels.dots(query, keys[s].address() + at, stride, count, headSize, weights);
            kernels.exponentials(weights, scale, logSum, weights, count);
            kernels.dots(d, values[s].address() + at, stride, count, headSize, slopes);
            float along = kernels.dot(d, head(y, row, head), headSize);
            for (int j = 0; j < count; j++) {
                float slope = Memory.get(slopes, j) - along;
                Memory.set(slopes, j, Memory.get(weights, j) * slope * scale);
            }
        }

        /// Adds to the gradients of the block's keys that are of this batch.
        private void addOuter(long factors, long x, int block, int count, Tensor target) {
            int skip = Math.max(0, first - block);
            if (skip < count) {
                int row = start + block + skip - first;
                long own = head(target, row, keyHead);
                kernels.addOuter(factors + 4L * skip, x, count - skip, headSize, own, stride);
            }
        }
    }
}
