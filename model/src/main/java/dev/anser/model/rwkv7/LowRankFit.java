package dev.anser.model.rwkv7;

import dev.anser.model.OrthogonalMatrix;
import dev.anser.tensor.Backends;
import dev.anser.tensor.DType;
import dev.anser.tensor.EagerOps;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.lang.foreign.Arena;

/// The low-rank pair that comes closest to a weight: `x · down · up` for `x · weightᵀ`.
///
/// The rows of `up` are orthonormal and span what the largest singular values of the weight span;
/// orthogonal iteration finds them (Golub and Van Loan, Matrix Computations, section 8.2): rows are
/// multiplied with `weight · weightᵀ`, and made orthonormal again. A small multiple of the rows
/// themselves is added, so that a weight of lower rank leaves them independent.
///
/// @param down (in, rank), F32
/// @param up (rank, out), F32
record LowRankFit(Tensor down, Tensor up) {
    private static final int PASSES = 12;

    /// The share of the mean square of the singular values that is added.
    private static final double SHARE = 1e-3;

    /// Fits a pair of `rank`, at most `out`, to `weight` (out, in), in new memory of `arena`. Equal
    /// keys give equal pairs.
    static LowRankFit of(Tensor weight, int rank, long key, Arena arena, Threads threads) {
        int out = weight.rows();
        Tensor up = Tensor.allocate(arena, DType.F32, rank, out);
        OrthogonalMatrix.fill(up, 1, key, threads);
        Tensor down = Tensor.allocate(arena, DType.F32, weight.columns(), rank);
        try (EagerOps ops = Backends.choose().newOps(threads)) {
            float share = (float) (SHARE * squares(weight) / Math.min(out, weight.columns()));
            // Any orthonormal rows span everything when there are as many as outputs.
            for (int pass = 0; pass < PASSES && rank < out; pass++) {
                ops.begin();
                Tensor next = ops.linear(ops.project(up, weight), weight); // (rank, out)
                for (long i = 0; i < up.elements(); i++) {
                    up.set(i, next.get(i) + (share == 0 ? 1 : share) * up.get(i));
                }
                OrthogonalMatrix.orthonormalise(up, threads);
            }
            ops.begin();
            Tensor across = ops.project(up, weight); // (rank, in)
            for (int row = 0; row < rank; row++) {
                for (int column = 0; column < weight.columns(); column++) {
                    down.set(
                            (long) column * rank + row,
                            across.get((long) row * weight.columns() + column));
                }
            }
        }
        return new LowRankFit(down, up);
    }

    private static double squares(Tensor weight) {
        double sum = 0;
        for (long i = 0; i < weight.elements(); i++) {
            double value = weight.get(i);
            sum += value * value;
        }
        return sum;
    }
}
