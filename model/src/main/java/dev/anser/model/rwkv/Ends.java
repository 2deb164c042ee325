package dev.anser.model.rwkv;

import dev.anser.model.ModelConfig;
import dev.anser.model.WeightReader;
import dev.anser.tensor.Tensor;

/// What stands before and behind the blocks.
///
/// @param embedding (V, C)
/// @param inputNorm `blocks.0.ln0`, applied to the embedding
/// @param head (V, C)
public record Ends(Tensor embedding, Norm inputNorm, Norm outputNorm, Tensor head) {
    /// The tensors by their official names.
    public static Ends read(WeightReader weights, ModelConfig config) {
        int width = config.width();
        return new Ends(
                weights.matrix("emb.weight", config.vocabulary(), width),
                Norm.read(weights, "blocks.0.ln0", width),
                Norm.read(weights, "ln_out", width),
                weights.matrix("head.weight", config.vocabulary(), width));
    }
}
