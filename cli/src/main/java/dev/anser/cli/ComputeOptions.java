package dev.anser.cli;

import dev.anser.tensor.Threads;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// What commands that compute have in common.
final class ComputeOptions {
    @Option(
            names = {"-t", "--threads"},
            paramLabel = "N",
            description =
                    "Threads that compute, 1 to 1024. Default: ANSER_THREADS, else one per processor.")
    private @Nullable Integer threads;

    ComputeOptions() {}

    int threads() {
        return threads == null ? Threads.defaultCount() : threads;
    }
}
