package dev.anser.tensor;

import org.jspecify.annotations.Nullable;

/// What the forward pass of one [Ops#wkv7] keeps for its backward pass, and that pass in parts for
/// the team.
///
/// Per token and head of size N that is `N²/16 + N` floats: the state before every
/// [Wkv7Span#INTERVAL]-th token of a sequence, and u. At N = 64 these are 5 floats a channel, in
/// the tape's memory.
final class Wkv7Record {
    /// Parts below which a backward pass is cut by value columns as well. Such cuts change the
    /// rounding of sums over values, so they depend on shapes alone, not on the team. And they
    /// cost: four parts of 16 columns take twice the time of one of 64.
    private static final int ENOUGH_PARTS = 8;

    private final Tape tape;
    private final Segments segments;
    private final int size;
    private final int heads;
    private final Tensor removed;
    private final Tensor checkpoints;
    private final int[] firstCheckpoint;
    private final Tensor[] carried;
    private final @Nullable Tensor[] dInitial;

    /// Takes memory from `tape`. The carried tensors are not read.
    Wkv7Record(Tape tape, Segments segments, int slot, int columns, int size) {
        this.tape = tape;
        this.segments = segments;
        this.size = size;
        this.heads = columns / size;
        int count = segments.count();
        firstCheckpoint = new int[count];
        carried = new Tensor[count];
        dInitial = new Tensor[count];
        int total = 0;
        for (int s = 0; s < count; s++) {
            firstCheckpoint[s] = total;
            total += Wkv7Span.intervals(segments.end(s) - segments.start(s));
            carried[s] = segments.carried(s, slot);
            dInitial[s] = tape.parameterGradient(carried[s]);
        }
        removed = tape.temporary(segments.rows(), columns);
        checkpoints = tape.temporary(total, columns * size);
    }

    /// Where u of all rows goes, in the shape of y.
    long removed() {
        return removed.address();
    }

    /// Keeps the columns `from..to` of the `state` of one head before the first token of an
    /// interval of `segment`.
    void keep(long state, int segment, int interval, int head, int from, int to) {
        long target = checkpoint(segment, interval, head);
        if (from == 0 && to == size) {
            Memory.copy(state, target, 4L * size * size);
            return;
        }
        for (int i = 0; i < size; i++) {
            long at = 4 * ((long) i * size + from);
            Memory.copy(state + at, target + at, 4L * (to - from));
        }
    }

    private long checkpoint(int segment, int interval, int head) {
        long index = (long) (firstCheckpoint[segment] + interval) * heads + head;
        return checkpoints.address() + 4 * index * size * size;
    }

    /// Adds to the gradients of `inputs` (r, w, k, v, a, b) what follows from `dy`, that of y.
    void backward(Kernels kernels, Threads threads, Tensor[] inputs, Tensor dy) {
        Tensor[] gradients = new Tensor[inputs.length];
        for (int i = 0; i < inputs.length; i++) {
            Target target = tape.target(inputs[i]);
            gradients[i] = target.gradient();
            if (!target.add()) {
                gradients[i].clear();
            }
        }
        int units = heads * segments.count();
        int grain = grain(units);
        int groups = (size + grain - 1) / grain;
        int floats = Math.toIntExact(Wkv7Span.scratchFloats(size, grain));
        long mark = tape.mark();
        Tensor scratch = tape.temporary(threads.count(), floats);
        // The first group of columns adds its sums to the gradients, the others leave theirs here.
        Tensor[] sums = new Tensor[5 * (groups - 1)];
        for (int i = 0; i < sums.length; i++) {
            sums[i] = tape.temporary(dy.rows(), dy.columns());
            sums[i].clear();
        }
        threads.run(
                (part, worker) -> {
                    int group = part % groups;
                    int unit = part / groups;
                    kernels.wkv7Gradient(
                            span(
                                    inputs,
                                    gradients,
                                    dy,
                                    sums,
                                    unit / heads,
                                    unit % heads,
                                    group,
                                    grain,
                                    scratch.address() + 4L * worker * floats));
                },
                units * groups);
        if (groups > 1) {
            threads.run((row, worker) -> addSums(kernels, gradients, sums, row), dy.rows());
        }
        tape.release(mark);
    }

    /// Value columns of a part: all of a head if there are heads enough, else a multiple of 16.
    private int grain(int units) {
        int wanted = Math.min((ENOUGH_PARTS + units - 1) / units, (size + 15) / 16);
        return wanted <= 1 ? size : ((size + wanted - 1) / wanted + 15) / 16 * 16;
    }

    private Wkv7Span span(
            Tensor[] inputs,
            Tensor[] gradients,
            Tensor dy,
            Tensor[] sums,
            int segment,
            int head,
            int group,
            int grain,
            long scratch) {
        int columns = dy.columns();
        int start = segments.start(segment);
        long offset = 4 * ((long) start * columns + (long) head * size);
        long stateOffset = 4L * head * size * size;
        Tensor[] targets =
                group == 0
                        ? new Tensor[] {
                            gradients[0], gradients[1], gradients[2], gradients[4], gradients[5]
                        }
                        : java.util.Arrays.copyOfRange(sums, 5 * (group - 1), 5 * group);
        Tensor dFinal = tape.carriedGradient(carried[segment]);
        Tensor dInitial = this.dInitial[segment];
        return new Wkv7Span(
                inputs[0].address() + offset,
                inputs[1].address() + offset,
                inputs[2].address() + offset,
                inputs[3].address() + offset,
                inputs[4].address() + offset,
                inputs[5].address() + offset,
                dy.address() + offset,
                removed.address() + offset,
                checkpoint(segment, 0, head),
                (long) heads * size * size,
                targets[0].address() + offset,
                targets[1].address() + offset,
                targets[2].address() + offset,
                gradients[3].address() + offset,
                targets[3].address() + offset,
                targets[4].address() + offset,
                size,
                group * grain,
                Math.min(size, (group + 1) * grain),
                columns,
                segments.end(segment) - start,
                dFinal == null ? 0 : dFinal.address() + stateOffset,
                dInitial == null ? 0 : dInitial.address() + stateOffset,
                scratch);
    }

    /// Adds the sums of the later groups of columns, in order.
    private static void addSums(Kernels kernels, Tensor[] gradients, Tensor[] sums, int row) {
        for (int i = 0; i < sums.length; i++) {
            Tensor target = gradients[i % 5 < 3 ? i % 5 : i % 5 + 1];
            int columns = target.columns();
            long offset = 4L * row * columns;
            long to = target.address() + offset;
            kernels.add(to, sums[i].address() + offset, to, columns);
        }
    }
}
