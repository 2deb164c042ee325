package dev.anser.model.retnet;

import dev.anser.model.InitialWeights;
import dev.anser.model.NamedSizes;
import dev.anser.model.NewModel;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The sizes of a new RetNet. It begins as torchscale begins one: the matrices of a retention by
/// the rule of Glorot and Bengio, times 2^-2.5, or 2^-1 for its output
/// (`component/multiscale_retention.py`); those of the feed-forward part even within 1/√in, as
/// `torch.nn.Linear` has it; embedding and head normally distributed with a deviation of 1/√C
/// (`architecture/retnet.py`, and fairseq's `Embedding`); norms 1.
///
/// @param layers number of blocks, L
/// @param width channels of the residual stream, C, a multiple of `headSize`
/// @param headSize channels of a head's keys, N, an even number of 4 or more
/// @param valueSize channels of a head's values, M
/// @param feedForward channels inside the feed-forward part
/// @param vocabulary number of token ids, V
record RetnetInitial(
        int layers, int width, int headSize, int valueSize, int feedForward, int vocabulary)
        implements NewModel {
    /// The names of the sizes that RetNet has beside [NamedSizes#COMMON].
    static final List<String> NAMES = List.of("headSize", "valueSize", "feedForward");

    private static final double IN_GAIN = Math.pow(2, -2.5);
    private static final double OUT_GAIN = 0.5;

    /// The sizes `given`. A head has 64 channels; its values and the feed-forward part are 27/16 as
    /// wide as keys and C, as in torchscale's language models, so that a block has about 12 C²
    /// weights.
    static RetnetInitial of(NamedSizes given) {
        int layers = given.count("layers");
        int width = given.count("width");
        int headSize = given.headSize(width, 4, 2);
        return new RetnetInitial(
                layers,
                width,
                headSize,
                given.count("valueSize", wider(headSize)),
                given.count("feedForward", wider(width)),
                given.vocabulary());
    }

    private static int wider(int channels) {
        return channels * 27 / 16;
    }

    @Override
    public String architecture() {
        return RetnetWeights.ARCHITECTURE;
    }

    @Override
    public RetnetInitial withVocabulary(int vocabulary) {
        return new RetnetInitial(layers, width, headSize, valueSize, feedForward, vocabulary);
    }

    @Override
    public InitialWeights weights(InitialWeights.Builder weights) {
        NamedSizes.requireVocabulary(vocabulary);
        double deviation = 1 / Math.sqrt(width);
        double down = 1 / Math.sqrt(feedForward);
        int values = width / headSize * valueSize;
        weights.normal(RetnetWeights.EMBEDDING, deviation, vocabulary, width);
        for (int layer = 0; layer < layers; layer++) {
            String block = RetnetWeights.LAYERS + layer + ".";
            String retention = block + "retention.";
            weights.xavier(retention + "q_proj.weight", IN_GAIN, width, width)
                    .xavier(retention + "k_proj.weight", IN_GAIN, width, width)
                    .xavier(retention + "v_proj.weight", IN_GAIN, values, width)
                    .xavier(retention + "g_proj.weight", IN_GAIN, values, width)
                    .xavier(retention + "out_proj.weight", OUT_GAIN, width, values)
                    .scale(block + "retention_layer_norm", width)
                    .evenly(block + "ffn.fc1.weight", deviation, feedForward, width)
                    .evenly(block + "ffn.gate.weight", deviation, feedForward, width)
                    .evenly(block + "ffn.fc2.weight", down, width, feedForward)
                    .scale(block + "final_layer_norm", width);
        }
        return weights.scale("layer_norm", width)
                .normal(RetnetWeights.HEAD, deviation, vocabulary, width)
                .build(architecture(), configuration());
    }

    private Map<String, Object> configuration() {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("model_type", "retnet");
        fields.put("decoder_embed_dim", width);
        fields.put("decoder_value_embed_dim", width / headSize * valueSize);
        fields.put("decoder_ffn_embed_dim", feedForward);
        fields.put("decoder_layers", layers);
        fields.put("decoder_retention_heads", width / headSize);
        fields.put("decoder_normalize_before", true);
        fields.put("vocab_size", vocabulary);
        fields.put("activation_fn", "swish");
        fields.put("layernorm_eps", 1e-6);
        fields.put("no_scale_embedding", false);
        fields.put("share_decoder_input_output_embed", false);
        return fields;
    }
}
