package dev.anser.tensor;

import org.jspecify.annotations.Nullable;

/// Executes every operation at once on the CPU: checks the shapes, takes the result from its
/// workspace, cuts the work into parts for the team, and calls the backend's kernels.
///
/// For one thread at a time. Several may share one [Threads].
public final class EagerOps implements Ops, AutoCloseable {
    private final Threads threads;
    private final Kernels kernels;
    private final Workspace workspace = new Workspace();
    private final Job job;

    EagerOps(Kernels kernels, Threads threads) {
        this.kernels = kernels;
        this.threads = threads;
        this.job = new Job(kernels);
    }

    @Override
    public void begin() {
        workspace.begin();
    }

    @Override
    public long mark() {
        return workspace.mark();
    }

    @Override
    public Tensor release(long mark, Tensor result) {
        workspace.release(mark);
        Tensor kept = workspace.allocate(result.rows(), result.columns());
        if (kept.address() != result.address()) {
            Memory.copy(result.address(), kept.address(), result.bytes());
        }
        return kept;
    }

    @Override
    public Tensor embedding(Tensor table, int[] ids, int count) {
        requireMatrix(table, "the embedding table");
        int columns = table.columns();
        Tensor y = workspace.allocate(count, columns);
        long rowBytes = table.dtype().bytes(columns);
        for (int i = 0; i < count; i++) {
            if (ids[i] < 0 || ids[i] >= table.rows()) {
                throw new ShapeException(
                        "token id "
                                + ids[i]
                                + " is outside the vocabulary of "
                                + table.rows()
                                + " tokens");
            }
            kernels.toFloat(
                    table.dtype(),
                    table.address() + ids[i] * rowBytes,
                    y.address() + 4L * i * columns,
                    columns);
        }
        return y;
    }

    @Override
    public Tensor rows(Tensor x, int[] rows, int count) {
        requireF32(x, "x");
        int columns = x.columns();
        Tensor y = workspace.allocate(count, columns);
        for (int i = 0; i < count; i++) {
            if (rows[i] < 0 || rows[i] >= x.rows()) {
                throw new ShapeException("row " + rows[i] + " is outside " + x);
            }
            Memory.copy(
                    x.address() + 4L * rows[i] * columns,
                    y.address() + 4L * i * columns,
                    4L * columns);
        }
        return y;
    }

    @Override
    public int firstNonFiniteRow(Tensor x) {
        requireF32(x, "x");
        for (int row = 0; row < x.rows(); row++) {
            if (!kernels.allFinite(x.address() + 4L * row * x.columns(), x.columns())) {
                return row;
            }
        }
        return -1;
    }

    @Override
    public Tensor linear(Tensor x, Tensor weight) {
        requireF32(x, "x");
        requireMatrix(weight, "the weight of linear");
        int in = x.columns();
        int out = weight.rows();
        if (weight.columns() != in) {
            throw new ShapeException(
                    "linear of "
                            + x
                            + " with a weight "
                            + weight
                            + ": expected "
                            + in
                            + " columns");
        }
        Tensor y = workspace.allocate(x.rows(), out);
        job.matrix(Job.Kind.LINEAR, x, weight, y, in, out);
        runMatrix(x.rows(), in, out);
        return y;
    }

    @Override
    public Tensor project(Tensor x, Tensor weight) {
        requireF32(x, "x");
        requireMatrix(weight, "the weight of project");
        int in = x.columns();
        int out = weight.columns();
        if (weight.rows() != in) {
            throw new ShapeException(
                    "project of " + x + " with a weight " + weight + ": expected " + in + " rows");
        }
        Tensor y = workspace.allocate(x.rows(), out);
        job.matrix(Job.Kind.PROJECT, x, weight, y, in, out);
        runProject(x.rows(), in, out);
        return y;
    }

    /// One row of a low-rank product is cheaper whole, its weights read in one go, than cut into
    /// columns of a few elements a weight row.
    private void runProject(int rows, int in, int out) {
        if (rows == 1 && (long) in * out < Job.SMALL_PROJECT) {
            job.total(out, out);
            threads.run(job, 1);
        } else {
            runMatrix(rows, in, out);
        }
    }

    /// `target += x · weight`, or `x · weightᵀ` when `transposed`.
    void addProduct(Tensor x, Tensor weight, boolean transposed, Tensor target) {
        long mark = workspace.mark();
        Tensor product = transposed ? linear(x, weight) : project(x, weight);
        requireSame(product, target, "addProduct");
        job.elements(Job.Kind.ADD, product, target, target, target);
        runRows(target.rows(), target.columns());
        workspace.release(mark);
    }

    /// `target += aᵀ · b` with `a` (R, out), `b` (R, in) and `target` (out, in).
    void addOuter(Tensor a, Tensor b, Tensor target) {
        int out = a.columns();
        int in = b.columns();
        if (a.rows() != b.rows() || target.elements() != (long) out * in) {
            throw new ShapeException("addOuter of " + a + " and " + b + " into " + target);
        }
        job.elements(Job.Kind.ADD_OUTER, a, b, b, target);
        job.sizes(in, out);
        runMatrix(a.rows(), in, out);
    }

    /// Cuts a product by output columns: at least [Job#OUTPUT_GRAIN] each, and some parts more than
    /// threads so that a slower one does not hold up the others.
    private void runMatrix(int rows, int in, int out) {
        boolean small = (long) rows * in * out < Job.SMALL_PRODUCT;
        int grain = small ? out : Math.max(Job.OUTPUT_GRAIN, roundUp(out, threads.count() * 8));
        job.total(out, (grain + Job.OUTPUT_GRAIN - 1) / Job.OUTPUT_GRAIN * Job.OUTPUT_GRAIN);
        threads.run(job, job.parts());
    }

    @Override
    public Tensor add(Tensor a, Tensor b) {
        requireSame(a, b, "add");
        Tensor y = workspace.allocate(a.rows(), a.columns());
        runElements(Job.Kind.ADD, a, b, b, y);
        return y;
    }

    @Override
    public Tensor tanh(Tensor x) {
        return unary(Job.Kind.TANH, x);
    }

    @Override
    public Tensor sigmoid(Tensor x) {
        return unary(Job.Kind.SIGMOID, x);
    }

    @Override
    public Tensor reluSquared(Tensor x) {
        return unary(Job.Kind.RELU_SQUARED, x);
    }

    private Tensor unary(Job.Kind kind, Tensor x) {
        requireF32(x, "x");
        Tensor y = workspace.allocate(x.rows(), x.columns());
        runElements(kind, x, x, x, y);
        return y;
    }

    @Override
    public Tensor sigmoidWithBias(Tensor x, Tensor bias) {
        return withBias(Job.Kind.SIGMOID_WITH_BIAS, x, bias);
    }

    @Override
    public Tensor decay7(Tensor x, Tensor bias) {
        return withBias(Job.Kind.DECAY7, x, bias);
    }

    private Tensor withBias(Job.Kind kind, Tensor x, Tensor bias) {
        requireF32(x, "x");
        requireVector(bias, x.columns(), "the bias");
        Tensor y = workspace.allocate(x.rows(), x.columns());
        runElements(kind, x, bias, bias, y);
        return y;
    }

    @Override
    public Tensor lerp(Tensor from, Tensor to, Tensor weight) {
        requireSame(from, to, "lerp");
        requireSame(from, weight, "lerp");
        Tensor y = workspace.allocate(from.rows(), from.columns());
        runElements(Job.Kind.LERP, from, to, weight, y);
        return y;
    }

    private void runElements(Job.Kind kind, Tensor a, Tensor b, Tensor c, Tensor y) {
        job.elements(kind, a, b, c, y);
        runRows(y.rows(), y.columns());
    }

    @Override
    public Tensor layerNorm(Tensor x, Tensor weight, Tensor bias, float epsilon) {
        requireF32(x, "x");
        requireVector(weight, x.columns(), "the weight of layerNorm");
        requireVector(bias, x.columns(), "the bias of layerNorm");
        Tensor y = workspace.allocate(x.rows(), x.columns());
        job.elements(Job.Kind.LAYER_NORM, x, weight, bias, y);
        job.epsilon(epsilon);
        runRows(y.rows(), y.columns());
        return y;
    }

    @Override
    public Tensor shiftLerp(Tensor x, Tensor[] mixes, Segments segments, int slot) {
        requireF32(x, "x");
        requireRows(x, segments);
        int columns = x.columns();
        for (Tensor mix : mixes) {
            requireVector(mix, columns, "a mix of shiftLerp");
        }
        for (int s = 0; s < segments.count(); s++) {
            requireVector(segments.carried(s, slot), columns, "the carried row of shiftLerp");
        }
        Tensor y = workspace.allocate(mixes.length, x.rows(), columns);
        job.shift(x, mixes, segments, slot, y);
        runRows(x.rows(), columns * mixes.length);
        for (int s = 0; s < segments.count(); s++) {
            long last = x.address() + 4L * (segments.end(s) - 1) * columns;
            Memory.copy(last, segments.carried(s, slot).address(), 4L * columns);
        }
        return y;
    }

    @Override
    public Tensor keys7(Tensor k, Tensor a, Tensor keyScale, Tensor keyRate, int headSize) {
        requireSame(k, a, "keys7");
        requireHeads(k, headSize);
        requireVector(keyScale, k.columns(), "the key scale");
        requireVector(keyRate, k.columns(), "the key rate");
        Tensor y = workspace.allocate(3, k.rows(), k.columns());
        job.elements(Job.Kind.KEYS7, k, a, keyScale, y);
        job.more(keyRate, keyRate, keyRate, keyRate, keyRate);
        job.heads(headSize, k.columns());
        runRows(k.rows(), 3 * k.columns());
        return y;
    }

    @Override
    public Tensor wkv7(
            Tensor r,
            Tensor w,
            Tensor k,
            Tensor v,
            Tensor a,
            Tensor b,
            int headSize,
            Segments segments,
            int slot) {
        return wkv7(r, w, k, v, a, b, headSize, segments, slot, null);
    }

    /// The same, keeping in `record` what a backward pass needs.
    Tensor wkv7(
            Tensor r,
            Tensor w,
            Tensor k,
            Tensor v,
            Tensor a,
            Tensor b,
            int headSize,
            Segments segments,
            int slot,
            @Nullable Wkv7Record record) {
        requireSame(r, w, "wkv7");
        requireSame(r, k, "wkv7");
        requireSame(r, v, "wkv7");
        requireSame(r, a, "wkv7");
        requireSame(r, b, "wkv7");
        requireHeads(r, headSize);
        requireRows(r, segments);
        int heads = r.columns() / headSize;
        for (int s = 0; s < segments.count(); s++) {
            Tensor state = segments.carried(s, slot);
            if (state.dtype() != DType.F32
                    || state.elements() != (long) heads * headSize * headSize) {
                throw new ShapeException(
                        "wkv7 with "
                                + heads
                                + " heads of "
                                + headSize
                                + " cannot carry a state "
                                + state);
            }
        }
        Tensor y = workspace.allocate(r.rows(), r.columns());
        job.elements(Job.Kind.WKV7, r, w, k, y);
        job.more(v, a, b, b, b);
        job.heads(headSize, r.columns());
        job.segments(segments, slot);
        int units = heads * segments.count();
        long work = (long) r.rows() * r.columns() * headSize;
        boolean small = work < Job.SMALL_PRODUCT;
        int group = small ? headSize : columnGroup(units, headSize);
        int groups = roundUp(headSize, group);
        job.wkv7(groups, group, record);
        job.total(units * groups, small ? units : 1);
        threads.run(job, job.parts());
        return y;
    }

    /// Value columns that one thread takes: all of a head, or a multiple of 16 when there are too
    /// few heads for the team. A column has the same bits in any group.
    private int columnGroup(int units, int headSize) {
        int wanted = Math.min(roundUp(2 * threads.count(), units), roundUp(headSize, 16));
        if (threads.count() == 1 || wanted <= 1) {
            return headSize;
        }
        return roundUp(roundUp(headSize, wanted), 16) * 16;
    }

    /// The backward pass of [#wkv7], from the gradient of `y` to those of `inputs`: r, w, k, v, a,
    /// b.
    void wkv7Gradient(Wkv7Record record, Tensor y, Tensor... inputs) {
        record.backward(kernels, threads, inputs, y);
    }

    @Override
    public Tensor gatedGroupNorm7(
            Tensor y,
            Tensor weight,
            Tensor bias,
            float epsilon,
            Tensor r,
            Tensor k,
            Tensor v,
            Tensor bonus,
            Tensor g,
            int headSize) {
        requireSame(y, r, "gatedGroupNorm7");
        requireSame(y, k, "gatedGroupNorm7");
        requireSame(y, v, "gatedGroupNorm7");
        requireSame(y, g, "gatedGroupNorm7");
        requireHeads(y, headSize);
        requireVector(weight, y.columns(), "the weight of gatedGroupNorm7");
        requireVector(bias, y.columns(), "the bias of gatedGroupNorm7");
        requireVector(bonus, y.columns(), "the bonus of gatedGroupNorm7");
        Tensor z = workspace.allocate(y.rows(), y.columns());
        job.elements(Job.Kind.GATED_GROUP_NORM7, y, weight, bias, z);
        job.more(r, k, v, bonus, g);
        job.epsilon(epsilon);
        job.heads(headSize, y.columns());
        runRows(y.rows(), 4 * y.columns());
        return z;
    }

    private void runRows(int rows, int workPerRow) {
        int grain = Math.clamp(Job.SMALL_ROWS / Math.max(1, workPerRow), 1, Math.max(1, rows));
        job.total(rows, grain);
        threads.run(job, job.parts());
    }

    private static int roundUp(int value, int divisor) {
        return (value + divisor - 1) / divisor;
    }

    private static void requireF32(Tensor tensor, String what) {
        if (tensor.dtype() != DType.F32) {
            throw new ShapeException(what + " is " + tensor + "; expected F32");
        }
    }

    private static void requireMatrix(Tensor tensor, String what) {
        if (tensor.shape().rank() != 2 || !tensor.dtype().computable()) {
            throw new ShapeException(
                    what + " is " + tensor + "; expected a matrix of F32, F16 or BF16");
        }
    }

    private static void requireVector(Tensor tensor, int elements, String what) {
        if (tensor.dtype() != DType.F32 || tensor.elements() != elements) {
            throw new ShapeException(
                    what + " is " + tensor + "; expected F32 with " + elements + " elements");
        }
    }

    private static void requireSame(Tensor a, Tensor b, String operation) {
        if (a.dtype() != DType.F32
                || b.dtype() != DType.F32
                || a.rows() != b.rows()
                || a.columns() != b.columns()) {
            throw new ShapeException(
                    operation + " of " + a + " and " + b + ": expected the same shape in F32");
        }
    }

    private static void requireHeads(Tensor x, int headSize) {
        if (headSize < 1 || x.columns() % headSize != 0) {
            throw new ShapeException(x + " cannot be cut into heads of " + headSize);
        }
    }

    private static void requireRows(Tensor x, Segments segments) {
        if (x.rows() != segments.rows()) {
            throw new ShapeException(
                    x + " has " + x.rows() + " rows, the batch " + segments.rows());
        }
    }

    /// Frees the workspace; every result becomes invalid.
    @Override
    public void close() {
        workspace.close();
    }
}
