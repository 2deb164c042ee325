package dev.anser.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anser.tensor.Backends;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BenchCommandTests {
    private static final String NUMBER = "(null|[0-9.E-]+)";

    @TempDir Path folder;

    @Test
    void jsonHasTheAgreedMembers() {
        Run run =
                Run.of(
                        "bench",
                        Run.tinyModel(folder),
                        "-p",
                        7,
                        "-n",
                        3,
                        "-b",
                        2,
                        "-r",
                        2,
                        "--warmup",
                        0,
                        "-t",
                        1,
                        "--json");
        assertThat(run.code()).isZero();
        String members =
                "{'prefill':{'tokens':7,'tokensPerSecond':[#,#],'median':#},"
                        + "'decode':{'tokens':3,'batch':2,'tokensPerSecond':[#,#],'median':#,"
                        + "'gigabytesPerSecond':#},'readBandwidthGigabytesPerSecond':#,"
                        + "'modelBytes':1656704,'peakResidentBytes':#,'threads':1,'backend':'"
                        + Backends.choose().name()
                        + "'}";
        String pattern =
                Arrays.stream(members.replace('\'', '"').split("#"))
                        .map(Pattern::quote)
                        .collect(Collectors.joining(NUMBER));
        assertThat(run.out().strip()).matches(pattern);
    }

    @Test
    void theTableIsForPeople() {
        Run run = Run.of("bench", Run.tinyModel(folder), "-p", 0, "-n", 2, "-r", 1);
        assertThat(run.code()).isZero();
        assertThat(run.out()).contains("| tg2 | ", "GB/s").doesNotContain("| pp");
    }

    @Test
    void badNumbersAreNamed() {
        Path model = Run.tinyModel(folder);
        assertThat(Run.of("bench", model, "-p", 0, "-n", 0).code()).isEqualTo(2);
        Run batch = Run.of("bench", model, "-b", 0);
        assertThat(batch.code()).isEqualTo(2);
        assertThat(batch.err()).contains("-b is 0; expected 1 to 1024");
        assertThat(Run.of("bench", model, "-r", "x").code()).isEqualTo(2);
        assertThat(Run.of("bench").code()).isEqualTo(2);
    }
}
