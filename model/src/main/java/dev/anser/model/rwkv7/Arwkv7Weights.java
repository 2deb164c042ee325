package dev.anser.model.rwkv7;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.ModelFormatException;
import dev.anser.model.CheckpointModel;
import dev.anser.model.ConfigurationFields;
import dev.anser.model.ModelConfig;
import dev.anser.model.WeightReader;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.stream.LongStream;

/// The tensors of an ARWKV-7 checkpoint, by Hugging Face's names, checked, and what its
/// `config.json` says beside them. Where a field is missing its default is that of the authors'
/// code, or what the tensors tell; the version of the time mix has none.
///
/// The value residual (`v0`, `v1`, `v2`) of layer 0 has no effect and may be missing, and so has
/// the coefficient `x_g` of a model without a gate.
///
/// @param epsilon of every RMS normalisation
record Arwkv7Weights(
        CheckpointModel.Read read, float epsilon, Block[] blocks, Tensor outputNorm, Tensor head) {
    static final String ARCHITECTURE = "arwkv7";
    static final String MODEL_TYPE = "rwkv_hybrid";
    static final int VERSION = 7;
    static final String ACTIVATION = "silu";
    static final String EVERY_LAYER = "full";

    /// Of a head, whose normalisation has 1e-5 times its square as epsilon.
    static final double DIVISOR = 8;

    static final String EMBEDDING = "model.embed_tokens.weight";
    static final String HEAD = "lm_head.weight";
    private static final String LAYERS = "model.layers.";
    private static final String ATTENTION = ".self_attn.";
    private static final String TIME_MIX = ".self_attn.time_mixer.";

    /// What the names of layer 0's time mix begin with.
    static final String FIRST = LAYERS + "0" + TIME_MIX;

    /// One block.
    record Block(
            Tensor attentionNorm,
            Rwkv7TimeMix timeMix,
            Tensor feedForwardNorm,
            Tensor gate,
            Tensor up,
            Tensor down) {}

    /// Whether `name` is that of a tensor of a time mix.
    static boolean isOfTimeMix(String name) {
        return name.startsWith(LAYERS) && name.contains(TIME_MIX);
    }

    /// The sizes, from names, shapes and configuration.
    static ModelConfig describe(Checkpoint checkpoint) {
        ConfigurationFields fields = new ConfigurationFields(checkpoint);
        refuseOthers(fields);
        refuseAttention(checkpoint);
        Shape embedding = CheckpointModel.matrixShape(checkpoint, EMBEDDING);
        Shape heads = Rwkv7TimeMix.heads(checkpoint, FIRST + "r_k", EMBEDDING);
        Shape gate = CheckpointModel.matrixShape(checkpoint, LAYERS + "0.mlp.gate_proj.weight");
        int layers = CheckpointModel.layers(checkpoint, LAYERS, ".input_layernorm.weight");
        Object mixed = checkpoint.configuration().getOrDefault("wkv_layers", EVERY_LAYER);
        if (!mixed.equals(EVERY_LAYER)
                && !mixed.equals(LongStream.range(0, layers).boxed().toList())) {
            throw fields.wrong(
                    "wkv_layers", mixed, EVERY_LAYER + ", or the numbers of all " + layers);
        }
        requireAsTensors(fields, "wkv_has_gate", checkpoint, "g1");
        requireAsTensors(fields, "wkv_has_group_norm", checkpoint, "ln_x.weight");
        fields.requireSame("hidden_size", embedding.size(1), EMBEDDING);
        fields.requireSame("vocab_size", embedding.size(0), EMBEDDING);
        fields.requireSame("num_hidden_layers", layers, "the number of " + LAYERS + "N");
        fields.requireSame("intermediate_size", gate.size(0), "gate_proj");
        fields.requireSame("head_size", heads.size(1), "r_k");
        fields.requireSame("num_wkv_heads", heads.size(0), "r_k");
        return new ModelConfig(
                ARCHITECTURE,
                "7.0",
                layers,
                (int) embedding.size(1),
                (int) heads.size(0),
                (int) heads.size(1),
                (int) gate.size(0),
                (int) embedding.size(0));
    }

    /// Models of the same names that compute something else.
    private static void refuseOthers(ConfigurationFields fields) {
        String type = fields.text("model_type", MODEL_TYPE);
        if (!type.equals(MODEL_TYPE)) {
            throw fields.wrong("model_type", type, MODEL_TYPE);
        }
        int version = fields.count("wkv_version");
        if (version != VERSION) {
            throw fields.wrong("wkv_version", version, VERSION);
        }
        String activation = fields.text("hidden_act", ACTIVATION);
        if (!activation.equals(ACTIVATION)) {
            throw fields.wrong("hidden_act", activation, ACTIVATION);
        }
    }

    private static void refuseAttention(Checkpoint checkpoint) {
        for (String name : checkpoint.names()) {
            if (name.startsWith(LAYERS) && name.contains(ATTENTION) && !isOfTimeMix(name)) {
                throw new ModelFormatException(
                        checkpoint.source()
                                + ": this is a hybrid with layers of attention (it has "
                                + name
                                + "); expected a time mix of RWKV-7 in every layer");
            }
        }
    }

    /// Refuses a field that says of the tensor `name` of a time mix that it is there when it is
    /// not, or the other way round.
    private static void requireAsTensors(
            ConfigurationFields fields, String field, Checkpoint checkpoint, String name) {
        boolean there = checkpoint.names().contains(FIRST + name);
        if (fields.fact(field, there) != there) {
            throw fields.wrong(
                    field,
                    !there,
                    there + ", for there is " + (there ? "a" : "no") + " tensor " + FIRST + name);
        }
    }

    /// All tensors of `checkpoint`, checked.
    static Arwkv7Weights read(Checkpoint checkpoint) {
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
        Arwkv7Weights read(String source, Arena arena) {
            int width = config.width();
            Tensor embedding = weights.matrix(EMBEDDING, config.vocabulary(), width);
            double divisor = fields.number("head_size_divisor", DIVISOR);
            Rwkv7TimeMix.Reader timeMixes =
                    new Rwkv7TimeMix.Reader(
                            weights,
                            config,
                            weights.has(FIRST + "g1"),
                            weights.has(FIRST + "ln_x.weight"),
                            (float) (1e-5 * divisor * divisor));
            Block[] blocks = new Block[config.layers()];
            for (int layer = 0; layer < blocks.length; layer++) {
                blocks[layer] = block(timeMixes, layer);
            }
            Tensor outputNorm = weights.vector("model.norm.weight", width);
            Tensor head = weights.head(HEAD, embedding, fields, "tie_word_embeddings");
            return new Arwkv7Weights(
                    new CheckpointModel.Read(
                            source,
                            config,
                            arena,
                            embedding,
                            head == embedding,
                            weights.weights(),
                            weights.parameters()),
                    (float) fields.number("rms_norm_eps", 1e-6),
                    blocks,
                    outputNorm,
                    head);
        }

        private Block block(Rwkv7TimeMix.Reader timeMixes, int layer) {
            String prefix = LAYERS + layer;
            int width = config.width();
            int inner = config.feedForward();
            return new Block(
                    weights.vector(prefix + ".input_layernorm.weight", width),
                    timeMixes.read(prefix + TIME_MIX, layer),
                    weights.vector(prefix + ".post_attention_layernorm.weight", width),
                    weights.matrix(prefix + ".mlp.gate_proj.weight", inner, width),
                    weights.matrix(prefix + ".mlp.up_proj.weight", inner, width),
                    weights.matrix(prefix + ".mlp.down_proj.weight", width, inner));
        }
    }
}
