package dev.anser.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class DoctorCommandTests {
    @Test
    void theMachineIsDescribed() {
        Run run = Run.of("doctor");
        assertThat(run.code()).isZero();
        assertThat(run.out()).contains("Java ", "backend ", "threads ", "GB/s with one thread");
    }

    @Test
    void jsonHasTheBandwidth() {
        Run run = Run.of("doctor", "--json");
        assertThat(run.code()).isZero();
        assertThat(run.out())
                .contains(
                        "\"readBandwidthGigabytesPerSecond\":", "\"backend\":\"", "\"advice\":[\"");
    }
}
