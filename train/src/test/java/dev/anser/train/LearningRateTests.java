package dev.anser.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.anser.train.LearningRate.Schedule;
import org.junit.jupiter.api.Test;

class LearningRateTests {
    private static final double FIRST = 6e-4;
    private static final double LAST = 6e-5;
    private static final long PER_STEP = 8192;
    private static final long STEPS = 1000;
    private static final long TOKENS = STEPS * PER_STEP;

    private static double at(Schedule schedule, long done) {
        return new LearningRate(FIRST, LAST, 10, schedule).at(done, PER_STEP, TOKENS);
    }

    @Test
    void theCosineIsTheOfficialFormula() {
        double factor = LAST / FIRST;
        for (long done : new long[] {10, 11, 137, 505, 999, 1000}) {
            double progress = (done * 8192.0 - 10 * 8192.0) / (TOKENS - 10 * 8192.0);
            double expected =
                    FIRST
                            * ((0.5 + factor / 2)
                                    + (0.5 - factor / 2) * Math.cos(Math.PI * progress));
            assertThat(at(Schedule.COSINE, done)).isCloseTo(expected, within(1e-18));
        }
    }

    @Test
    void theCosineBeginsAtTheFirstRateAndEndsAtTheLast() {
        assertThat(at(Schedule.COSINE, 10)).isCloseTo(FIRST, within(1e-18));
        assertThat(at(Schedule.COSINE, 505)).isCloseTo((FIRST + LAST) / 2, within(1e-18));
        assertThat(at(Schedule.COSINE, STEPS)).isCloseTo(LAST, within(1e-18));
        assertThat(at(Schedule.COSINE, 2 * STEPS)).isCloseTo(LAST, within(1e-18));
    }

    @Test
    void theWarmUpBeginsAtAHundredthAndRisesEvenly() {
        assertThat(at(Schedule.COSINE, 0)).isCloseTo(FIRST * 0.01, within(1e-18));
        assertThat(at(Schedule.COSINE, 5)).isCloseTo(FIRST * 0.505, within(1e-18));
        assertThat(at(Schedule.CONSTANT, 9)).isCloseTo(FIRST * 0.901, within(1e-18));
    }

    @Test
    void theLineIsStraightAndTheConstantStays() {
        assertThat(at(Schedule.LINEAR, 505)).isCloseTo((FIRST + LAST) / 2, within(1e-18));
        assertThat(at(Schedule.LINEAR, STEPS)).isCloseTo(LAST, within(1e-18));
        assertThat(at(Schedule.CONSTANT, STEPS)).isEqualTo(FIRST);
    }

    @Test
    void aRunThatIsAllWarmUpEndsNearTheLastRate() {
        double rate = new LearningRate(1, 0.5, 10, Schedule.COSINE).at(9, 1, 10);
        assertThat(rate).isCloseTo(0.5 * 0.901, within(1e-15));
    }

    @Test
    void ratesThatAreNotAboveZeroAreRefused() {
        assertThatThrownBy(() -> new LearningRate(0, 1, 0, Schedule.COSINE))
                .isInstanceOf(TrainingException.class)
                .hasMessageContaining("from 0.0 to 1.0");
        assertThatThrownBy(() -> new LearningRate(1, 1, -1, Schedule.COSINE))
                .hasMessageContaining("-1 steps");
    }
}
