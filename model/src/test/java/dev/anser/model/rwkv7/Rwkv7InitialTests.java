package dev.anser.model.rwkv7;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.anser.base.AnserException;
import dev.anser.model.InitialWeight;
import dev.anser.model.InitialWeights;
import dev.anser.tensor.DType;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.lang.foreign.Arena;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class Rwkv7InitialTests {
    private static final Rwkv7Initial.Sizes SMALL =
            new Rwkv7Initial.Sizes(3, 64, 32, 50, 8, 8, 4, 16);

    private static Map<String, InitialWeight> byName(InitialWeights initial) {
        return initial.weights().stream()
                .collect(Collectors.toMap(InitialWeight::name, Function.identity()));
    }

    private static float[] values(InitialWeight weight) {
        return values(weight, DType.F32, 1);
    }

    private static float[] values(InitialWeight weight, DType dtype, int count) {
        try (Arena arena = Arena.ofShared();
                Threads threads = new Threads(count)) {
            Tensor tensor = Tensor.allocate(arena, dtype, weight.shape().sizes());
            weight.fill(tensor, threads);
            return tensor.toFloats();
        }
    }

    private static InitialWeight weight(Map<String, InitialWeight> weights, String name) {
        return Objects.requireNonNull(weights.get(name), name);
    }

    @Test
    void presetsHaveTheParametersOfTheOfficialModels() {
        assertThat(Rwkv7Initial.of(Rwkv7Initial.preset("0.1b"), 0).parameters())
                .isEqualTo(191_084_544L);
        assertThat(Rwkv7Initial.of(Rwkv7Initial.preset("0.4b"), 0).parameters())
                .isEqualTo(450_834_432L);
        assertThat(Rwkv7Initial.of(Rwkv7Initial.preset("2.9b"), 0).parameters())
                .isBetween(2_900_000_000L, 3_000_000_000L);
        assertThatThrownBy(() -> Rwkv7Initial.preset("7b"))
                .isInstanceOf(AnserException.class)
                .hasMessageContaining("7b")
                .hasMessageContaining("0.1b, 0.4b, 1.5b, 2.9b");
    }

    @Test
    void vectorsHaveTheOfficialFirstValues() {
        Map<String, InitialWeight> weights = byName(Rwkv7Initial.of(SMALL, 1));
        float[] shift = values(weight(weights, "blocks.1.att.x_r"));
        assertThat(shift[0]).isEqualTo(1);
        assertThat(shift[16]).isCloseTo((float) (1 - Math.pow(0.25, 0.2 * 2 / 3)), within(1e-6f));
        float[] decay = values(weight(weights, "blocks.0.att.w0"));
        // n = 0: the slope is -6, the zigzag -1; n = 63: 0 and 1.
        assertThat(decay[0]).isCloseTo(-6 + 0.5f - 2.5f, within(1e-5f));
        assertThat(decay[63]).isCloseTo(0.5f + 2.5f, within(1e-5f));
        assertThat(values(weight(weights, "blocks.2.att.a0"))[0]).isCloseTo(-0.69f, within(1e-5f));
        assertThat(values(weight(weights, "blocks.2.att.v0"))[63]).isCloseTo(0.53f, within(1e-5f));
        assertThat(values(weight(weights, "blocks.2.att.k_k"))[0]).isCloseTo(0.76f, within(1e-5f));
        assertThat(values(weight(weights, "blocks.0.att.k_a"))).containsOnly(1.02f);
        assertThat(values(weight(weights, "blocks.0.att.r_k"))).containsOnly(-0.04f);
        assertThat(values(weight(weights, "blocks.2.att.ln_x.weight"))).containsOnly(1f);
        assertThat(values(weight(weights, "blocks.0.att.ln_x.weight"))[5])
                .isCloseTo((float) Math.pow(1 / 3.0, 0.7), within(1e-6f));
    }

    @Test
    void theOfficialSizesHaveTheOfficialRanks() {
        assertThat(Rwkv7Initial.Sizes.of(12, 768, 64, 65536))
                .isEqualTo(Rwkv7Initial.preset("0.1b"));
        assertThat(Rwkv7Initial.Sizes.of(24, 2048, 64, 65536))
                .extracting(
                        Rwkv7Initial.Sizes::decayRank,
                        Rwkv7Initial.Sizes::valueRank,
                        Rwkv7Initial.Sizes::gateRank)
                .containsExactly(128, 64, 224);
        assertThat(Rwkv7Initial.Sizes.of(2, 32, 16, 12).gateRank()).isEqualTo(32);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "blocks.1.att.key.weight",
                "blocks.1.att.w2",
                "blocks.1.ffn.key.weight",
                "blocks.1.att.output.weight"
            })
    void matricesFollowTheSeedAndTheNameAlone(String name) {
        for (boolean official : new boolean[] {false, true}) {
            float[] first = values(weight(byName(initial(official, 7)), name), DType.F32, 1);
            assertThat(values(weight(byName(initial(official, 7)), name), DType.F32, 3))
                    .isEqualTo(first);
            if (official && name.contains("output")) {
                assertThat(first).containsOnly(0f);
                continue;
            }
            assertThat(values(weight(byName(initial(official, 8)), name))).isNotEqualTo(first);
            String other = name.replace(".1.", ".2.");
            assertThat(values(weight(byName(initial(official, 7)), other))).isNotEqualTo(first);
        }
    }

    private static InitialWeights initial(boolean official, long seed) {
        return official ? Rwkv7Initial.training(SMALL, seed) : Rwkv7Initial.of(SMALL, seed);
    }

    @Test
    void halfPrecisionIsTheRoundedSinglePrecision() {
        InitialWeight weight =
                weight(byName(Rwkv7Initial.training(SMALL, 1)), "blocks.0.ffn.key.weight");
        float[] exact = values(weight);
        float[] rounded = values(weight, DType.BF16, 2);
        for (int i = 0; i < exact.length; i++) {
            assertThat(rounded[i])
                    .isEqualTo(Float.intBitsToFloat(Tensor.floatToBfloat16(exact[i]) << 16));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "blocks.1.att.receptance.weight, 1",
        "blocks.1.att.key.weight, 0.1",
        "blocks.1.att.w2, 0.1",
        "blocks.2.ffn.key.weight, 1",
        "head.weight, 0.5"
    })
    void trainingBeginsWithOrthogonalMatrices(String name, double gain) {
        InitialWeight weight = weight(byName(Rwkv7Initial.training(SMALL, 5)), name);
        int out = (int) weight.shape().size(0);
        int in = (int) weight.shape().size(1);
        float[] values = values(weight);
        boolean rows = out <= in;
        int count = Math.min(out, in);
        int length = Math.max(out, in);
        for (int i = 0; i < count; i++) {
            for (int j = 0; j <= i; j++) {
                double dot = 0;
                for (int c = 0; c < length; c++) {
                    double a = rows ? values[i * in + c] : values[c * in + i];
                    double b = rows ? values[j * in + c] : values[c * in + j];
                    dot += a * b;
                }
                assertThat(dot).isCloseTo(i == j ? gain * gain : 0, within(2e-6 * gain * gain));
            }
        }
    }

    @Test
    void matricesAreEvenBetweenTheirBounds() {
        float[] values =
                values(weight(byName(Rwkv7Initial.of(SMALL, 3)), "blocks.0.ffn.key.weight"));
        double bound = Math.sqrt(3.0 / 256);
        double sum = 0;
        double squares = 0;
        for (float value : values) {
            assertThat(Math.abs(value)).isLessThanOrEqualTo((float) bound).isPositive();
            sum += value;
            squares += value * value;
        }
        double deviation = Math.sqrt(squares / values.length);
        assertThat(sum / values.length).isCloseTo(0, within(0.004));
        assertThat(deviation).isCloseTo(bound / Math.sqrt(3), within(0.001));
    }
}
