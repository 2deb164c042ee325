package dev.anser.model.transformer;

import dev.anser.model.InitialWeights;
import dev.anser.model.NamedSizes;
import dev.anser.model.NewModel;
import dev.anser.model.SizeException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The sizes of a new LLaMA. It begins as Hugging Face begins one (`LlamaPreTrainedModel`,
/// `_init_weights`): every matrix, the embedding among them, normally distributed with a deviation
/// of 0.02, norms 1, no biases.
///
/// @param layers number of blocks, L
/// @param width channels of the residual stream, C, a multiple of `headSize`
/// @param headSize channels of a head, N, an even number
/// @param keyHeads heads of keys and values, a divisor of the C / N heads
/// @param feedForward channels inside the feed-forward part
/// @param vocabulary number of token ids, V
record LlamaInitial(
        int layers, int width, int headSize, int keyHeads, int feedForward, int vocabulary)
        implements NewModel {
    /// The names of the sizes that LLaMA has beside [NamedSizes#COMMON].
    static final List<String> NAMES = List.of("headSize", "keyHeads", "feedForward");

    private static final double DEVIATION = 0.02;

    /// A multiple that is good for vector registers; that of the large models is 256.
    private static final int MULTIPLE = 32;

    /// The sizes `given`. A head has 64 channels, and keys of its own; the feed-forward part is 8/3
    /// C wide, rounded up to a multiple of 32, so that a block has about the 12 C² weights of other
    /// Transformers.
    static LlamaInitial of(NamedSizes given) {
        int layers = given.count("layers");
        int width = given.count("width");
        int headSize = given.headSize(width, 2, 2);
        int heads = width / headSize;
        int keyHeads = given.count("keyHeads", heads);
        if (heads % keyHeads != 0) {
            throw new SizeException(
                    "keyHeads",
                    "is " + keyHeads + "; expected a divisor of the " + heads + " heads");
        }
        int inner = (8 * width / 3 + MULTIPLE - 1) / MULTIPLE * MULTIPLE;
        return new LlamaInitial(
                layers,
                width,
                headSize,
                keyHeads,
                given.count("feedForward", inner),
                given.vocabulary());
    }

    @Override
    public String architecture() {
        return LlamaWeights.ARCHITECTURE;
    }

    @Override
    public LlamaInitial withVocabulary(int vocabulary) {
        return new LlamaInitial(layers, width, headSize, keyHeads, feedForward, vocabulary);
    }

    @Override
    public InitialWeights weights(InitialWeights.Builder weights) {
        NamedSizes.requireVocabulary(vocabulary);
        weights.normal(LlamaWeights.EMBEDDING, DEVIATION, vocabulary, width);
        int keys = keyHeads * headSize;
        for (int layer = 0; layer < layers; layer++) {
            String block = LlamaWeights.LAYERS + layer + ".";
            String attention = block + "self_attn.";
            String feed = block + "mlp.";
            weights.normal(attention + "q_proj.weight", DEVIATION, width, width)
                    .normal(attention + "k_proj.weight", DEVIATION, keys, width)
                    .normal(attention + "v_proj.weight", DEVIATION, keys, width)
                    .normal(attention + "o_proj.weight", DEVIATION, width, width)
                    .normal(feed + "gate_proj.weight", DEVIATION, feedForward, width)
                    .normal(feed + "up_proj.weight", DEVIATION, feedForward, width)
                    .normal(feed + "down_proj.weight", DEVIATION, width, feedForward)
                    .scale(block + "input_layernorm", width)
                    .scale(block + "post_attention_layernorm", width);
        }
        return weights.scale("model.norm", width)
                .normal(LlamaWeights.HEAD, DEVIATION, vocabulary, width)
                .build(architecture(), configuration());
    }

    private Map<String, Object> configuration() {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("architectures", List.of("LlamaForCausalLM"));
        fields.put("model_type", "llama");
        fields.put("hidden_size", width);
        fields.put("intermediate_size", feedForward);
        fields.put("num_hidden_layers", layers);
        fields.put("num_attention_heads", width / headSize);
        fields.put("num_key_value_heads", keyHeads);
        fields.put("head_dim", headSize);
        fields.put("vocab_size", vocabulary);
        fields.put("hidden_act", "silu");
        fields.put("rms_norm_eps", 1e-6);
        fields.put("rope_theta", 10_000.0);
        fields.put("initializer_range", DEVIATION);
        fields.put("tie_word_embeddings", false);
        return fields;
    }
}
