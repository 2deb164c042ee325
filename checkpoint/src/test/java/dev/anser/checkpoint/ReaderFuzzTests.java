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

    @MethodSource("dev.anser.checkpoint.Seeds#safetensors")
    @FuzzTest(maxDuration = "", maxExecutions = INPUTS)
    void safetensors(byte[] input) {
        Reader.SAFETENSORS.accepts(input);
    }

    @MethodSource("dev.anser.checkpoint.Seeds#torchZip")
    @FuzzTest(maxDuration = "", maxExecutions = INPUTS)
    void torchZip(byte[] input) {
        Reader.TORCH_ZIP.accepts(input);
    }

    @MethodSource("dev.anser.checkpoint.Seeds#pickle")
    @FuzzTest(maxDuration = "", maxExecutions = INPUTS)
    void pickle(byte[] input) {
        Reader.PICKLE.accepts(input);
    }

    @MethodSource("dev.anser.checkpoint.Seeds#legacy")
    @FuzzTest(maxDuration = "", maxExecutions = INPUTS)
    void legacy(byte[] input) {
        Reader.LEGACY.accepts(input);
    }

    @MethodSource("dev.anser.checkpoint.Seeds#rwkvCpp")
    @FuzzTest(maxDuration = "", maxExecutions = INPUTS)
    void rwkvCpp(byte[] input) {
        Reader.RWKV_CPP.accepts(input);
    }

    @MethodSource("dev.anser.checkpoint.Seeds#gguf")
    @FuzzTest(maxDuration = "", maxExecutions = INPUTS)
    void gguf(byte[] input) {
        Reader.GGUF.accepts(input);
    }

    @MethodSource("dev.anser.checkpoint.Seeds#configuration")
    @FuzzTest(maxDuration = "", maxExecutions = INPUTS)
    void configuration(byte[] input) {
        Reader.CONFIGURATION.accepts(input);
    }

    @MethodSource("dev.anser.checkpoint.Seeds#index")
    @FuzzTest(maxDuration = "", maxExecutions = INPUTS)
    void index(byte[] input) {
        Reader.INDEX.accepts(input);
    }

    @MethodSource("dev.anser.checkpoint.Seeds#npy")
    @FuzzTest(maxDuration = "", maxExecutions = INPUTS)
    void npy(byte[] input) {
        Reader.NPY.accepts(input);
    }
}
