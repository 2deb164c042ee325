package dev.anser.train;

import dev.anser.tensor.Shape;

/// How the official trainers treat a weight.
///
/// @param rateScale what the learning rate is multiplied by
/// @param weightDecay its decay
public record ParameterGroup(double rateScale, double weightDecay) {
    /// The groups of RWKV-7 (RWKV-LM, `RWKV-v7/train_temp/src/model.py`): `att.w0` learns twice as
    /// fast; only matrices whose name contains `.weight` decay, so the embedding and the head do,
    /// the low-rank pairs and the bonus do not.
    public static ParameterGroup rwkv7(String name, Shape shape, double weightDecay) {
        if (name.contains("att.w0")) {
            return new ParameterGroup(2, 0);
        }
        boolean matrix = shape.squeeze().rank() >= 2;
        return new ParameterGroup(1, matrix && name.contains(".weight") ? weightDecay : 0);
    }
}
