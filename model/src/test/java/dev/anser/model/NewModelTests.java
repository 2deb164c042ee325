package dev.anser.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.anser.base.AnserException;
import dev.anser.checkpoint.TensorCheckpoint;
import dev.anser.tensor.Backends;
import dev.anser.tensor.DType;
import dev.anser.tensor.EagerOps;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/// New models of every family: what their sizes are, and what they begin with.
class NewModelTests {
    private static final Map<String, Integer> SMALL =
            Map.of("layers", 3, "width", 64, "vocabulary", 50);

    static List<String> families() {
        return Architectures.newFamilies();
    }

    private static NewModel create(String family, Object... more) {
        Map<String, Integer> sizes = new HashMap<>(SMALL);
        for (int i = 0; i < more.length; i += 2) {
            sizes.put((String) more[i], (Integer) more[i + 1]);
        }
        return Architectures.create(family, new NamedSizes(sizes));
    }

    private static float[] values(InitialWeights weights, String name, int count) {
        InitialWeight weight =
                weights.weights().stream()
                        .filter(each -> each.name().equals(name))
                        .findFirst()
                        .orElseThrow();
        try (Arena arena = Arena.ofShared();
                Threads threads = new Threads(count)) {
            Tensor tensor = Tensor.allocate(arena, DType.F32, weight.shape().sizes());
            weight.fill(tensor, threads);
            return tensor.toFloats();
        }
    }

    @Test
    void everyFamilyCanBeBegun() {
        assertThat(families())
                .containsExactly("gptneox", "llama", "retnet", "rwkv4", "rwkv5", "rwkv6", "rwkv7");
    }

    @ParameterizedTest
    @MethodSource("families")
    void theWeightsAreAModelOfTheirFamily(String family) {
        NewModel model = create(family, "feedForward", 88);
        for (InitialWeights initial : List.of(model.training(1), model.random(1))) {
            try (Arena arena = Arena.ofShared();
                    Threads threads = new Threads(2)) {
                TensorCheckpoint checkpoint =
                        new TensorCheckpoint(
                                "new",
                                "safetensors",
                                initial.tensors(arena, threads),
                                Map.of(),
                                initial.configuration());
                assertThat(Architectures.describe(checkpoint))
                        .extracting(
                                ModelConfig::architecture,
                                ModelConfig::layers,
                                ModelConfig::width,
                                ModelConfig::feedForward,
                                ModelConfig::vocabulary)
                        .containsExactly(family, 3, 64, 88, 50);
                assertThat(Architectures.configuration(checkpoint))
                        .isEqualTo(initial.configuration());
                try (LanguageModel loaded = Architectures.load(checkpoint);
                        State state = loaded.newState();
                        EagerOps ops = Backends.choose().newOps(threads)) {
                    Batch batch = Batch.of(state, Batch.Logits.LAST, 3, 1, 4, 1);
                    assertThat(loaded.forward(ops, batch).toFloats()).hasSize(50);
                    // In RWKV-7's first layer the value residual has no effect.
                    long without = family.equals("rwkv7") ? 64 + 2 * 32 * 64 : 0;
                    assertThat(loaded.parameters()).isEqualTo(initial.parameters() - without);
                }
            }
        }
    }

    @Test
    void sizesThatAreNotGivenAreThoseOfTheReferenceCode() {
        assertThat(create("llama", "width", 128).training(0).configuration())
                .containsEntry("num_attention_heads", 2)
                .containsEntry("num_key_value_heads", 2)
                .containsEntry("intermediate_size", 352);
        assertThat(create("gptneox", "width", 128).training(0).configuration())
                .containsEntry("num_attention_heads", 2)
                .containsEntry("intermediate_size", 512);
        // torchscale's base model: 512 channels, 864 values, a feed-forward part of 864.
        assertThat(create("retnet", "width", 512, "headSize", 256).training(0).configuration())
                .containsEntry("decoder_retention_heads", 2)
                .containsEntry("decoder_value_embed_dim", 864)
                .containsEntry("decoder_ffn_embed_dim", 864);
        assertThat(create("llama", "headSize", 16, "keyHeads", 2).training(0).configuration())
                .containsEntry("num_attention_heads", 4)
                .containsEntry("num_key_value_heads", 2);
    }

    /// The deviations of [LlamaInitial], [NeoxInitial] and [RetnetInitial] at a width of 64.
    @ParameterizedTest
    @CsvSource({
        "llama,model.embed_tokens.weight,0.02",
        "llama,lm_head.weight,0.02",
        "llama,model.layers.1.self_attn.o_proj.weight,0.02",
        "llama,model.layers.2.mlp.down_proj.weight,0.02",
        "gptneox,gpt_neox.embed_in.weight,0.0790569",
        "gptneox,embed_out.weight,0.0790569",
        "gptneox,gpt_neox.layers.1.attention.query_key_value.weight,0.0790569",
        "gptneox,gpt_neox.layers.1.mlp.dense_h_to_4h.weight,0.0790569",
        "gptneox,gpt_neox.layers.0.attention.dense.weight,0.0833333",
        "gptneox,gpt_neox.layers.2.mlp.dense_4h_to_h.weight,0.0833333",
        "retnet,embed_tokens.weight,0.125",
        "retnet,output_projection.weight,0.125",
        // Glorot's √(2 / (in + out)) with 64 and 64, 64 and 108 channels.
        "retnet,layers.0.retention.q_proj.weight,0.0220971",
        "retnet,layers.1.retention.v_proj.weight,0.0190623",
        "retnet,layers.1.retention.out_proj.weight,0.0539164",
        // Even within 1 / √in.
        "retnet,layers.2.ffn.gate.weight,0.0721688",
        "retnet,layers.2.ffn.fc2.weight,0.0555556"
    })
    void matricesAreAsSpreadAsTheReferenceCodeHasThem(String family, String name, double spread) {
        NewModel model = create(family);
        for (InitialWeights weights : List.of(model.training(5), model.random(5))) {
            float[] values = values(weights, name, 1);
            double sum = 0;
            double squares = 0;
            for (float value : values) {
                sum += value;
                squares += value * value;
            }
            // Four deviations of what is measured; of the spread less than that for any numbers.
            double most = 4 * spread / Math.sqrt(values.length);
            assertThat(sum / values.length).isCloseTo(0, within(most));
            assertThat(Math.sqrt(squares / values.length)).isCloseTo(spread, within(most));
        }
    }

    @Test
    void normalNumbersAreNormallyDistributed() {
        float[] values = values(create("llama").training(3), "lm_head.weight", 1);
        double fourths = 0;
        int within = 0;
        for (float value : values) {
            fourths += Math.pow(value / 0.02, 4);
            within += Math.abs(value) < 0.02 ? 1 : 0;
        }
        assertThat(fourths / values.length).isCloseTo(3, within(0.5));
        assertThat((double) within / values.length).isCloseTo(0.6827, within(0.03));
    }

    @Test
    void normsBeginAtOneAndBiasesAtZero() {
        InitialWeights neox = create("gptneox").training(1);
        for (InitialWeight weight : neox.weights()) {
            if (weight.name().endsWith(".bias")) {
                assertThat(values(neox, weight.name(), 1)).as(weight.name()).containsOnly(0);
            } else if (weight.name().contains("norm")) {
                assertThat(values(neox, weight.name(), 1)).as(weight.name()).containsOnly(1);
            }
        }
        assertThat(values(create("llama").training(1), "model.norm.weight", 1)).containsOnly(1);
        assertThat(values(create("retnet").training(1), "layer_norm.weight", 1)).containsOnly(1);
    }

    @ParameterizedTest
    @CsvSource({
        "llama,model.layers.#.mlp.up_proj.weight",
        "gptneox,gpt_neox.layers.#.attention.dense.weight",
        "retnet,layers.#.retention.g_proj.weight"
    })
    void valuesFollowFromTheSeedTheNameAndThePlaceAlone(String family, String pattern) {
        String name = pattern.replace('#', '1');
        float[] first = values(create(family).training(7), name, 1);
        assertThat(values(create(family).training(7), name, 3)).isEqualTo(first);
        assertThat(values(create(family).training(8), name, 1)).isNotEqualTo(first);
        assertThat(values(create(family).training(7), pattern.replace('#', '2'), 1))
                .isNotEqualTo(first);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "llama|headSize|3|headSize is 3; expected 2 or more, a multiple of 2",
                "llama|width|100|width is 100; expected a multiple of headSize, 64",
                "llama|keyHeads|2|keyHeads is 2; expected a divisor of the 1 heads",
                "llama|decayRank|4|decayRank is no size of llama models; expected layers, width,"
                        + " vocabulary, headSize, keyHeads, feedForward",
                "gptneox|headSize|4|headSize is 4; expected 8 or more, a multiple of 8",
                "gptneox|keyHeads|1|keyHeads is no size of gptneox models",
                "retnet|headSize|2|headSize is 2; expected 4 or more, a multiple of 2",
                "retnet|valueSize|0|valueSize is 0; expected 1 to 65536",
                "rwkv4|headSize|64|headSize is no size of rwkv4 models; expected layers, width,"
                        + " vocabulary, feedForward",
                "rwkv5|width|1|width is 1; expected a multiple of headSize, 64",
                "rwkv5|mixRank|4|mixRank is no size of rwkv5 models",
                "rwkv6|gateRank|4|gateRank is no size of rwkv6 models",
                "rwkv7|keyHeads|2|keyHeads is no size of rwkv7 models",
                "rwkv7|layers|100000|layers is 100000; expected 1 to 65536",
            })
    void impossibleSizesAreNamed(String family, String size, int value, String message) {
        assertThatThrownBy(() -> create(family, size, value))
                .isInstanceOf(SizeException.class)
                .hasMessageStartingWith(message);
    }

    @Test
    void whatIsMissingIsNamed() {
        assertThatThrownBy(() -> Architectures.create("llama", new NamedSizes(Map.of("layers", 2))))
                .hasMessage("width is missing");
        NewModel unknown =
                Architectures.create("retnet", new NamedSizes(Map.of("layers", 1, "width", 64)));
        assertThat(unknown.vocabulary()).isZero();
        assertThatThrownBy(() -> unknown.training(1)).hasMessage("vocabulary is missing");
        assertThat(unknown.withVocabulary(9).training(1).weights().getFirst().shape().size(0))
                .isEqualTo(9);
        assertThatThrownBy(() -> Architectures.create("gpt2", new NamedSizes(SMALL)))
                .isInstanceOf(AnserException.class)
                .hasMessage(
                        "there is no architecture 'gpt2' to begin with; expected one of gptneox, llama, retnet,"
                                + " rwkv4, rwkv5, rwkv6, rwkv7");
    }

    @Test
    void embeddingsOfRwkvCanBeginFurtherFromZero() {
        InitialWeights usual = create("rwkv6").training(4);
        float[] near = values(usual, "emb.weight", 1);
        float[] far = values(usual.withEmbeddingBound(1e-2), "emb.weight", 1);
        for (int i = 0; i < near.length; i++) {
            assertThat(far[i]).isCloseTo(100 * near[i], within(1e-8f));
        }
        assertThatThrownBy(() -> create("llama").training(4).withEmbeddingBound(1))
                .hasMessageContaining("does not begin evenly distributed");
    }
}
