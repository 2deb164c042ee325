package dev.anser.model.rwkv7;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.anser.base.AnserException;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class Rwkv7InitialTests {
    private static final Rwkv7Initial.Sizes SMALL =
            new Rwkv7Initial.Sizes(3, 64, 32, 50, 8, 8, 4, 16);

    private static Map<String, Rwkv7Initial.Weight> byName(Rwkv7Initial initial) {
        return initial.weights().stream()
                .collect(Collectors.toMap(Rwkv7Initial.Weight::name, Function.identity()));
    }

    private static float[] values(Rwkv7Initial.Weight weight) {
        float[] values = new float[Math.toIntExact(weight.shape().elements())];
        weight.fill(0, values, values.length);
        return values;
    }

    private static Rwkv7Initial.Weight weight(
            Map<String, Rwkv7Initial.Weight> weights, String name) {
        return Objects.requireNonNull(weights.get(name), name);
    }

    @Test
    void presetsHaveTheParametersOfTheOfficialModels() {
        assertThat(Rwkv7Initial.preset("0.1b", 0).parameters()).isEqualTo(191_084_544L);
        assertThat(Rwkv7Initial.preset("0.4b", 0).parameters()).isEqualTo(450_834_432L);
        assertThat(Rwkv7Initial.preset("2.9b", 0).parameters())
                .isBetween(2_900_000_000L, 3_000_000_000L);
        assertThatThrownBy(() -> Rwkv7Initial.preset("7b", 0))
                .isInstanceOf(AnserException.class)
                .hasMessageContaining("7b")
                .hasMessageContaining("0.1b, 0.4b, 1.5b, 2.9b");
    }

    @Test
    void vectorsHaveTheOfficialFirstValues() {
        Map<String, Rwkv7Initial.Weight> weights = byName(Rwkv7Initial.of(SMALL, 1));
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
    void matricesFollowTheSeedAndThePositionAlone() {
        Rwkv7Initial.Weight weight =
                weight(byName(Rwkv7Initial.of(SMALL, 7)), "blocks.1.att.key.weight");
        float[] whole = values(weight);
        float[] part = new float[100];
        weight.fill(1000, part, 100);
        for (int i = 0; i < part.length; i++) {
            assertThat(part[i]).isEqualTo(whole[1000 + i]);
        }
        assertThat(values(weight(byName(Rwkv7Initial.of(SMALL, 7)), "blocks.1.att.key.weight")))
                .isEqualTo(whole);
        assertThat(values(weight(byName(Rwkv7Initial.of(SMALL, 8)), "blocks.1.att.key.weight")))
                .isNotEqualTo(whole);
        assertThat(values(weight(byName(Rwkv7Initial.of(SMALL, 7)), "blocks.2.att.key.weight")))
                .isNotEqualTo(whole);
    }

    @Test
    void matricesAreEvenBetweenTheirBounds() {
        float[] values =
                values(weight(byName(Rwkv7Initial.of(SMALL, 3)), "blocks.0.ffn.key.weight"));
        double bound = 0.5 / 8;
        double sum = 0;
        double squares = 0;
        for (float value : values) {
            assertThat(Math.abs(value)).isLessThanOrEqualTo((float) bound).isPositive();
            sum += value;
            squares += value * value;
        }
        double deviation = Math.sqrt(squares / values.length);
        assertThat(sum / values.length).isCloseTo(0, within(0.002));
        assertThat(deviation).isCloseTo(bound / Math.sqrt(3), within(0.001));
    }
}
