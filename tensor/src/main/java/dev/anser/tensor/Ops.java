package dev.anser.tensor;

/// The operations that models are written with.
///
/// A model calls them in order and never asks how they run: [EagerOps] executes at once on the CPU;
/// a recording implementation can wrap another one and remember what a backward pass needs.
/// Activations are F32; weight matrices may be any computable [DType]; vectors (norms, biases,
/// mixing coefficients) are F32.
///
/// Shapes use R rows (all tokens of the batch, sequence after sequence), C channels, H heads of N =
/// C / H channels. Results belong to the ops' workspace and are valid until the next pass begins.
/// Inputs are never written, except the carried tensors of the segments, which hold the state after
/// the segment's last row when the call returns.
///
/// Every result row depends on its own sequence alone: not on what else is in the batch, on how the
/// sequence was cut into chunks, or on the number of threads.
///
/// Every operation throws [ShapeException] when its operands do not fit together.
public interface Ops {
    /// Starts a pass: all results of the previous one become invalid.
    void begin();

    /// A part of a model that can run again: a layer, made once and kept.
    interface Block {
        /// The part's result for `x` (R, C).
        ///
        /// @param shared what an earlier part made for all later ones
        /// @param batch the batch that `x` is of
        Tensor run(Ops ops, Tensor x, Tensor shared, Segments batch);
    }

    /// Runs `block`. Only its result outlives the call, so the memory of a pass is that of one
    /// block, not of all; an implementation that needs more for a backward pass may keep it, or run
    /// the block again.
    ///
    /// @param firstSlot the first of the carried tensors that the block moves on
    /// @param slots how many of them there are
    Tensor block(Block block, Tensor x, Tensor shared, Segments batch, int firstSlot, int slots);

    /// Runs an operation that one architecture brings. The object is used up.
    Tensor run(Operation operation);

    /// Rows `ids[0..count)` of `table` (V, C) as F32: (count, C).
    Tensor embedding(Tensor table, int[] ids, int count);

    /// Rows `rows[0..count)` of `x` (R, C): (count, C).
    Tensor rows(Tensor x, int[] rows, int count);

    /// The first row of `x` that holds an infinity or NaN, or -1 when all is finite.
    int firstNonFiniteRow(Tensor x);

    /// `x · weightᵀ` with `x` (R, in) and `weight` (out, in): (R, out).
    Tensor linear(Tensor x, Tensor weight);

    /// `x · weight` with `x` (R, in) and `weight` (in, out): (R, out). The orientation of RWKV's
    /// low-rank pairs.
    Tensor project(Tensor x, Tensor weight);

    /// `a + b`, equal shapes.
    Tensor add(Tensor a, Tensor b);

    /// `tanh(x)`.
    Tensor tanh(Tensor x);

    /// `1 / (1 + exp(-x))`.
    Tensor sigmoid(Tensor x);

    /// `max(x, 0)²`.
    Tensor reluSquared(Tensor x);

    /// `sigmoid(bias + x)` with `bias` (C) and `x` (R, C).
    Tensor sigmoidWithBias(Tensor x, Tensor bias);

    /// `from + (to - from) · weight`, equal shapes.
    Tensor lerp(Tensor from, Tensor to, Tensor weight);

    /// Layer normalisation of each row: `(x - mean) / sqrt(variance + epsilon) · weight + bias`,
    /// biased variance.
    Tensor layerNorm(Tensor x, Tensor weight, Tensor bias, float epsilon);

    /// Token shift: for each of the n `mixes` (C), `x + (previous - x) · mix`, where `previous` is
    /// the row before in the same sequence, or the carried tensor `slot` (C) for a segment's first
    /// row. Result (n, R, C); see [Tensor#part(int)]. Carries the last row.
    Tensor shiftLerp(Tensor x, Tensor[] mixes, Segments segments, int slot);

    /// RWKV-7 decay: `exp(-e^(-1/2) · sigmoid(bias + x))`, each in (0.545, 1). (RWKV-7 paper, arXiv
    /// 2503.14456, section 4.1, weight preparation.)
    Tensor decay7(Tensor x, Tensor bias);

    /// RWKV-7 keys from the raw key `k` (R, C) and the in-context learning rate `a` (R, C), with N
    /// = `headSize`. Result (3, R, C): the replacement key `k · (1 + (a - 1) · keyRate)`, the
    /// negated removal key `-κ`, and `κ · a`, where κ is `k · keyScale` normalised to length 1 per
    /// head. (Section 4.1, weight preparation.)
    Tensor keys7(Tensor k, Tensor a, Tensor keyScale, Tensor keyRate, int headSize);

    /// The WKV-7 recurrence per head: with carried state S (keys × values, tensor `slot` of shape
    /// (H, N, N)), `S = diag(w) S + b (aᵀ S) + k vᵀ` and `y = rᵀ S`. All inputs (R, C). Result (R,
    /// C). (Section 4.1, weighted key value state evolution; the state is stored key-major, the
    /// transpose of the paper's.)
    Tensor wkv7(
            Tensor r,
            Tensor w,
            Tensor k,
            Tensor v,
            Tensor a,
            Tensor b,
            int headSize,
            Segments segments,
            int slot);

    /// The output of an RWKV-7 time mix before its last projection: group normalisation of `y` with
    /// one group per head, plus the bonus `(Σ_head r · k · bonus) · v`, all times the gate `g`.
    /// (Section 4.1, WKV bonus and output.)
    Tensor gatedGroupNorm7(
            Tensor y,
            Tensor weight,
            Tensor bias,
            float epsilon,
            Tensor r,
            Tensor k,
            Tensor v,
            Tensor bonus,
            Tensor g,
            int headSize);
}
