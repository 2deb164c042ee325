package dev.anser.model;

import dev.anser.tensor.Backends;
import dev.anser.tensor.DType;
import dev.anser.tensor.EagerOps;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Random matrices whose rows or columns, whichever are fewer, are orthogonal: evenly distributed
/// among all such (as `torch.nn.init.orthogonal_` draws them).
///
/// Normally distributed rows are made orthonormal by block Gram-Schmidt, each block against all
/// earlier rows and then within itself, both twice: once is not enough in single precision, and
/// twice is (Giraud et al. 2005). Nearly all of the work is matrix products. A diagonal of R that
/// is positive, as this gives, is what makes the distribution even.
public final class OrthogonalMatrix {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final int BLOCK = 32;
    private static final int TILE = 64;

    private OrthogonalMatrix() {}

    /// Fills `target`, a matrix in F32, with orthogonal rows or columns of length `gain`. The same
    /// key gives the same values on the same kind of processor, whatever the number of threads.
    public static void fill(Tensor target, float gain, long key, Threads threads) {
        if (target.rows() <= target.columns()) {
            orthogonalRows(target, gain, key, threads);
            return;
        }
        try (Arena arena = Arena.ofShared()) {
            Tensor across = Tensor.allocate(arena, DType.F32, target.columns(), target.rows());
            orthogonalRows(across, gain, key, threads);
            transpose(across, target, threads);
        }
    }

    private static void orthogonalRows(Tensor matrix, float gain, long key, Threads threads) {
        int columns = matrix.columns();
        threads.run(
                (row, worker) -> {
                    float[] values = new float[columns];
                    long start = (long) row * columns;
                    NormalNumbers.fill(values, start, key, 1);
                    MemorySegment.copy(values, 0, matrix.segment(), FLOAT, 4 * start, columns);
                },
                matrix.rows());
        orthonormalise(matrix, threads);
        scale(matrix, gain, threads);
    }

    /// Makes the rows of `matrix`, in F32 and linearly independent, orthogonal and of length 1:
    /// each becomes what the rows before it do not have.
    public static void orthonormalise(Tensor matrix, Threads threads) {
        int rows = matrix.rows();
        int columns = matrix.columns();
        float[][] block = new float[BLOCK][columns];
        try (EagerOps ops = Backends.choose().newOps(threads)) {
            for (int start = 0; start < rows; start += BLOCK) {
                int count = Math.min(BLOCK, rows - start);
                Tensor own = rows(matrix, start, count);
                for (int pass = 0; pass < 2; pass++) {
                    if (start > 0) {
                        ops.begin();
                        Tensor before = rows(matrix, 0, start);
                        Tensor shares = ops.linear(own, before); // (count, start)
                        subtract(ops.project(shares, before), own, threads);
                    }
                    for (int i = 0; i < count; i++) {
                        copy(own, i, block[i]);
                        orthonormalise(block, i);
                        MemorySegment.copy(
                                block[i], 0, own.segment(), FLOAT, 4L * i * columns, columns);
                    }
                }
            }
        }
    }

    private static Tensor rows(Tensor matrix, int start, int count) {
        long rowBytes = 4L * matrix.columns();
        return new Tensor(
                matrix.segment().asSlice(start * rowBytes, count * rowBytes),
                DType.F32,
                Shape.of(count, matrix.columns()));
    }

    private static void copy(Tensor matrix, int row, float[] into) {
        MemorySegment.copy(matrix.segment(), FLOAT, 4L * row * into.length, into, 0, into.length);
    }

    /// Makes row `i` orthogonal to the rows before it, and of length 1.
    private static void orthonormalise(float[][] rows, int i) {
        float[] row = rows[i];
        for (int j = 0; j < i; j++) {
            float share = (float) dot(row, rows[j]);
            for (int c = 0; c < row.length; c++) {
                row[c] -= share * rows[j][c];
            }
        }
        float inverse = (float) (1 / Math.sqrt(dot(row, row)));
        for (int c = 0; c < row.length; c++) {
            row[c] *= inverse;
        }
    }

    private static double dot(float[] a, float[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += (double) a[i] * b[i];
        }
        return sum;
    }

    private static void subtract(Tensor from, Tensor target, Threads threads) {
        int columns = target.columns();
        threads.run(
                (row, worker) -> {
                    for (long i = (long) row * columns; i < (long) (row + 1) * columns; i++) {
                        float value = target.segment().get(FLOAT, 4 * i);
                        target.segment()
                                .set(FLOAT, 4 * i, value - from.segment().get(FLOAT, 4 * i));
                    }
                },
                target.rows());
    }

    private static void scale(Tensor matrix, float gain, Threads threads) {
        int columns = matrix.columns();
        threads.run(
                (row, worker) -> {
                    for (long i = (long) row * columns; i < (long) (row + 1) * columns; i++) {
                        matrix.segment()
                                .set(FLOAT, 4 * i, matrix.segment().get(FLOAT, 4 * i) * gain);
                    }
                },
                matrix.rows());
    }

    /// By tiles that stay in the first-level cache, whichever way they are walked.
    private static void transpose(Tensor from, Tensor to, Threads threads) {
        int rows = from.rows();
        int columns = from.columns();
        threads.run(
                (part, worker) -> {
                    int end = Math.min(columns, (part + 1) * TILE);
                    for (int row = 0; row < rows; row += TILE) {
                        for (int c = part * TILE; c < end; c++) {
                            for (int r = row; r < Math.min(rows, row + TILE); r++) {
                                to.segment()
                                        .set(
                                                FLOAT,
                                                4 * ((long) c * rows + r),
                                                from.segment()
                                                        .get(FLOAT, 4 * ((long) r * columns + c)));
                            }
                        }
                    }
                },
                (columns + TILE - 1) / TILE);
    }
}
