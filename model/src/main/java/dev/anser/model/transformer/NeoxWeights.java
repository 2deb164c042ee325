package dev.anser.model.transformer;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.CheckpointModel;
import dev.anser.model.ConfigurationFields;
import dev.anser.model.ModelConfig;
import dev.anser.model.WeightReader;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.lang.foreign.Arena;
import org.jspecify.annotations.Nullable;

/// The tensors of a GPT-NeoX checkpoint, by Hugging Face's names, checked, and what its
/// `config.json` says beside them. Where a field is missing its default is Hugging Face's; the
/// number of heads has none.
///
/// @param epsilon of every layer normalisation
/// @param frequencies of the rotary position embedding, which covers the first channels of a head
/// @param parallel whether attention and feed-forward part both read the block's input
record NeoxWeights(
        CheckpointModel.Read read,
        float epsilon,
        double[] frequencies,
        boolean parallel,
        Block[] blocks,
        Norm outputNorm,
        Tensor head) {
    static final String ARCHITECTURE = "gptneox";

    static final String EMBEDDING = "gpt_neox.embed_in.weight";
    static final String HEAD = "embed_out.weight";
    static final String LAYERS = "gpt_neox.layers.";

    /// Weight and bias (C) of a layer normalisation.
    record Norm(Tensor weight, Tensor bias) {}

    /// `x ↦ weight · x + bias`.
    ///
    /// @param bias null where there is none
    record Projection(Tensor weight, @Nullable Tensor bias) {}

    /// One block.
    record Block(
            Norm attentionNorm,
            Projection queryKeyValue,
            Projection output,
            Norm feedForwardNorm,
            Projection up,
            Projection down) {}

    /// The sizes, from names, shapes and configuration.
    static ModelConfig describe(Checkpoint checkpoint) {
        ConfigurationFields fields = new ConfigurationFields(checkpoint);
        refuseOthers(fields);
        Shape embedding = CheckpointModel.matrixShape(checkpoint, EMBEDDING);
        Shape up = CheckpointModel.matrixShape(checkpoint, LAYERS + "0.mlp.dense_h_to_4h.weight");
        int layers = CheckpointModel.layers(checkpoint, LAYERS, ".input_layernorm.weight");
        int heads = fields.count("num_attention_heads");
        int width = (int) embedding.size(1);
        if (width % heads != 0) {
            throw fields.wrong(
                    "num_attention_heads", heads, "a divisor of " + width + ", the width");
        }
        fields.requireSame("hidden_size", width, EMBEDDING);
        fields.requireSame("vocab_size", embedding.size(0), EMBEDDING);
        fields.requireSame("num_hidden_layers", layers, "the number of " + LAYERS + "N");
        fields.requireSame("intermediate_size", up.size(0), "dense_h_to_4h");
        return new ModelConfig(
                ARCHITECTURE,
                fields.text("model_type", "gpt_neox"),
                layers,
                width,
                heads,
                width / heads,
                (int) up.size(0),
                (int) embedding.size(0));
    }

    /// Models of the same names that compute something else.
    private static void refuseOthers(ConfigurationFields fields) {
        String type = fields.text("model_type", "gpt_neox");
        if (!type.equals("gpt_neox")) {
            throw fields.wrong("model_type", type, "gpt_neox");
        }
        String activation = fields.text("hidden_act", "gelu");
        if (!activation.equals("gelu")) {
            throw fields.wrong("hidden_act", activation, "gelu");
        }
        fields.refuse("rope_scaling", null);
        fields.object("rope_parameters").refuse("rope_type", "default");
    }

    /// The rotary position embedding: how many channels of a head turn, and how fast.
    record Rotary(double base, int channels) {
        double[] frequencies() {
            return KeyValueLayout.frequencies(base, channels);
        }
    }

    /// What the configuration says of the rotary position embedding.
    static Rotary rotary(ConfigurationFields fields, int headSize) {
        ConfigurationFields rope = fields.object("rope_parameters");
        double base = rope.number("rope_theta", fields.number("rotary_emb_base", 10_000));
        double part = rope.number("partial_rotary_factor", fields.number("rotary_pct", 0.25));
        int channels = (int) (headSize * part);
        if (channels > headSize || channels % 2 != 0) {
            throw fields.wrong(
                    "rotary_pct",
                    part,
                    "an even number of the " + headSize + " channels of a head");
        }
        return new Rotary(base, channels);
    }

    /// All tensors of `checkpoint`, checked.
    static NeoxWeights read(Checkpoint checkpoint) {
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
        NeoxWeights read(String source, Arena arena) {
            int width = config.width();
            Tensor embedding = weights.matrix(EMBEDDING, config.vocabulary(), width);
            Block[] blocks = new Block[config.layers()];
            for (int layer = 0; layer < blocks.length; layer++) {
                blocks[layer] = block(LAYERS + layer + ".");
            }
            Norm outputNorm = norm("gpt_neox.final_layer_norm");
            Tensor head = weights.head(HEAD, embedding, fields, "tie_word_embeddings");
            return new NeoxWeights(
                    new CheckpointModel.Read(
                            source,
                            config,
                            arena,
                            embedding,
                            head == embedding,
                            weights.weights(),
                            weights.parameters()),
                    (float) fields.number("layer_norm_eps", 1e-5),
                    rotary(fields, config.headSize()).frequencies(),
                    fields.fact("use_parallel_residual", true),
                    blocks,
                    outputNorm,
                    head);
        }

        private Block block(String prefix) {
            int width = config.width();
            int inner = config.feedForward();
            return new Block(
                    norm(prefix + "input_layernorm"),
                    projection(prefix + "attention.query_key_value", 3 * width, width),
                    projection(prefix + "attention.dense", width, width),
                    norm(prefix + "post_attention_layernorm"),
                    projection(prefix + "mlp.dense_h_to_4h", inner, width),
                    projection(prefix + "mlp.dense_4h_to_h", width, inner));
        }

        private Projection projection(String name, int rows, int columns) {
            Tensor weight = weights.matrix(name + ".weight", rows, columns);
            String bias = name + ".bias";
            return new Projection(weight, weights.has(bias) ? weights.vector(bias, rows) : null);
        }

        private Norm norm(String name) {
            return new Norm(
                    weights.vector(name + ".weight", config.width()),
                    weights.vector(name + ".bias", config.width()));
        }
    }
}
