package dev.anser.tensor;

import org.jspecify.annotations.Nullable;

/// What the forward step of an [Operation] works with: memory, the team and the backend's kernels.
final class Pass {
    private final Workspace workspace;
    private final Threads threads;
    private final Kernels kernels;
    private final @Nullable Tape tape;
    private final boolean learns;

    Pass(
            Workspace workspace,
            Threads threads,
            Kernels kernels,
            @Nullable Tape tape,
            boolean learns) {
        this.workspace = workspace;
        this.threads = threads;
        this.kernels = kernels;
        this.tape = tape;
        this.learns = learns;
    }

    /// Memory for a result (rows, columns); its content is undefined.
    Tensor allocate(int rows, int columns) {
        return workspace.allocate(rows, columns);
    }

    /// Memory for `parts` results (parts, rows, columns), see [Tensor#part(int)].
    Tensor allocate(int parts, int rows, int columns) {
        return workspace.allocate(parts, rows, columns);
    }

    /// Whether a backward step will run.
    boolean recorded() {
        return tape != null;
    }

    /// Whether gradients are wanted of this pass, by a backward step of this run or of a later one
    /// of the same operations.
    boolean learns() {
        return learns;
    }

    /// Memory that the backward step finds again; its content is undefined.
    ///
    /// @throws IllegalStateException when the pass is not recorded
    Tensor keep(int rows, int columns) {
        Tape tape = this.tape;
        if (tape == null) {
            throw new IllegalStateException("nothing is kept of a pass that is not recorded");
        }
        return tape.temporary(rows, columns);
    }

    Kernels kernels() {
        return kernels;
    }

    /// Members of the team, for scratch memory of each.
    int workers() {
        return threads.count();
    }

    /// Runs `range` over 0 to `rows` in parts that are worth a thread's while, when a row is `work`
    /// elements.
    void rows(int rows, int work, Operation.Range range) {
        parts(rows, Job.rowGrain(rows, work), range);
    }

    /// Runs `range` over 0 to `total` in parts of `grain`. What is computed must not depend on how
    /// it is cut, or `grain` not on the team.
    void parts(int total, int grain, Operation.Range range) {
        threads.run(
                (part, worker) ->
                        range.run(part * grain, Math.min(total, (part + 1) * grain), worker),
                (total + grain - 1) / grain);
    }
}
