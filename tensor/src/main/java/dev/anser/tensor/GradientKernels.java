package dev.anser.tensor;

import org.jspecify.annotations.Nullable;

/// The backward steps of one backend, of all operations but the matrix products and WKV-7, on one
/// thread.
///
/// [ReferenceGradients] says what each one means, in plain Java. `dy` is the gradient of the loss
/// to the result `y`; every other `d…` is a [Target] for the gradient of an operand, or, where rows
/// are summed, the address of C floats that the rows' shares are added to. Ranges are half open.
/// Targets are written in the order of the parameters, so that two may be the same tensor.
interface GradientKernels {
    /// A sweep over the rows `from..to`. What is summed over rows is added to the C floats for each
    /// sum at `sums`; `scratch` keeps what one sweep leaves to the next.
    ///
    /// Steps of many operands come as several sweeps over a few rows, called from one place: the
    /// compiler stops inlining after a dozen vector loads and stores in a method, and the vectors
    /// of the rest would be objects.
    interface Rows {
        void run(int from, int to, long sums, long scratch);
    }

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

    /// Sums: of the weight and of the bias. Scratch: 4 floats a row.
    Rows[] layerNorm(Tensor x, Tensor weight, float epsilon, Tensor dy, Target dx);

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

    /// Sums: of the key scale and of the key rate. Scratch: 4 floats a head.
    Rows[] keys7(
            Tensor k,
            Tensor a,
            Tensor keyScale,
            Tensor keyRate,
            int headSize,
            Tensor dy,
            Target dk,
            Target da);

    /// Sums: of the weight, of the bias and of the bonus. Scratch: 6 floats a head.
    Rows[] gatedGroupNorm7(GatedGroupNorm7 operands, Tensor dz, GatedGroupNorm7Targets targets);

    /// One head of one sequence of [Wkv6].
    void wkv6(Wkv6Span span);

    /// One row of [CrossEntropy]; returns its loss. `gradient` may be `logits`.
    double crossEntropy(
            long logits, int vocabulary, int target, double scale, long gradient, boolean l2Wrap);

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
