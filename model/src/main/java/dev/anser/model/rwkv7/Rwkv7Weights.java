package dev.anser.model.rwkv7;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.ModelFormatException;
import dev.anser.model.CheckpointModel;
import dev.anser.model.ModelConfig;
import dev.anser.model.WeightReader;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.lang.foreign.Arena;
import org.jspecify.annotations.Nullable;

/// The tensors of an RWKV-7 or RWKV-7a checkpoint, by the names of the official code, checked.
///
/// Low-rank pairs are (C, rank) and (rank, C), to be multiplied from the left. The value residual
/// (`v0`, `v1`, `v2`) of layer 0 has no effect and may be missing.
record Rwkv7Weights(
        CheckpointModel.Read read, Norm inputNorm, Block[] blocks, Norm outputNorm, Tensor head) {
    static final String ARCHITECTURE = "rwkv7";

    /// Weight and bias (C) of a layer normalisation.
    record Norm(Tensor weight, Tensor bias) {}

    /// One block: two normalisations and the two mixes.
    record Block(
            Norm attentionNorm,
            Rwkv7TimeMix timeMix,
            Norm feedForwardNorm,
            ChannelMix channelMix) {}

    /// The weights of a channel mix; one token-shift coefficient vector.
    ///
    /// @param deepEmbed null but in RWKV-7a
    record ChannelMix(Tensor[] mixes, Tensor key, Tensor value, @Nullable DeepEmbed deepEmbed) {}

    /// The sizes, from names and shapes alone.
    static ModelConfig describe(Checkpoint checkpoint) {
        requireKnown(checkpoint);
        Shape embedding = CheckpointModel.matrixShape(checkpoint, "emb.weight");
        Shape heads = Rwkv7TimeMix.heads(checkpoint, "blocks.0.att.r_k", "emb.weight");
        Shape key = CheckpointModel.matrixShape(checkpoint, "blocks.0.ffn.key.weight");
        return new ModelConfig(
                ARCHITECTURE,
                hasDeepEmbed(checkpoint) ? "7a" : "7.0",
                CheckpointModel.layers(checkpoint, "blocks.", ".ln1.weight"),
                (int) embedding.size(1),
                (int) heads.size(0),
                (int) heads.size(1),
                (int) key.size(0),
                (int) embedding.size(0));
    }

    /// Whether this is RWKV-7a.
    private static boolean hasDeepEmbed(Checkpoint checkpoint) {
        return checkpoint.names().stream().anyMatch(name -> name.endsWith("." + DeepEmbed.TABLE));
    }

    private static void requireKnown(Checkpoint checkpoint) {
        for (String name : checkpoint.names()) {
            boolean attention = name.startsWith("blocks.") && name.contains(".qkv.");
            if (attention || name.endsWith(".ffn.enn.weight")) {
                throw new ModelFormatException(
                        checkpoint.source()
                                + ": this is an "
                                + (attention ? "RWKV-7b" : "RWKV-8")
                                + " model (it has "
                                + name
                                + "); expected RWKV-7, or RWKV-7a with DeepEmbed alone");
            }
        }
    }

    /// All tensors of `checkpoint`, checked.
    static Rwkv7Weights read(Checkpoint checkpoint) {
        ModelConfig config = describe(checkpoint);
        Arena arena = Arena.ofShared();
        try {
            WeightReader weights = new WeightReader(checkpoint, arena);
            return new Reader(weights, config, hasDeepEmbed(checkpoint))
                    .read(checkpoint.source(), arena);
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    /// Reads one checkpoint of these sizes.
    private record Reader(WeightReader weights, ModelConfig config, boolean deepEmbed) {
        Rwkv7Weights read(String source, Arena arena) {
            int width = config.width();
            Tensor embedding = weights.matrix("emb.weight", config.vocabulary(), width);
            Norm inputNorm = norm("blocks.0.ln0");
            Rwkv7TimeMix.Reader timeMixes =
                    new Rwkv7TimeMix.Reader(weights, config, true, true, Rwkv7TimeMix.EPSILON);
            Block[] blocks = new Block[config.layers()];
            for (int layer = 0; layer < blocks.length; layer++) {
                String prefix = "blocks." + layer + ".";
                blocks[layer] =
                        new Block(
                                norm(prefix + "ln1"),
                                timeMixes.read(prefix + "att.", layer),
                                norm(prefix + "ln2"),
                                channelMix(prefix + "ffn."));
            }
            Norm outputNorm = norm("ln_out");
            Tensor head = weights.matrix("head.weight", config.vocabulary(), width);
            CheckpointModel.Read read =
                    new CheckpointModel.Read(
                            source,
                            config,
                            arena,
                            embedding,
                            false,
                            weights.weights(),
                            weights.parameters());
            return new Rwkv7Weights(read, inputNorm, blocks, outputNorm, head);
        }

        private ChannelMix channelMix(String prefix) {
            int width = config.width();
            int inner = config.feedForward();
            return new ChannelMix(
                    new Tensor[] {weights.vector(prefix + "x_k", width)},
                    weights.matrix(prefix + "key.weight", inner, width),
                    weights.matrix(prefix + "value.weight", width, inner),
                    deepEmbed
                            ? DeepEmbed.read(weights, prefix, config.vocabulary(), width, inner)
                            : null);
        }

        private Norm norm(String name) {
            return new Norm(
                    weights.vector(name + ".weight", config.width()),
                    weights.vector(name + ".bias", config.width()));
        }
    }
}
