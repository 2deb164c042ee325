package dev.anser.tensor;

import java.lang.foreign.Arena;
import java.util.IdentityHashMap;
import org.jspecify.annotations.Nullable;

/// The matrix products of one [EagerOps]: chooses between the kernels and the library, by the shape
/// alone so that runs repeat bit for bit, and keeps the rounded copies of [Precision#BF16].
final class MatrixProducts implements AutoCloseable {
    /// Rows from which the library is worth its call.
    private static final int LIBRARY_ROWS = 16;

    /// Multiply-adds from which the library is worth its call.
    private static final long LIBRARY_PRODUCT = 1 << 18;

    private static final class Rounded {
        final Tensor copy;
        long version = -1;

        Rounded(Tensor copy) {
            this.copy = copy;
        }
    }

    private final Kernels kernels;
    private final Threads threads;
    private final Workspace workspace;
    private final Job job;
    private final @Nullable Products products;
    private final @Nullable BlockProduct blocks;
    private final Arena arena = Arena.ofShared();
    private final IdentityHashMap<Tensor, Rounded> weights = new IdentityHashMap<>();
    private Precision precision = Precision.F32;
    private Activations activations = Activations.F32;
    private long version;

    MatrixProducts(
            Kernels kernels,
            @Nullable Products products,
            Threads threads,
            Workspace workspace,
            Job job) {
        this.kernels = kernels;
        this.threads = threads;
        this.workspace = workspace;
        this.job = job;
        this.products = products;
        blocks = products == null ? null : new BlockProduct(kernels, products, threads.count());
    }

    Precision precision() {
        return precision;
    }

    void precision(Precision precision) {
        this.precision = precision;
    }

    void activations(Activations activations) {
        this.activations = activations;
    }

    void weightsChanged() {
        version++;
    }

    /// `y = x · weightᵀ`, with `x` as [Activations] says.
    void linear(Tensor x, Tensor weight, Tensor y) {
        if (activations == Activations.F32 || !weight.dtype().quantised()) {
            multiply(x, weight, true, y, false);
        } else if (x.rows() == 1 && kernels.multipliesEightBits(weight.dtype())) {
            job.eightBits(x.address(), weight, y, x.columns(), y.columns());
            runMatrix(1, x.columns(), y.columns(), Job.OUTPUT_GRAIN);
        } else {
            long mark = workspace.mark();
            Tensor rounded = workspace.allocate(x.rows(), x.columns());
            job.roundToEightBits(weight.dtype(), x, rounded.address());
            runRows(x);
            multiply(rounded, weight, true, y, false);
            workspace.release(mark);
        }
    }

    /// `y = x · weightᵀ` when `transposed`, else `y = x · weight`; or `y +=` when `accumulate`.
    void multiply(Tensor x, Tensor weight, boolean transposed, Tensor y, boolean accumulate) {
        int rows = x.rows();
        int in = x.columns();
        int out = y.columns();
        long mark = workspace.mark();
        boolean library = byLibrary(rows, in, out);
        Tensor b = precision == Precision.BF16 ? roundedWeight(weight) : weight;
        if (library && blocks != null) {
            DType type = operandType();
            blocks.set(
                    type,
                    rows,
                    out,
                    in,
                    rounded(x, type),
                    false,
                    b.dtype(),
                    b.address(),
                    transposed,
                    y.address(),
                    accumulate);
            threads.run(blocks, blocks.parts());
        } else {
            Tensor target = accumulate ? workspace.allocate(rows, out) : y;
            long a = rounded(x, DType.F32);
            job.matrix(
                    transposed ? Job.Kind.LINEAR : Job.Kind.PROJECT, a, rows, b, target, in, out);
            runKernels(rows, in, out, transposed, b.dtype());
            if (accumulate) {
                add(target, y);
            }
        }
        workspace.release(mark);
    }

    /// `target += aᵀ · b` with `a` (R, out), `b` (R, in) and `target` (out, in).
    void addOuter(Tensor a, Tensor b, Tensor target) {
        int rows = a.rows();
        int out = a.columns();
        int in = b.columns();
        long mark = workspace.mark();
        if (blocks != null && byLibrary(rows, in, out)) {
            DType type = operandType();
            long left = rounded(a, type);
            long right = rounded(b, type);
            blocks.set(type, out, in, rows, left, true, type, right, false, target.address(), true);
            threads.run(blocks, blocks.parts());
        } else {
            long left = rounded(a, DType.F32);
            long right = rounded(b, DType.F32);
            job.outer(left, right, rows, in, out, target);
            runMatrix(rows, in, out, Job.OUTPUT_GRAIN);
        }
        workspace.release(mark);
    }

    private boolean byLibrary(int rows, int in, int out) {
        return products != null
                && rows >= LIBRARY_ROWS
                && (long) rows * in * out >= LIBRARY_PRODUCT;
    }

    private DType operandType() {
        return precision == Precision.BF16 && products != null && products.multiplies(DType.BF16)
                ? DType.BF16
                : DType.F32;
    }

    /// The address of `x` as operands of `type`: its own, or that of a copy that lives until the
    /// product is done.
    private long rounded(Tensor x, DType type) {
        if (precision == Precision.F32) {
            return x.address();
        }
        boolean half = type == DType.BF16;
        int rows = half ? (x.rows() + 1) / 2 : x.rows();
        Tensor copy = workspace.allocate(rows, x.columns());
        round(half ? Job.Kind.TO_BF16 : Job.Kind.ROUND_TO_BF16, x, copy.address());
        return copy.address();
    }

    private Tensor roundedWeight(Tensor weight) {
        if (weight.dtype() == DType.BF16) {
            return weight;
        }
        Rounded rounded =
                weights.computeIfAbsent(
                        weight,
                        w ->
                                new Rounded(
                                        Tensor.allocate(arena, DType.BF16, w.rows(), w.columns())));
        // What lives in the workspace changes without notice.
        if (rounded.version != version || workspace.holds(weight)) {
            if (weight.dtype() == DType.F32) {
                round(Job.Kind.TO_BF16, weight, rounded.copy.address());
            } else {
                for (long i = 0; i < weight.elements(); i++) {
                    rounded.copy.set(i, weight.get(i));
                }
            }
            rounded.version = version;
        }
        return rounded.copy;
    }

    private void round(Job.Kind kind, Tensor x, long target) {
        job.round(kind, x, target);
        runRows(x);
    }

    private void runRows(Tensor x) {
        int grain = Math.clamp(Job.SMALL_ROWS / Math.max(1, x.columns()), 1, Math.max(1, x.rows()));
        job.total(x.rows(), grain);
        threads.run(job, job.parts());
    }

    private void add(Tensor product, Tensor target) {
        job.elements(Job.Kind.ADD, product, target, target, target);
        int grain = Math.clamp(Job.SMALL_ROWS / Math.max(1, target.columns()), 1, target.rows());
        job.total(target.rows(), grain);
        threads.run(job, job.parts());
    }

    /// One row of a low-rank product is cheaper whole, its weights read in one go, than cut into
    /// columns of a few elements a weight row.
    private void runKernels(int rows, int in, int out, boolean transposed, DType type) {
        if (!transposed && rows == 1 && (long) in * out < Job.SMALL_PROJECT) {
            job.total(out, out);
            threads.run(job, 1);
        } else {
            // Where outputs run along the rows of the weights, parts are whole blocks of these.
            int unit = transposed ? 1 : type.blockElements();
            runMatrix(rows, in, out, Math.max(Job.OUTPUT_GRAIN, unit));
        }
    }

    /// Cuts a product by output columns: a multiple of `unit` each, and some parts more than
    /// threads so that a slower one does not hold up the others.
    private void runMatrix(int rows, int in, int out, int unit) {
        boolean small = (long) rows * in * out < Job.SMALL_PRODUCT;
        int share = (out + threads.count() * 8 - 1) / (threads.count() * 8);
        int grain = small ? out : Math.max(unit, share);
        job.total(out, (grain + unit - 1) / unit * unit);
        threads.run(job, job.parts());
    }

    @Override
    public void close() {
        if (products != null && blocks != null) {
            products.close();
            blocks.close();
        }
        arena.close();
    }
}
