package dev.anser.train.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TicksTests {
    @Test
    void labelsAreRoundAndHaveTheDigitsThatTheyNeed() {
        assertThat(labels(0, 4000, 9)).isEqualTo("0 500 1000 1500 2000 2500 3000 3500 4000");
        assertThat(labels(1.31, 1.62, 5)).isEqualTo("1.4 1.5 1.6");
        assertThat(labels(0, 6.3e-4, 5)).isEqualTo("0 2e-4 4e-4 6e-4");
        assertThat(labels(0, 33e6, 5)).isEqualTo("0 10 M 20 M 30 M");
        assertThat(labels(0, 15_500, 5)).isEqualTo("0 5 k 10 k 15 k");
        assertThat(labels(-1, 1, 4)).isEqualTo("-1.0 -0.5 0 0.5 1.0");
    }

    @Test
    void hostileRangesGiveFewTicks() {
        assertThat(Ticks.within(0, Double.MIN_VALUE, 5).count()).isLessThanOrEqualTo(20);
        assertThat(Ticks.within(1e308, 1.1e308, 5).count()).isLessThanOrEqualTo(20);
        assertThat(Ticks.within(1, Math.nextUp(1), 5).count()).isLessThanOrEqualTo(20);
    }

    @Test
    void numbersAreForPeople() {
        assertThat(Ticks.number(1.36512)).isEqualTo("1.365");
        assertThat(Ticks.number(32_768_000)).isEqualTo("32.77 M");
        assertThat(Ticks.number(14_100)).isEqualTo("14.10 k");
        assertThat(Ticks.number(6e-4)).isEqualTo("6.00e-04");
        assertThat(Ticks.number(Double.NaN)).isEqualTo("–");
        assertThat(Ticks.whole(-4000)).isEqualTo("-4\u202f000");
        assertThat(Ticks.time(0.56)).isEqualTo("0.6 s");
        assertThat(Ticks.time(3725)).isEqualTo("1 h 2 min");
    }

    private static String labels(double low, double high, int wanted) {
        Ticks ticks = Ticks.within(low, high, wanted);
        return String.join(" ", IntStream.range(0, ticks.count()).mapToObj(ticks::label).toList());
    }
}
