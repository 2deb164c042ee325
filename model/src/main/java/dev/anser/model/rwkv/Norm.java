package dev.anser.model.rwkv;

import dev.anser.model.WeightReader;
import dev.anser.tensor.Ops;
import dev.anser.tensor.Tensor;

/// Weight and bias (C) of a layer or group normalisation.
public record Norm(Tensor weight, Tensor bias) {
    private static final float LAYER_NORM_EPSILON = 1e-5f;

    /// The tensors `name` + `.weight` and `.bias` of `width` numbers.
    public static Norm read(WeightReader weights, String name, int width) {
        return new Norm(
                weights.vector(name + ".weight", width), weights.vector(name + ".bias", width));
    }

    /// The layer normalisation of `x` (R, C).
    public Tensor layer(Ops ops, Tensor x) {
        return ops.layerNorm(x, weight, bias, LAYER_NORM_EPSILON);
    }
}
