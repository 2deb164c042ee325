package dev.anser.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anser.base.AnserException;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ThreadsTests {
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 8})
    void everyPartRunsExactlyOnceInManyRuns(int count) {
        try (Threads threads = new Threads(count)) {
            for (int run = 0; run < 2_000; run++) {
                int parts = 1 + run % 37;
                AtomicIntegerArray seen = new AtomicIntegerArray(parts);
                threads.run((part, worker) -> seen.incrementAndGet(part), parts);
                for (int part = 0; part < parts; part++) {
                    assertThat(seen.get(part)).isEqualTo(1);
                }
            }
        }
    }

    @Test
    void runsAfterItsWorkersWentToSleep() {
        try (Threads threads = new Threads(3)) {
            for (int run = 0; run < 20; run++) {
                LockSupport.parkNanos(5_000_000);
                AtomicIntegerArray seen = new AtomicIntegerArray(64);
                threads.run((part, worker) -> seen.incrementAndGet(part), 64);
                for (int part = 0; part < 64; part++) {
                    assertThat(seen.get(part)).isEqualTo(1);
                }
            }
        }
    }

    @Test
    void workersAreNumberedBelowTheCount() {
        try (Threads threads = new Threads(3)) {
            AtomicIntegerArray seen = new AtomicIntegerArray(3);
            threads.run((part, worker) -> seen.incrementAndGet(worker), 1_000);
            assertThat(seen.get(0) + seen.get(1) + seen.get(2)).isEqualTo(1_000);
        }
    }

    @Test
    void anExceptionOfAPartReachesTheCallerAndTheTeamGoesOn() {
        try (Threads threads = new Threads(2)) {
            assertThatThrownBy(() ->
                            threads.run(
                                    (part, worker) -> {
                                        if (part == 5) {
                                            throw new AnserException("part five");
                                        }
                                    },
                                    10))
                    .isInstanceOf(AnserException.class)
                    .hasMessage("part five");
            AtomicIntegerArray seen = new AtomicIntegerArray(10);
            threads.run((part, worker) -> seen.incrementAndGet(part), 10);
            assertThat(seen.get(9)).isEqualTo(1);
        }
    }

    @Test
    void twoCallersShareOneTeam() throws InterruptedException {
        try (Threads threads = new Threads(2)) {
            AtomicIntegerArray seen = new AtomicIntegerArray(2);
            Runnable caller =
                    () -> {
                        for (int run = 0; run < 2_000; run++) {
                            threads.run((part, worker) -> seen.incrementAndGet(part % 2), 8);
                        }
                    };
            Thread one = Thread.ofPlatform().start(caller);
            Thread two = Thread.ofPlatform().start(caller);
            one.join();
            two.join();
            assertThat(seen.get(0)).isEqualTo(2 * 2_000 * 4);
            assertThat(seen.get(1)).isEqualTo(2 * 2_000 * 4);
        }
    }

    @Test
    void refusesImpossibleTeams() {
        assertThatThrownBy(() -> new Threads(0)).hasMessageContaining("choose 1 to 1024");
    }
}
