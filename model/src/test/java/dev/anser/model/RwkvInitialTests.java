package dev.anser.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.anser.base.AnserException;
import dev.anser.checkpoint.TensorCheckpoint;
import dev.anser.model.RwkvInitial.Sizes;
import dev.anser.model.RwkvInitial.Version;
import dev.anser.tensor.Backends;
import dev.anser.tensor.DType;
import dev.anser.tensor.EagerOps;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.lang.foreign.Arena;
import java.util.Map;
import java.util.SequencedMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class RwkvInitialTests {
    /// Three layers of two heads of 32.
    private static Sizes small(Version version) {
        return new Sizes(version, 3, 64, 32, 50, 8, 4);
    }

    private static float[] values(InitialWeights weights, String name) {
        InitialWeight weight =
                weights.weights().stream()
                        .filter(each -> each.name().equals(name))
                        .findFirst()
                        .orElseThrow();
        try (Arena arena = Arena.ofShared();
                Threads threads = new Threads(1)) {
            Tensor tensor = Tensor.allocate(arena, DType.F32, weight.shape().sizes());
            weight.fill(tensor, threads);
            return tensor.toFloats();
        }
    }

    @ParameterizedTest
    @CsvSource({
        // Embedding and head 2VC; a layer of RWKV-4 13C² and 11C, and so on.
        "rwkv4-0.1b, 169342464",
        "rwkv4-14b, 14148597760",
        "rwkv5-1.5b, 1577754624",
        "rwkv6-1.6b, 1599873024",
    })
    void presetsHaveTheParametersOfTheOfficialModels(String preset, long parameters) {
        assertThat(RwkvInitial.of(RwkvInitial.preset(preset), 0).parameters())
                .isEqualTo(parameters);
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void theWeightsAreAModelOfTheirVersion(Version version) {
        try (Arena arena = Arena.ofShared();
                Threads threads = new Threads(2)) {
            InitialWeights initial = RwkvInitial.of(small(version), 1);
            SequencedMap<String, Tensor> tensors = initial.tensors(arena, threads);
            TensorCheckpoint checkpoint =
                    new TensorCheckpoint("new", "safetensors", tensors, Map.of());
            assertThat(Architectures.describe(checkpoint))
                    .extracting(
                            ModelConfig::architecture,
                            ModelConfig::layers,
                            ModelConfig::width,
                            ModelConfig::feedForward,
                            ModelConfig::vocabulary)
                    .containsExactly(
                            initial.architecture(),
                            3,
                            64,
                            version == Version.RWKV4 ? 256 : 224,
                            50);
            try (LanguageModel model = Architectures.load(checkpoint);
                    State state = model.newState();
                    EagerOps ops = Backends.choose().newOps(threads)) {
                float[] logits =
                        model.forward(ops, Batch.of(state, Batch.Logits.ALL, 3, 1, 4, 1))
                                .toFloats();
                for (int i = 0; i < 50; i++) {
                    assertThat(logits[50 + i]).isFinite().isNotEqualTo(logits[150 + i]);
                }
            }
        }
    }

    @Test
    void vectorsHaveTheOfficialFirstValues() {
        InitialWeights four = RwkvInitial.training(small(Version.RWKV4), 1);
        float[] decay = values(four, "blocks.1.att.time_decay");
        assertThat(decay[0]).isEqualTo(-5);
        assertThat(decay[63]).isEqualTo(3);
        assertThat(decay[21]).isCloseTo((float) (-5 + 8 * Math.pow(1 / 3.0, 1.35)), within(1e-5f));
        assertThat(values(four, "blocks.2.att.time_first"))
                .startsWith(
                        (float) Math.log(0.3),
                        (float) (Math.log(0.3) + 0.5),
                        (float) (Math.log(0.3) - 0.5));
        float[] value = values(four, "blocks.2.att.time_mix_v");
        assertThat(value[32]).isCloseTo((float) (Math.pow(0.5, 1 / 3.0) + 0.3), within(1e-6f));
        float[] receptance = values(four, "blocks.0.att.time_mix_r");
        assertThat(receptance[16]).isCloseTo(0.5f, within(1e-6f));

        InitialWeights five = RwkvInitial.training(small(Version.RWKV5), 1);
        assertThat(values(five, "blocks.0.att.time_decay")[63]).isEqualTo(-1);
        float[] bonus = values(five, "blocks.2.att.time_faaaa");
        assertThat(bonus).startsWith(1f).endsWith(0f);
        assertThat(bonus[1]).isCloseTo((float) (1 - 1 / 63.0 + 0.1), within(1e-6f));

        InitialWeights six = RwkvInitial.training(small(Version.RWKV6), 1);
        float[] own = values(five, "blocks.1.att.time_mix_v");
        float[] previous = values(six, "blocks.1.att.time_maa_v");
        for (int i = 0; i < own.length; i++) {
            assertThat(previous[i]).isCloseTo(1 - own[i], within(1e-6f));
        }
        assertThat(values(six, "blocks.1.ffn.time_maa_k")[32])
                .isCloseTo((float) (1 - Math.pow(0.5, 8 / 27.0)), within(1e-6f));
        assertThat(values(six, "blocks.1.att.time_maa_w1")).containsOnly(0);
        for (float each : values(six, "blocks.1.att.time_decay_w2")) {
            assertThat(each).isBetween(-0.01f, 0.01f);
        }
    }

    @Test
    void impossibleSizesAreRefused() {
        assertThatThrownBy(() -> RwkvInitial.of(new Sizes(Version.RWKV5, 1, 64, 48, 9, 1, 1), 0))
                .isInstanceOf(AnserException.class)
                .hasMessageContaining("heads that fill the width");
        assertThatThrownBy(() -> RwkvInitial.of(new Sizes(Version.RWKV6, 0, 64, 32, 9, 0, 1), 0))
                .hasMessageContaining("one layer")
                .hasMessageContaining("ranks");
        assertThatThrownBy(() -> RwkvInitial.preset("rwkv4-9b"))
                .hasMessageContaining("rwkv4-9b")
                .hasMessageContaining("rwkv4-14b");
    }
}
