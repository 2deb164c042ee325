package dev.anser.tensor;

import org.jspecify.annotations.Nullable;

/// What the backward step of an [Operation] works with: where the gradients of its operands go,
/// memory, and the team.
final class Gradients {
    /// Rows whose share of a sum over rows is added up by one thread, in order. So sums do not
    /// depend on the number of threads.
    private static final int ROWS = 32;

    /// Rows that a step of several sweeps takes at a time: so few that they stay in the caches.
    private static final int SWEEP = 4;

    /// Columns that one thread adds the shares of.
    private static final int COLUMNS = 128;

    private final Tape tape;
    private final Threads threads;
    private final GradientKernels kernels;

    Gradients(Tape tape, Threads threads, GradientKernels kernels) {
        this.tape = tape;
        this.threads = threads;
        this.kernels = kernels;
    }

    /// Where the gradient of an activation goes. All of it must be written. Ask once for each
    /// operand and write the targets in that order, for two may be the same tensor.
    Target target(Tensor activation) {
        return tape.target(activation);
    }

    /// Where the gradient of a parameter, or of a state before the batch, is added; null when it is
    /// frozen.
    @Nullable Tensor parameter(Tensor parameter) {
        return tape.parameterGradient(parameter);
    }

    /// The gradient of the loss to a state after the batch; null when nothing depends on it.
    @Nullable Tensor carried(Tensor state) {
        return tape.carriedGradient(state);
    }

    GradientKernels kernels() {
        return kernels;
    }

    /// Members of the team, for scratch memory of each.
    int workers() {
        return threads.count();
    }

    /// Memory for within the step, its content undefined. Give it back by [#release(Tensor)].
    Tensor temporary(int rows, int columns) {
        return tape.buffers().take(Shape.of(rows, columns));
    }

    /// Gives back what [#temporary(int, int)] handed out.
    void release(Tensor temporary) {
        tape.buffers().giveBack(temporary);
    }

    /// Runs `range` over 0 to `rows` in parts that are worth a thread's while, when a row is `work`
    /// elements.
    void rows(int rows, int work, Operation.Range range) {
        parts(rows, Job.rowGrain(rows, work), range);
    }

    /// Runs `range` over 0 to `total` in parts of `grain`.
    void parts(int total, int grain, Operation.Range range) {
        threads.run(
                (part, worker) ->
                        range.run(part * grain, Math.min(total, (part + 1) * grain), worker),
                (total + grain - 1) / grain);
    }

    /// Runs `sweeps` over blocks of `total` rows, one after the other on [#SWEEP] rows at a time.
    /// Each block has zeroed floats for its share of every one of `sums`, one after another, and,
    /// behind, `scratch` floats for each row of a sweep; the shares are added to the sums in order.
    /// A sum that is null (a frozen parameter) needs its place all the same, of `columns` floats.
    void summedRows(
            int total,
            int columns,
            int scratch,
            @Nullable Tensor[] sums,
            GradientKernels.Rows... sweeps) {
        int blocks = (total + ROWS - 1) / ROWS;
        int summed = Math.multiplyExact(sums.length, columns);
        int needed = Math.addExact(summed, scratch * SWEEP);
        Tensor shares = temporary(blocks, needed);
        long stride = 4L * needed;
        // A single sweep need not stop every few rows for the next one.
        int step = sweeps.length == 1 ? ROWS : SWEEP;
        threads.run(
                (block, worker) -> {
                    long own = shares.address() + block * stride;
                    Memory.clear(own, 4L * summed);
                    int end = Math.min(total, (block + 1) * ROWS);
                    for (int from = block * ROWS; from < end; from += step) {
                        for (GradientKernels.Rows sweep : sweeps) {
                            sweep.run(from, Math.min(end, from + step), own, own + 4L * summed);
                        }
                    }
                },
                blocks);
        int chunks = (columns + COLUMNS - 1) / COLUMNS;
        threads.run(
                (part, worker) -> {
                    Tensor sum = sums[part / chunks];
                    if (sum == null) {
                        return;
                    }
                    int from = part % chunks * COLUMNS;
                    int count = Math.min(COLUMNS, columns - from);
                    long share = shares.address() + 4L * ((long) part / chunks * columns + from);
                    for (int block = 0; block < blocks; block++) {
                        kernels.add(share + block * stride, sum.address() + 4L * from, count);
                    }
                },
                sums.length * chunks);
        release(shares);
    }
}
