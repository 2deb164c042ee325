package dev.anser.model.transformer;

import dev.anser.model.InitialWeights;
import dev.anser.model.NamedSizes;
import dev.anser.model.NewModel;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The sizes of a new GPT-NeoX. It begins as its own training code begins GPT-NeoX-20B and Pythia
/// (GPT-NeoX, `megatron/model/init_functions.py`: `small_init`, and `wang_init` for what writes to
/// the residual stream): normally distributed with a deviation of √(2 / 5C), and of 2 / (L √C);
/// norms 1, biases 0.
///
/// @param layers number of blocks, L
/// @param width channels of the residual stream, C, a multiple of `headSize`
/// @param headSize channels of a head, N, a multiple of 8: a quarter of them turns, in pairs
/// @param feedForward channels inside the feed-forward part
/// @param vocabulary number of token ids, V
record NeoxInitial(int layers, int width, int headSize, int feedForward, int vocabulary)
        implements NewModel {
    /// The names of the sizes that GPT-NeoX has beside [NamedSizes#COMMON].
    static final List<String> NAMES = List.of("headSize", "feedForward");

    private static final double TURNING = 0.25;

    /// The sizes `given`. A head has 64 channels, the feed-forward part is 4 C wide.
    static NeoxInitial of(NamedSizes given) {
        int layers = given.count("layers");
        int width = given.count("width");
        return new NeoxInitial(
                layers,
                width,
                given.headSize(width, 8, 8),
                given.count("feedForward", 4 * width),
                given.vocabulary());
    }

    @Override
    public String architecture() {
        return NeoxWeights.ARCHITECTURE;
    }

    @Override
    public NeoxInitial withVocabulary(int vocabulary) {
        return new NeoxInitial(layers, width, headSize, feedForward, vocabulary);
    }

    @Override
    public InitialWeights weights(InitialWeights.Builder weights) {
        NamedSizes.requireVocabulary(vocabulary);
        double in = Math.sqrt(2 / (5.0 * width));
        double out = 2 / (layers * Math.sqrt(width));
        weights.normal(NeoxWeights.EMBEDDING, in, vocabulary, width);
        for (int layer = 0; layer < layers; layer++) {
            String block = NeoxWeights.LAYERS + layer + ".";
            String attention = block + "attention.";
            String feed = block + "mlp.";
            weights.norm(block + "input_layernorm", width)
                    .norm(block + "post_attention_layernorm", width)
                    .normal(attention + "query_key_value.weight", in, 3L * width, width)
                    .bias(attention + "query_key_value", 3 * width)
                    .normal(attention + "dense.weight", out, width, width)
                    .bias(attention + "dense", width)
                    .normal(feed + "dense_h_to_4h.weight", in, feedForward, width)
                    .bias(feed + "dense_h_to_4h", feedForward)
                    .normal(feed + "dense_4h_to_h.weight", out, width, feedForward)
                    .bias(feed + "dense_4h_to_h", width);
        }
        return weights.norm("gpt_neox.final_layer_norm", width)
                .normal(NeoxWeights.HEAD, in, vocabulary, width)
                .build(architecture(), configuration());
    }

    private Map<String, Object> configuration() {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("architectures", List.of("GPTNeoXForCausalLM"));
        fields.put("model_type", "gpt_neox");
        fields.put("hidden_size", width);
        fields.put("intermediate_size", feedForward);
        fields.put("num_hidden_layers", layers);
        fields.put("num_attention_heads", width / headSize);
        fields.put("vocab_size", vocabulary);
        fields.put("hidden_act", "gelu");
        fields.put("layer_norm_eps", 1e-5);
        fields.put("rotary_pct", TURNING);
        fields.put("rotary_emb_base", 10_000);
        fields.put("use_parallel_residual", true);
        fields.put("tie_word_embeddings", false);
        return fields;
    }
}
