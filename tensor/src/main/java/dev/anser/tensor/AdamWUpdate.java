package dev.anser.tensor;

/// The arithmetic of one step of AdamW (arXiv 1711.05101, algorithm 2), in double precision on F32
/// tensors. Vectors and plain Java give the same bits.
///
/// With g = `gradientScale` times the gradient: `m = β₁ m + (1 - β₁) g`, `v = β₂ v + (1 - β₂) g²`,
/// `p = kept · p - rate · m̂ / (√v̂ + ε)` with `m̂ = m / correction1` and `v̂ = v / correction2`.
///
/// @param rate the learning rate of this tensor and step
/// @param kept what weight decay leaves of a weight, `1 - rate · decay`
/// @param gradientScale what gradients are multiplied with, 1 unless they are clipped
/// @param beta1 β₁
/// @param beta2 β₂
/// @param correction1 `1 - β₁ᵗ` at step t
/// @param correction2 `1 - β₂ᵗ` at step t
/// @param epsilon ε
public record AdamWUpdate(
        double rate,
        double kept,
        double gradientScale,
        double beta1,
        double beta2,
        double correction1,
        double correction2,
        double epsilon) {
    private static final boolean VECTORS = new VectorBackend().unavailable().isEmpty();

    /// Updates the elements `from..to` of a weight and its moments. All F32, on the calling thread.
    ///
    /// @throws ShapeException when the tensors differ in size or the range is not within them
    public void run(Tensor weight, Tensor gradient, Tensor mean, Tensor square, int from, int to) {
        for (Tensor tensor : new Tensor[] {weight, gradient, mean, square}) {
            if (tensor.dtype() != DType.F32
                    || tensor.elements() != weight.elements()
                    || from < 0
                    || to > tensor.elements()) {
                throw new ShapeException(
                        "the elements %d to %d of a weight %s cannot be updated with %s"
                                .formatted(from, to, weight, tensor));
            }
        }
        int start = from;
        if (VECTORS) {
            start = VectorAdamW.run(this, weight, gradient, mean, square, from, to);
        }
        reference(weight, gradient, mean, square, start, to);
    }

    void reference(Tensor weight, Tensor gradient, Tensor mean, Tensor square, int from, int to) {
        for (int i = from; i < to; i++) {
            double g = gradientScale * Memory.get(gradient.address(), i);
            double m = beta1 * Memory.get(mean.address(), i) + (1 - beta1) * g;
            double v = beta2 * Memory.get(square.address(), i) + (1 - beta2) * g * g;
            Memory.set(mean.address(), i, (float) m);
            Memory.set(square.address(), i, (float) v);
            double change = rate * (m / correction1) / (Math.sqrt(v / correction2) + epsilon);
            float before = Memory.get(weight.address(), i);
            Memory.set(weight.address(), i, (float) (before * kept - change));
        }
    }
}
