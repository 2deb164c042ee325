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
    private final MatrixProducts products;
    private boolean learns;

    EagerOps(Kernels kernels, Threads threads) {
        this(kernels, null, threads);
    }

    private EagerOps(Kernels kernels, @Nullable Products library, Threads threads) {
        this.kernels = kernels;
        this.threads = threads;
        job = new Job(kernels);
        products = new MatrixProducts(kernels, library, threads, workspace, job);
    }

    /// Operations whose big matrix products `library` computes, and everything else the fastest
    /// kernels that run here. `library` must serve as many workers as `threads` has; closing the
    /// operations closes it.
    ///
    /// With a library a row of a big product may round otherwise in another batch; equal calls
    /// still give equal bits, for any number of threads.
    public static EagerOps of(Products library, Threads threads) {
        boolean vectors = new VectorBackend().unavailable().isEmpty();
        Kernels kernels = vectors ? new VectorKernels(threads.count()) : new ReferenceKernels();
        return new EagerOps(kernels, library, threads);
    }

    /// In which numbers matrix products are computed; F32 when nobody says.
    public Precision precision() {
        return products.precision();
    }

    /// Computes matrix products in `precision` from now on.
    ///
    /// With [Precision#BF16] a rounded copy of every weight of a product is kept until these
    /// operations are closed. Whoever changes weights says so with [#weightsChanged()].
    public void precision(Precision precision) {
        products.precision(precision);
    }

    /// Gives rows to products with quantised weights as `activations` says from now on; F32 when
    /// nobody says. [#linear] alone knows of it: gradients and products in [Precision#BF16] do not.
    public void activations(Activations activations) {
        products.activations(activations);
    }

    /// Forgets what was kept of weights, because some have changed: to be called after every step
    /// of an optimiser, and after weights were loaded into the same tensors.
    public void weightsChanged() {
        products.weightsChanged();
    }

    @Override
    public void begin() {
        workspace.begin();
    }

    @Override
    public Tensor block(
            Block block, Tensor x, Tensor shared, Segments batch, int firstSlot, int slots) {
        long mark = mark();
        Tensor result = block.run(this, x, shared, batch);
        release(mark);
        Tensor kept = workspace.allocate(result.rows(), result.columns());
        if (kept.address() != result.address()) {
            Memory.copy(result.address(), kept.address(), result.bytes());
        }
        return kept;
    }

    /// A mark for [#release(long)].
    long mark() {
        return workspace.mark();
    }

    /// Ends the life of every result since `mark`.
    void release(long mark) {
        workspace.release(mark);
    }

    @Override
    public Tensor run(Operation operation) {
        return run(operation, null);
    }

    /// Runs `operation`; `tape` keeps what its backward step needs, unless it is null.
    Tensor run(Operation operation, @Nullable Tape tape) {
        boolean wanted = learns || tape != null;
        return operation.forward(new Pass(workspace, threads, kernels, tape, wanted));
    }

    /// Says whether what runs from now on will run again to be recorded.
    void learns(boolean learns) {
        this.learns = learns;
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
                    columns,
                    0);
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
        products.linear(x, weight, y);
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
        products.multiply(x, weight, false, y, false);
        return y;
    }

    /// The backward steps of the same backend.
    GradientKernels gradients() {
        return kernels.gradients();
    }

    /// The team that shares the work.
    Threads threads() {
        return threads;
    }

    /// `target = x · weight`, or `x · weightᵀ` when `transposed`, or adds it.
    void product(Tensor x, Tensor weight, boolean transposed, Target into) {
        Tensor target = into.gradient();
        requireF32(x, "x");
        requireMatrix(weight, "the weight of a product");
        int in = transposed ? weight.columns() : weight.rows();
        int out = transposed ? weight.rows() : weight.columns();
        if (x.columns() != in || target.rows() != x.rows() || target.columns() != out) {
            throw new ShapeException(
                    "the product of " + x + " and a weight " + weight + " into " + target);
        }
        products.multiply(x, weight, transposed, target, into.add());
    }

    /// `target += aᵀ · b` with `a` (R, out), `b` (R, in) and `target` (out, in).
    void addOuter(Tensor a, Tensor b, Tensor target) {
        int out = a.columns();
        int in = b.columns();
        if (a.rows() != b.rows() || target.elements() != (long) out * in) {
            throw new ShapeException("addOuter of " + a + " and " + b + " into " + target);
        }
        products.addOuter(a, b, target);
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

    private static int roundUp(int value, int divisor) {
        return (value + divisor - 1) / divisor;
    }

    /// The backward pass of [#wkv7], from the gradient `dy` to those of `inputs`: r, w, k, v, a, b.
    void wkv7Gradient(Wkv7Record record, Tensor dy, Tensor... inputs) {
        record.backward(kernels, threads, inputs, dy);
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
        job.total(rows, Job.rowGrain(rows, workPerRow));
        threads.run(job, job.parts());
    }

    static void requireF32(Tensor tensor, String what) {
        if (tensor.dtype() != DType.F32) {
            throw new ShapeException(what + " is " + tensor + "; expected F32");
        }
    }

    private static void requireMatrix(Tensor tensor, String what) {
        if (tensor.shape().rank() != 2 || !tensor.dtype().computable()) {
            throw new ShapeException(
                    what
                            + " is "
                            + tensor
                            + "; expected a matrix of F32, F16 or BF16, or a quantised one");
        }
    }

    static void requireVector(Tensor tensor, int elements, String what) {
        if (tensor.dtype() != DType.F32 || tensor.elements() != elements) {
            throw new ShapeException(
                    what + " is " + tensor + "; expected F32 with " + elements + " elements");
        }
    }

    static void requireSame(Tensor a, Tensor b, String operation) {
        if (a.dtype() != DType.F32
                || b.dtype() != DType.F32
                || a.rows() != b.rows()
                || a.columns() != b.columns()) {
            throw new ShapeException(
                    operation + " of " + a + " and " + b + ": expected the same shape in F32");
        }
    }

    static void requireHeads(Tensor x, int headSize) {
        if (headSize < 1 || x.columns() % headSize != 0) {
            throw new ShapeException(x + " cannot be cut into heads of " + headSize);
        }
    }

    static void requireRows(Tensor x, Segments segments) {
        if (x.rows() != segments.rows()) {
            throw new ShapeException(
                    x + " has " + x.rows() + " rows, the batch " + segments.rows());
        }
    }

    /// Frees the workspace and the library's memory; every result becomes invalid.
    @Override
    public void close() {
        products.close();
        workspace.close();
    }
}
