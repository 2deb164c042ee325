package dev.anser.model.rwkv;

import dev.anser.model.ModelConfig;
import dev.anser.model.WeightReader;
import dev.anser.tensor.Gate;
import dev.anser.tensor.Ops;
import dev.anser.tensor.Tensor;

/// The channel mix of RWKV-4 to RWKV-6: `sigmoid(R x_r) · (V max(K x_k, 0)²)`.
///
/// @param mixes token-shift coefficients (C) of the key and the receptance
/// @param key K (F, C)
/// @param receptance R (C, C)
/// @param value V (C, F)
public record ChannelMix(Tensor[] mixes, Tensor key, Tensor receptance, Tensor value) {
    /// The tensors of the block with `prefix`.
    ///
    /// @param mix what the coefficients are called: `time_mix_` or `time_maa_`
    public static ChannelMix read(
            WeightReader weights, String prefix, String mix, ModelConfig config) {
        int width = config.width();
        int inner = config.feedForward();
        return new ChannelMix(
                new Tensor[] {
                    weights.vector(prefix + "ffn." + mix + "k", width),
                    weights.vector(prefix + "ffn." + mix + "r", width)
                },
                weights.matrix(prefix + "ffn.key.weight", inner, width),
                weights.matrix(prefix + "ffn.receptance.weight", width, width),
                weights.matrix(prefix + "ffn.value.weight", width, inner));
    }

    /// The result for the shifted inputs `forKey` and `forReceptance` (R, C).
    public Tensor run(Ops ops, Tensor forKey, Tensor forReceptance) {
        Tensor inner = ops.reluSquared(ops.linear(forKey, key)); // (R, F)
        Tensor gate = ops.linear(forReceptance, receptance);
        return ops.run(Gate.sigmoid(ops.linear(inner, value), gate));
    }
}
