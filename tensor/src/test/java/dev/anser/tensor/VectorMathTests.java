package dev.anser.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.function.DoubleUnaryOperator;
import java.util.function.UnaryOperator;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;

class VectorMathTests {
    /// The largest error of `function` over [from, to], in units in the last place of the exact
    /// value.
    private static double worst(
            float from, float to, UnaryOperator<FloatVector> function, DoubleUnaryOperator exact) {
        double worst = 0;
        int steps = 400_000;
        float[] x = new float[Lanes.COUNT];
        for (int i = 0; i < steps; i += x.length) {
            for (int lane = 0; lane < x.length; lane++) {
                x[lane] = from + (to - from) * (i + lane) / steps;
            }
            float[] y = function.apply(FloatVector.fromArray(Lanes.FLOATS, x, 0)).toArray();
            for (int lane = 0; lane < x.length; lane++) {
                double truth = exact.applyAsDouble(x[lane]);
                worst = Math.max(worst, Math.abs(y[lane] - truth) / Math.ulp((float) truth));
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
