package dev.anser.model.transformer;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.CheckpointModel;
import dev.anser.model.ConfigurationFields;
import dev.anser.model.ModelConfig;
import dev.anser.model.WeightReader;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The tensors of a LLaMA checkpoint, by Hugging Face's names, checked, and what its `config.json`
/// says beside them. Where a field is missing its default is Hugging Face's; the number of heads
/// has none.
///
/// @param epsilon of every RMS normalisation
/// @param frequencies of the rotary position embedding
record LlamaWeights(
        CheckpointModel.Read read,
        float epsilon,
        double[] frequencies,
        Block[] blocks,
        Tensor outputNorm,
        Tensor head) {
    static final String ARCHITECTURE = "llama";

    static final String EMBEDDING = "model.embed_tokens.weight";
    static final String HEAD = "lm_head.weight";
    static final String LAYERS = "model.layers.";

    /// `x ↦ weight · x + bias`.
    ///
    /// @param bias null where there is none
    record Projection(Tensor weight, @Nullable Tensor bias) {}

    /// One block.
    record Block(
            Tensor attentionNorm,
            Projection query,
            Projection key,
            Projection value,
            Projection output,
            Tensor feedForwardNorm,
            Projection gate,
            Projection up,
            Projection down) {}

    /// The sizes, from names, shapes and configuration.
    static ModelConfig describe(Checkpoint checkpoint) {
        ConfigurationFields fields = new ConfigurationFields(checkpoint);
        refuseOthers(fields);
        String attention = LAYERS + "0.self_attn.";
        Shape embedding = CheckpointModel.matrixShape(checkpoint, EMBEDDING);
        Shape query = CheckpointModel.matrixShape(checkpoint, attention + "q_proj.weight");
        Shape key = CheckpointModel.matrixShape(checkpoint, attention + "k_proj.weight");
        Shape gate = CheckpointModel.matrixShape(checkpoint, LAYERS + "0.mlp.gate_proj.weight");
        int layers = CheckpointModel.layers(checkpoint, LAYERS, ".input_layernorm.weight");
        int heads = fields.count("num_attention_heads");
        int keyHeads = fields.count("num_key_value_heads", heads);
        int headSize = (int) (query.size(0) / heads);
        if (query.size(0) % heads != 0) {
            throw fields.wrong(
                    "num_attention_heads",
                    heads,
                    "a divisor of " + query.size(0) + ", the rows of q_proj");
        }
        if (key.size(0) != (long) keyHeads * headSize || heads % keyHeads != 0) {
            throw fields.wrong(
                    "num_key_value_heads",
                    keyHeads,
                    "a divisor of the "
                            + heads
                            + " heads; k_proj has "
                            + key.size(0)
                            + " rows, in heads of "
                            + headSize);
        }
        if (headSize % 2 != 0) {
            throw fields.wrong("num_attention_heads", heads, "heads of an even size");
        }
        fields.requireSame("hidden_size", embedding.size(1), EMBEDDING);
        fields.requireSame("vocab_size", embedding.size(0), EMBEDDING);
        fields.requireSame("num_hidden_layers", layers, "the number of " + LAYERS + "N");
        fields.requireSame("intermediate_size", gate.size(0), "gate_proj");
        fields.requireSame("head_dim", headSize, "q_proj");
        return new ModelConfig(
                ARCHITECTURE,
                fields.text("model_type", "llama"),
                layers,
                (int) embedding.size(1),
                heads,
                headSize,
                (int) gate.size(0),
                (int) embedding.size(0),
                keyHeads,
                headSize);
    }

    /// Models of the same names that compute something else.
    private static void refuseOthers(ConfigurationFields fields) {
        String type = fields.text("model_type", "llama");
        if (!Set.of("llama", "mistral", "qwen2").contains(type)) {
            throw fields.wrong("model_type", type, "llama, mistral or qwen2");
        }
        String activation = fields.text("hidden_act", "silu");
        if (!activation.equals("silu")) {
            throw fields.wrong("hidden_act", activation, "silu");
        }
        fields.refuse("rope_scaling", null);
        if (!type.equals("qwen2") || fields.fact("use_sliding_window", false)) {
            fields.refuse("sliding_window", null);
        }
        fields.object("rope_parameters").refuse("rope_type", "default");
    }

    /// All tensors of `checkpoint`, checked.
    static LlamaWeights read(Checkpoint checkpoint) {
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
        LlamaWeights read(String source, Arena arena) {
            int width = config.width();
            Tensor embedding = weights.matrix(EMBEDDING, config.vocabulary(), width);
            Block[] blocks = new Block[config.layers()];
            for (int layer = 0; layer < blocks.length; layer++) {
                blocks[layer] = block(LAYERS + layer + ".");
            }
            Tensor outputNorm = weights.vector("model.norm.weight", width);
            Tensor head = weights.head(HEAD, embedding, fields, "tie_word_embeddings");
            double base =
                    fields.object("rope_parameters")
                            .number("rope_theta", fields.number("rope_theta", 10_000));
            return new LlamaWeights(
                    new CheckpointModel.Read(
                            source,
                            config,
                            arena,
                            embedding,
                            head == embedding,
                            weights.weights(),
                            weights.parameters()),
                    (float) fields.number("rms_norm_eps", 1e-6),
                    KeyValueLayout.frequencies(base, config.headSize()),
                    blocks,
                    outputNorm,
                    head);
        }

        private Block block(String prefix) {
            int width = config.width();
            int queries = config.heads() * config.headSize();
            int keys = config.keyHeads() * config.headSize();
            int inner = config.feedForward();
            return new Block(
                    weights.vector(prefix + "input_layernorm.weight", width),
                    projection(prefix + "self_attn.q_proj", queries, width),
                    projection(prefix + "self_attn.k_proj", keys, width),
                    projection(prefix + "self_attn.v_proj", keys, width),
                    projection(prefix + "self_attn.o_proj", width, queries),
                    weights.vector(prefix + "post_attention_layernorm.weight", width),
                    projection(prefix + "mlp.gate_proj", inner, width),
                    projection(prefix + "mlp.up_proj", inner, width),
                    projection(prefix + "mlp.down_proj", width, inner));
        }

        private Projection projection(String name, int rows, int columns) {
            Tensor weight = weights.matrix(name + ".weight", rows, columns);
            String bias = name + ".bias";
            return new Projection(weight, weights.has(bias) ? weights.vector(bias, rows) : null);
        }
    }
}
