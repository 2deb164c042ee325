package dev.anser.tensor;

import org.jspecify.annotations.Nullable;

/// The backward steps of one backend, of all operations but the matrix products and WKV, on one
/// thread.
///
/// [ReferenceGradients] says what each one means, in plain Java. `dy` is the gradient of the loss
/// to the result `y`; every other `d…` is a [Target] for the gradient of an operand, or, where rows
/// are summed, the address of C floats that the rows' shares are added to. Ranges are half open.
/// Targets are written in the order of the parameters, so that two may be the same tensor.
interface GradientKernels {
    /// `target += source`, or `target = source`: elements `from..to`.
    void pass(Tensor source, Target target, int from, int to);

    /// `target += source`.
    void add(long source, long target, int count);

    /// Elements `from..to`.
    void tanh(Tensor y, Tensor dy, Target dx, int from, int to);

    /// Elements `from..to`.
    void sigmoid(Tensor y, Tensor dy, Target dx, int from, int to);

    /// Elements `from..to`.
    void reluSquared(Tensor x, Tensor dy, Target dx, int from, int to);

    /// Elements `from..to`.
    void lerp(
            Tensor start,
            Tensor end,
            Tensor weight,
            Tensor dy,
            Target dStart,
            Target dEnd,
            Target dWeight,
            int from,
            int to);

    /// Rows `from..to`.
    void sigmoidWithBias(Tensor y, Tensor dy, Target dx, long dBias, int from, int to);

    /// Rows `from..to`; `scratch` has C floats.
    void decay7(
            Tensor x,
            Tensor bias,
            Tensor y,
            Tensor dy,
            Target dx,
            long dBias,
            long scratch,
            int from,
            int to);

    /// Rows `from..to`.
    void layerNorm(
            Tensor x,
            Tensor weight,
            float epsilon,
            Tensor dy,
            Target dx,
            long dWeight,
            long dBias,
            int from,
            int to);

    /// Rows `from..to`. A row feeds its own results and, by `mixes` (n, C), those of the next row
    /// of its segment; a segment's first row feeds on `carried` (segments, C). `dMixes` has n · C
    /// floats, `scratch` C.
    void shiftLerp(
            Tensor x,
            Tensor mixes,
            Segments segments,
            Tensor carried,
            Tensor dy,
            Target dx,
            @Nullable Tensor[] dCarried,
            long dMixes,
            long scratch,
            int from,
            int to);

    /// Rows `from..to`.
    void keys7(
            Tensor k,
            Tensor a,
            Tensor keyScale,
            Tensor keyRate,
            int headSize,
            Tensor dy,
            Target dk,
            Target da,
            long dScale,
            long dRate,
            int from,
            int to);

    /// Rows `from..to`.
    void gatedGroupNorm7(
            GatedGroupNorm7 operands,
            Tensor dz,
            GatedGroupNorm7Targets targets,
            long dWeight,
            long dBias,
            long dBonus,
            int from,
            int to);

    /// The operands of [Ops#gatedGroupNorm7].
    record GatedGroupNorm7(
            Tensor y,
            Tensor weight,
            Tensor bias,
            float epsilon,
            Tensor r,
            Tensor k,
            Tensor v,
            Tensor bonus,
            Tensor g,
            int headSize) {}

    /// Where their gradients go, in the order in which they are written.
    record GatedGroupNorm7Targets(Target dg, Target dv, Target dy, Target dr, Target dk) {}
}
