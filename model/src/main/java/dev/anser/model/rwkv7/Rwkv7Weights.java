package dev.anser.model.rwkv7;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.ModelFormatException;
import dev.anser.model.CheckpointModel;
import dev.anser.model.ModelConfig;
import dev.anser.model.WeightReader;
import dev.anser.tensor.Ops;
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

    /// Weight and bias (C) of a layer or group normalisation.
    record Norm(Tensor weight, Tensor bias) {}

    /// One block: two normalisations and the two mixes.
    record Block(
            Norm attentionNorm, TimeMix timeMix, Norm feedForwardNorm, ChannelMix channelMix) {}

    /// `x ↦ activation(x · down) · up`, with `down` (C, rank) and `up` (rank, C).
    record LowRank(Tensor down, Tensor up) {
        Tensor down(Ops ops, Tensor x) {
            return ops.project(x, down);
        }

        Tensor up(Ops ops, Tensor x) {
            return ops.project(x, up);
        }
    }

    /// The weights of a time mix.
    ///
    /// @param mixes token-shift coefficients (C) in the order r, w, k, v, a, g
    /// @param valueResidual null in layer 0, which has none
    record TimeMix(
            Tensor[] mixes,
            Tensor receptance,
            Tensor key,
            Tensor value,
            Tensor output,
            LowRank decay,
            Tensor decayBias,
            LowRank learningRate,
            Tensor learningRateBias,
            @Nullable LowRank valueResidual,
            @Nullable Tensor valueResidualBias,
            LowRank gate,
            Tensor keyScale,
            Tensor keyRate,
            Tensor bonus,
            Norm norm) {}

    /// The weights of a channel mix; one token-shift coefficient vector.
    ///
    /// @param deepEmbed null but in RWKV-7a
    record ChannelMix(Tensor[] mixes, Tensor key, Tensor value, @Nullable DeepEmbed deepEmbed) {}

    /// The sizes, from names and shapes alone.
    static ModelConfig describe(Checkpoint checkpoint) {
        requireKnown(checkpoint);
        Shape embedding = CheckpointModel.matrixShape(checkpoint, "emb.weight");
        Shape bonus = CheckpointModel.matrixShape(checkpoint, "blocks.0.att.r_k");
        Shape key = CheckpointModel.matrixShape(checkpoint, "blocks.0.ffn.key.weight");
        int width = (int) embedding.size(1);
        int heads = (int) bonus.size(0);
        int headSize = (int) bonus.size(1);
        if ((long) heads * headSize != width) {
            throw new ModelFormatException(
                    checkpoint.source()
                            + ": tensor blocks.0.att.r_k is "
                            + bonus
                            + "; expected heads × head size = "
                            + width
                            + ", the width of emb.weight");
        }
        return new ModelConfig(
                ARCHITECTURE,
                hasDeepEmbed(checkpoint) ? "7a" : "7.0",
                CheckpointModel.layers(checkpoint, "blocks.", ".ln1.weight"),
                width,
                heads,
                headSize,
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
            Reader reader =
                    new Reader(
                            new WeightReader(checkpoint, arena), config, hasDeepEmbed(checkpoint));
            return reader.read(checkpoint.source(), arena);
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
            Block[] blocks = new Block[config.layers()];
            for (int layer = 0; layer < blocks.length; layer++) {
                String prefix = "blocks." + layer + ".";
                blocks[layer] =
                        new Block(
                                norm(prefix + "ln1"),
                                timeMix(prefix + "att.", layer),
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

        private TimeMix timeMix(String prefix, int layer) {
            int width = config.width();
            boolean residual = layer > 0;
            return new TimeMix(
                    timeMixes(prefix),
                    square(prefix + "receptance.weight"),
                    square(prefix + "key.weight"),
                    square(prefix + "value.weight"),
                    square(prefix + "output.weight"),
                    lowRank(prefix + "w1", prefix + "w2"),
                    weights.vector(prefix + "w0", width),
                    lowRank(prefix + "a1", prefix + "a2"),
                    weights.vector(prefix + "a0", width),
                    residual ? lowRank(prefix + "v1", prefix + "v2") : null,
                    residual ? weights.vector(prefix + "v0", width) : null,
                    lowRank(prefix + "g1", prefix + "g2"),
                    weights.vector(prefix + "k_k", width),
                    weights.vector(prefix + "k_a", width),
                    weights.vector(prefix + "r_k", width),
                    norm(prefix + "ln_x"));
        }

        private Tensor[] timeMixes(String prefix) {
            int width = config.width();
            String[] names = {"x_r", "x_w", "x_k", "x_v", "x_a", "x_g"};
            Tensor[] mixes = new Tensor[names.length];
            for (int i = 0; i < names.length; i++) {
                mixes[i] = weights.vector(prefix + names[i], width);
            }
            return mixes;
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

        private Tensor square(String name) {
            return weights.matrix(name, config.width(), config.width());
        }

        private LowRank lowRank(String down, String up) {
            int width = config.width();
            Tensor first = weights.matrixWithAxis(down, 0, width);
            return new LowRank(first, weights.matrix(up, first.shape().size(1), width));
        }

        private Norm norm(String name) {
            return new Norm(
                    weights.vector(name + ".weight", config.width()),
                    weights.vector(name + ".bias", config.width()));
        }
    }
}
