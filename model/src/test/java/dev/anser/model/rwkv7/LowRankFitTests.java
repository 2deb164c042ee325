package dev.anser.model.rwkv7;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.anser.model.OrthogonalMatrix;
import dev.anser.tensor.DType;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class LowRankFitTests {
    private final Arena arena = Arena.ofShared();
    private final Threads threads = new Threads(2);

    @AfterEach
    void free() {
        threads.close();
        arena.close();
    }

    /// A matrix (out, in) with the singular values `decay^i`.
    private Tensor matrix(int out, int in, double decay) {
        int rank = Math.min(out, in);
        Tensor left = Tensor.allocate(arena, DType.F32, rank, out);
        Tensor right = Tensor.allocate(arena, DType.F32, rank, in);
        OrthogonalMatrix.fill(left, 1, 1, threads);
        OrthogonalMatrix.fill(right, 1, 2, threads);
        Tensor matrix = Tensor.allocate(arena, DType.F32, out, in);
        for (int row = 0; row < out; row++) {
            for (int column = 0; column < in; column++) {
                double sum = 0;
                for (int i = 0; i < rank; i++) {
                    sum +=
                            Math.pow(decay, i)
                                    * left.get((long) i * out + row)
                                    * right.get((long) i * in + column);
                }
                matrix.set((long) row * in + column, (float) sum);
            }
        }
        return matrix;
    }

    /// The root of the sum of the squares of what `fit` misses of `weight`.
    private static double missed(Tensor weight, LowRankFit fit) {
        int rank = fit.up().rows();
        double squares = 0;
        for (int out = 0; out < weight.rows(); out++) {
            for (int in = 0; in < weight.columns(); in++) {
                double rest = weight.get((long) out * weight.columns() + in);
                for (int i = 0; i < rank; i++) {
                    rest -=
                            (double) fit.down().get((long) in * rank + i)
                                    * fit.up().get((long) i * weight.rows() + out);
                }
                squares += rest * rest;
            }
        }
        return Math.sqrt(squares);
    }

    @ParameterizedTest
    @CsvSource({"70,70,8,0.8", "40,90,5,0.9", "90,40,39,0.97", "33,33,1,0.5"})
    void pairMissesHardlyMoreThanTheSmallestSingularValues(
            int out, int in, int rank, double decay) {
        Tensor weight = matrix(out, in, decay);
        double squares = 0;
        for (int i = rank; i < Math.min(out, in); i++) {
            squares += Math.pow(decay, 2 * i);
        }
        double least = Math.sqrt(squares);
        double missed = missed(weight, LowRankFit.of(weight, rank, 3, arena, threads));
        assertThat(missed).isBetween(0.999 * least, 1.02 * least);
    }

    @Test
    void pairOfFullRankMissesNothing() {
        Tensor weight = matrix(17, 31, 0.9);
        LowRankFit fit = LowRankFit.of(weight, 17, 3, arena, threads);
        assertThat(missed(weight, fit)).isCloseTo(0, within(1e-5));
    }

    @Test
    void aWeightOfLowerRankOrOfZerosHasAPairToo() {
        Tensor zero = Tensor.allocate(arena, DType.F32, 20, 20);
        assertThat(missed(zero, LowRankFit.of(zero, 5, 3, arena, threads))).isZero();
        Tensor one = matrix(20, 20, 1e-9); // of rank 1
        assertThat(missed(one, LowRankFit.of(one, 5, 3, arena, threads))).isLessThan(1e-5);
    }
}
