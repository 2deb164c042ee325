package dev.anser.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.function.DoubleUnaryOperator;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;

class VectorMathTests {
    private interface Function {
        void run(long x, long y, int count);
    }

    /// The largest error of `function` over [from, to], in units in the last place of the exact
    /// value; whole vectors and what is left over alike.
    private static double worst(
            float from, float to, Function function, DoubleUnaryOperator exact) {
        int steps = 400_003;
        double worst = 0;
        try (Arena arena = Arena.ofConfined()) {
            Tensor x = Tensor.allocate(arena, DType.F32, steps);
            Tensor y = Tensor.allocate(arena, DType.F32, steps);
            Tensor alone = Tensor.allocate(arena, DType.F32, 1);
            for (int i = 0; i < steps; i++) {
                x.set(i, from + (to - from) * i / steps);
            }
            function.run(x.address(), y.address(), steps);
            for (int i = 0; i < steps; i++) {
                double truth = exact.applyAsDouble(x.get(i));
                worst = Math.max(worst, Math.abs(y.get(i) - truth) / Math.ulp((float) truth));
                if (i % 1000 == 0) {
                    function.run(x.address() + 4L * i, alone.address(), 1);
                    assertThat(alone.get(0)).as("alone and in a vector").isEqualTo(y.get(i));
                }
            }
        }
        return worst;
    }

    @Test
    void expIsWithinTwoUnitsInTheLastPlace() {
        assertThat(worst(-87, 88, VectorMath::exp, Math::exp)).isLessThan(2);
    }

    @Test
    void tanhIsWithinThreeUnitsInTheLastPlace() {
        assertThat(worst(-10, 10, VectorMath::tanh, Math::tanh)).isLessThan(3);
        assertThat(worst(-1e-3f, 1e-3f, VectorMath::tanh, Math::tanh)).isLessThan(3);
    }

    @Test
    void sigmoidIsWithinThreeUnitsInTheLastPlace() {
        assertThat(worst(-80, 80, VectorMath::sigmoid, x -> 1 / (1 + Math.exp(-x)))).isLessThan(3);
    }

    @Test
    void sumAddsByHalves() {
        float[] x = new float[Lanes.COUNT];
        for (int lane = 0; lane < x.length; lane++) {
            x[lane] = (float) Math.sin(lane + 1);
        }
        float[] expected = x.clone();
        for (int half = x.length / 2; half >= 1; half /= 2) {
            for (int lane = 0; lane < half; lane++) {
                expected[lane] += expected[lane + half];
            }
        }
        assertThat(VectorMath.sum(FloatVector.fromArray(Lanes.FLOATS, x, 0)))
                .isEqualTo(expected[0]);
    }
}
