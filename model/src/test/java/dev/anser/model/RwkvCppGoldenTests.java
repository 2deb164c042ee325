package dev.anser.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The trained tiny models of rwkv.cpp's own tests, in every type that there is: byte models of
/// RWKV-4 to RWKV-7, and with 5v1 the only one of 5.0. They are read where the shared ones are.
class RwkvCppGoldenTests {
    private static final byte[] PROMPT =
            "\"in the beginning, the little gi".getBytes(StandardCharsets.US_ASCII);
    private static final int VOCABULARY = 256;

    private static Path file(String name) {
        Path file = Golden.shared("data/rwkv/rwkv.cpp-tests/" + name);
        assumeTrue(Files.exists(file));
        return file;
    }

    private static float[] logits(Loaded loaded, int count, int chunk) {
        int[] tokens = new int[count];
        Arrays.setAll(tokens, i -> PROMPT[i]);
        try (State state = loaded.model.newState()) {
            return loaded.logits(state, chunk, tokens);
        }
    }

    /// rwkv.cpp has the logits of its FP32 models. Those of other types differ from them by what
    /// rounding the weights does, and that is known from the official code.
    @ParameterizedTest
    @CsvSource({
        "4v0-660K,FP32,4,0",
        "4v0-660K,FP16,4,0.0016267",
        "4v0-660K,Q5_0,4,0.1229768",
        "4v0-660K,Q5_1,4,0.0961156",
        "5v1-730K,FP32,5.0,0",
        "5v1-730K,FP16,5.0,0.0044504",
        "5v1-730K,Q5_0,5.0,1.7430434",
        "5v1-730K,Q5_1,5.0,0.2784753",
        "5v2-730K,FP32,5.2,0",
        "5v2-730K,FP16,5.2,0.0025156",
        "5v2-730K,Q5_0,5.2,0.5096612",
        "5v2-730K,Q5_1,5.2,0.3707073",
        "6v0-3m,Q5_0,6.0,0.1566753",
        "6v0-3m,Q5_1,6.0,0.0756767",
        "7v0-834K,FP32,7.0,0",
        "7v0-834K,FP16,7.0,0",
        "7v0-834K,Q5_0,7.0,0.0037118",
        "7v0-834K,Q5_1,7.0,0.0041556"
    })
    void everyTypeDiffersFromTheExpectedLogitsByItsRoundingAlone(
            String name, String type, String version, double difference) throws IOException {
        byte[] bytes = Files.readAllBytes(file("expected-logits-" + name + ".bin"));
        ByteBuffer expected = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        try (Loaded loaded =
                new Loaded(file("tiny-rwkv-" + name + "-" + type + ".bin"), "vector", 2)) {
            assertThat(loaded.model.config().version()).isEqualTo(version);
            for (int chunk : new int[] {1, 3}) {
                float[] logits = logits(loaded, 3, chunk);
                double largest = 0;
                for (int i = 0; i < VOCABULARY; i++) {
                    double own = logits[2 * VOCABULARY + i] - expected.getFloat(4 * i);
                    largest = Math.max(largest, Math.abs(own));
                }
                assertThat(largest).isCloseTo(difference, within(5e-5));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "4v0-660K-FP32",
        "4v0-660K-Q5_1",
        "5v1-730K-FP32",
        "5v1-730K-Q5_1",
        "5v2-730K-FP32",
        "5v2-730K-Q5_1",
        "6v0-3m-Q5_1",
        "7v0-834K-FP32",
        "7v0-834K-Q5_1"
    })
    void everyPositionHasTheLogitsOfTheOfficialCode(String name) {
        Path golden = Golden.shared("golden/real/rwkvcpp-tiny/logits_per_position.npz");
        assumeTrue(Files.exists(golden));
        Map<String, Golden.Array> all = Golden.npz(golden);
        Golden.Array expected = Objects.requireNonNull(all.get(name), name);
        try (Loaded loaded = new Loaded(file("tiny-rwkv-" + name + ".bin"), "vector", 2)) {
            double worst = expected.largestDifference(logits(loaded, PROMPT.length, 7));
            System.out.printf("%s: logits %.1e%n", name, worst);
            assertThat(worst).isLessThan(1e-4);
        }
    }
}
