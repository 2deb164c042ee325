package dev.anser.train.report;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anser.train.report.Curve.Point;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CurveTests {
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 7, 15, 17, 63, 65, 127, 1000})
    void upToAThousandPointsAreKept(int count) {
        Curve curve = new Curve();
        for (int i = 0; i < count; i++) {
            curve.add(point(i, i * 7 % 5));
        }
        assertThat(curve.points())
                .hasSize(count)
                .allMatch(point -> point.value() == point.step() * 7 % 5)
                .isSortedAccordingTo(Comparator.comparingDouble(Point::step));
    }

    @ParameterizedTest
    @ValueSource(ints = {1001, 1999, 4097, 1_000_000})
    void manyPointsKeepTheirExtremesAndEnds(int count) {
        Curve curve = new Curve();
        for (int i = 0; i < count; i++) {
            double value = i == count / 3 ? 50 : i == count / 2 ? -50 : Math.sin(i);
            curve.add(point(i, value));
        }
        List<Point> points = curve.points();
        assertThat(points)
                .hasSizeBetween(1000, 2002)
                .contains(point(count / 3, 50), point(count / 2, -50))
                .startsWith(point(0, 0))
                .endsWith(point(count - 1, Math.sin(count - 1)))
                .isSortedAccordingTo(Comparator.comparingDouble(Point::step));
        assertThat(curve.smoothed()).hasSizeBetween(500, 1000);
    }

    @Test
    void aSmoothedConstantIsTheConstant() {
        Curve curve = new Curve();
        for (int i = 0; i < 4321; i++) {
            curve.add(point(i, 3));
        }
        assertThat(curve.smoothed()).allMatch(point -> Math.abs(point.value() - 3) < 1e-12);
    }

    @Test
    void smoothingTakesTheNoiseAndLeavesTheStart() {
        Curve curve = new Curve();
        for (int i = 0; i < 2000; i++) {
            curve.add(point(i, 1 + 10 * Math.exp(-i / 20.0) + (i % 2 == 0 ? 0.5 : -0.5)));
        }
        List<Point> smoothed = curve.smoothed();
        assertThat(smoothed.getFirst().value()).isBetween(10.0, 11.0);
        assertThat(smoothed.subList(500, 1000))
                .allMatch(point -> Math.abs(point.value() - 1) < 0.01);
    }

    @Test
    void pointsWithoutAValueAreCountedAndBreakTheCurve() {
        Curve curve = new Curve();
        double[] values = {1, Double.NaN, 2, Double.POSITIVE_INFINITY, 3};
        for (int i = 0; i < values.length; i++) {
            curve.add(point(i, values[i]));
        }
        assertThat(curve.gaps()).isEqualTo(2);
        assertThat(curve.firstGap()).isEqualTo(1);
        assertThat(curve.points().stream().map(Point::isGap))
                .containsExactly(false, true, false, true, false);
        assertThat(curve.smoothed().stream().map(Point::isGap))
                .containsExactly(false, true, false, true, false);
    }

    private static Point point(int step, double value) {
        return new Point(step, 10.0 * step, step, value);
    }
}
