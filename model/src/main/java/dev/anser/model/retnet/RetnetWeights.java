package dev.anser.model.retnet;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.CheckpointModel;
import dev.anser.model.ConfigurationFields;
import dev.anser.model.ModelConfig;
import dev.anser.model.WeightReader;
import dev.anser.tensor.Activation;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.lang.foreign.Arena;

/// The tensors of a RetNet checkpoint, by torchscale's names, checked, and what its `config.json`
/// says beside them. Where a field is missing its default is torchscale's; the number of heads has
/// none.
///
/// @param epsilon of every RMS normalisation
/// @param embeddingScale what embeddings are multiplied by
/// @param activation of the feed-forward part
record RetnetWeights(
        CheckpointModel.Read read,
        float epsilon,
        float embeddingScale,
        Activation activation,
        Block[] blocks,
        Tensor outputNorm,
        Tensor head) {
    static final String ARCHITECTURE = "retnet";

    static final String EMBEDDING = "embed_tokens.weight";
    static final String HEAD = "output_projection.weight";
    static final String LAYERS = "layers.";

    /// One block.
    record Block(
            Tensor retentionNorm,
            Tensor query,
            Tensor key,
            Tensor value,
            Tensor gate,
            Tensor output,
            Tensor feedForwardNorm,
            Tensor inner,
            Tensor innerGate,
            Tensor down) {}

    /// The sizes, from names, shapes and configuration.
    static ModelConfig describe(Checkpoint checkpoint) {
        ConfigurationFields fields = new ConfigurationFields(checkpoint);
        refuseOthers(fields);
        Shape embedding = CheckpointModel.matrixShape(checkpoint, EMBEDDING);
        Shape value = CheckpointModel.matrixShape(checkpoint, LAYERS + "0.retention.v_proj.weight");
        Shape inner = CheckpointModel.matrixShape(checkpoint, LAYERS + "0.ffn.fc1.weight");
        int layers = CheckpointModel.layers(checkpoint, LAYERS, ".retention_layer_norm.weight");
        int heads = fields.count("decoder_retention_heads");
        int width = (int) embedding.size(1);
        // A pair of channels turns; their angles are spread over the pairs, so there are two.
        if (width % (2L * heads) != 0 || width / heads < 4 || value.size(0) % heads != 0) {
            throw fields.wrong(
                    "decoder_retention_heads",
                    heads,
                    "a divisor of the widths "
                            + width
                            + " and "
                            + value.size(0)
                            + ", with an even head of 4 or more");
        }
        fields.requireSame("decoder_embed_dim", width, EMBEDDING);
        fields.requireSame("decoder_value_embed_dim", value.size(0), "v_proj");
        fields.requireSame("decoder_ffn_embed_dim", inner.size(0), "fc1");
        fields.requireSame("decoder_layers", layers, "the number of " + LAYERS + "N");
        fields.requireSame("vocab_size", embedding.size(0), EMBEDDING);
        return new ModelConfig(
                ARCHITECTURE,
                fields.text("model_type", "retnet"),
                layers,
                width,
                heads,
                width / heads,
                (int) inner.size(0),
                (int) embedding.size(0),
                heads,
                (int) (value.size(0) / heads));
    }

    /// Models of the same names that compute something else.
    private static void refuseOthers(ConfigurationFields fields) {
        String type = fields.text("model_type", "retnet");
        if (!type.equals("retnet")) {
            throw fields.wrong("model_type", type, "retnet");
        }
        fields.refuse("decoder_normalize_before", true);
        fields.refuse("deepnorm", false);
        fields.refuse("layernorm_embedding", false);
    }

    /// All tensors of `checkpoint`, checked.
    static RetnetWeights read(Checkpoint checkpoint) {
        ModelConfig config = describe(checkpoint);
        Arena arena = Arena.ofShared();
        try {
            WeightReader weights = new WeightReader(checkpoint, arena);
            return new Reader(weights, config, new ConfigurationFields(checkpoint))
                    .read(checkpoint.source(), arena);
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    /// Reads one checkpoint; knows its sizes.
    private record Reader(WeightReader weights, ModelConfig config, ConfigurationFields fields) {
        RetnetWeights read(String source, Arena arena) {
            int width = config.width();
            Tensor embedding = weights.matrix(EMBEDDING, config.vocabulary(), width);
            Block[] blocks = new Block[config.layers()];
            for (int layer = 0; layer < blocks.length; layer++) {
                blocks[layer] = block(LAYERS + layer + ".");
            }
            Tensor outputNorm = weights.vector("layer_norm.weight", width);
            Tensor head = weights.head(HEAD, embedding, fields, "share_decoder_input_output_embed");
            boolean unscaled = fields.fact("no_scale_embedding", true);
            return new RetnetWeights(
                    new CheckpointModel.Read(
                            source,
                            config,
                            arena,
                            embedding,
                            head == embedding,
                            weights.weights(),
                            weights.parameters()),
                    (float) fields.number("layernorm_eps", 1e-6),
                    unscaled ? 1 : (float) Math.sqrt(width),
                    activation(),
                    blocks,
                    outputNorm,
                    head);
        }

        private Activation activation() {
            String name = fields.text("activation_fn", "gelu");
            return switch (name) {
                case "gelu" -> Activation.GELU;
                case "swish" -> Activation.SILU;
                default -> throw fields.wrong("activation_fn", name, "gelu or swish");
            };
        }

        private Block block(String prefix) {
            int width = config.width();
            int values = config.heads() * config.valueSize();
            int inner = config.feedForward();
            return new Block(
                    weights.vector(prefix + "retention_layer_norm.weight", width),
                    weights.matrix(prefix + "retention.q_proj.weight", width, width),
                    weights.matrix(prefix + "retention.k_proj.weight", width, width),
                    weights.matrix(prefix + "retention.v_proj.weight", values, width),
                    weights.matrix(prefix + "retention.g_proj.weight", values, width),
                    weights.matrix(prefix + "retention.out_proj.weight", width, values),
                    weights.vector(prefix + "final_layer_norm.weight", width),
                    weights.matrix(prefix + "ffn.fc1.weight", inner, width),
                    weights.matrix(prefix + "ffn.gate.weight", inner, width),
                    weights.matrix(prefix + "ffn.fc2.weight", width, inner));
        }
    }
}
