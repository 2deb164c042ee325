package dev.anser.model.rwkv7;

import dev.anser.model.Batch;
import dev.anser.model.WeightReader;
import dev.anser.tensor.Ops;
import dev.anser.tensor.ProductWithBias;
import dev.anser.tensor.RowProduct;
import dev.anser.tensor.Tensor;

/// What RWKV-7a adds to the channel mix of RWKV-7: DeepEmbed, as the official code
/// (`RWKV-v7/rwkv_v7a_demo.py`) computes it.
///
/// Each layer has an embedding of its own, whose row for a token is a matrix E of D × D numbers; D
/// is 32 in the official models. It scales the inside of the channel mix: `relu(K x)² · (s0 + (x
/// s1) E s2)`. The row is a sum: `s_emb` has it for every token, and `s_emb_x` makes its other part
/// of the embedding of the model. Official code adds up both tables when it loads a model; here the
/// sum is made for the tokens of a batch, so there is no second table, and both parts learn.
///
/// @param table `s_emb.weight` (V, D²)
/// @param residual `s_emb_x.weight` (D², C)
/// @param bias `s0` (4C)
/// @param down `s1` (C, D)
/// @param up `s2` (D, 4C)
record DeepEmbed(Tensor table, Tensor residual, Tensor bias, Tensor down, Tensor up) {
    /// The end of the name that only models with DeepEmbed have.
    static final String TABLE = "ffn.s_emb.weight";

    /// The tokens of a pass.
    ///
    /// @param embedded their normalised embeddings (R, C)
    record Tokens(Batch batch, Tensor embedded) {}

    /// The tensors of the channel mix `prefix` of a model of `vocabulary` tokens, `width` channels
    /// and `inner` channels inside the channel mix.
    static DeepEmbed read(
            WeightReader weights, String prefix, long vocabulary, long width, long inner) {
        Tensor down = weights.matrixWithAxis(prefix + "s1", 0, width);
        long rank = down.columns();
        return new DeepEmbed(
                weights.matrix(prefix + "s_emb.weight", vocabulary, rank * rank),
                weights.matrix(prefix + "s_emb_x.weight", rank * rank, width),
                weights.vector(prefix + "s0", inner),
                down,
                weights.matrix(prefix + "s2", rank, inner));
    }

    /// `inner` (R, 4C), what is inside the channel mix of `x` (R, C), scaled by what the tokens
    /// say.
    Tensor scaled(Ops ops, Tensor inner, Tensor x, Tokens tokens) {
        Batch batch = tokens.batch();
        Tensor own = ops.embedding(table, batch.tokens(), batch.rows()); // (R, D²)
        Tensor matrices = ops.add(own, ops.linear(tokens.embedded(), residual));
        Tensor low = ops.run(new RowProduct(ops.project(x, down), matrices)); // (R, D)
        return ops.run(new ProductWithBias(inner, ops.project(low, up), bias));
    }
}
