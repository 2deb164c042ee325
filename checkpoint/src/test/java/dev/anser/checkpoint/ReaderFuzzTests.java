package dev.anser.checkpoint;

import com.code_intelligence.jazzer.junit.FuzzTest;

import org.junit.jupiter.params.provider.MethodSource;

/// Lets Jazzer look for inputs that break a reader, guided by coverage.
///
/// In `verify` Jazzer only repeats the seeds and any input in `ReaderFuzzTestsInputs`; with
/// `-Pnightly` each reader gets 100 000 inputs of its own. What it finds goes into
/// `ReaderFuzzTestsInputs` and stays there as a test.
class ReaderFuzzTests {
    private static final long INPUTS = 100_000;

    @FuzzTest(maxDuration = "", maxExecutions = INPUTS)
    @MethodSource("dev.anser.checkpoint.Seeds#safetensors")
    void safetensors(byte[] input) {
        Reader.SAFETENSORS.accepts(input);
    }

    @FuzzTest(maxDuration = "", maxExecutions = INPUTS)
    @MethodSource("dev.anser.checkpoint.Seeds#torchZip")
    void torchZip(byte[] input) {
        Reader.TORCH_ZIP.accepts(input);
    }

    @FuzzTest(maxDuration = "", maxExecutions = INPUTS)
    @MethodSource("dev.anser.checkpoint.Seeds#pickle")
    void pickle(byte[] input) {
        Reader.PICKLE.accepts(input);
    }

    @FuzzTest(maxDuration = "", maxExecutions = INPUTS)
    @MethodSource("dev.anser.checkpoint.Seeds#legacy")
    void legacy(byte[] input) {
        Reader.LEGACY.accepts(input);
    }

    @FuzzTest(maxDuration = "", maxExecutions = INPUTS)
    @MethodSource("dev.anser.checkpoint.Seeds#rwkvCpp")
    void rwkvCpp(byte[] input) {
        Reader.RWKV_CPP.accepts(input);
    }

    @FuzzTest(maxDuration = "", maxExecutions = INPUTS)
    @MethodSource("dev.anser.checkpoint.Seeds#npy")
    void npy(byte[] input) {
        Reader.NPY.accepts(input);
    }
}
