package dev.anser.model.transformer;

import dev.anser.model.Batch;
import dev.anser.model.CheckpointModel;
import dev.anser.model.KeyValueState;
import dev.anser.model.State;
import dev.anser.model.transformer.LlamaWeights.Block;
import dev.anser.model.transformer.LlamaWeights.Projection;
import dev.anser.tensor.Activate;
import dev.anser.tensor.Activation;
import dev.anser.tensor.AddBias;
import dev.anser.tensor.Attention;
import dev.anser.tensor.Ops;
import dev.anser.tensor.RmsNorm;
import dev.anser.tensor.RotaryEmbedding;
import dev.anser.tensor.RotaryEmbedding.Pairs;
import dev.anser.tensor.Rotations;
import dev.anser.tensor.Segments;
import dev.anser.tensor.Tensor;

/// LLaMA (arXiv 2302.13971), as Hugging Face computes it: RMS normalisation before each half,
/// rotary positions on the two halves of each head, grouped queries, SwiGLU.
///
/// R rows (tokens), C channels, H query heads and K key heads of N channels.
final class LlamaModel extends CheckpointModel {
    private final LlamaWeights weights;
    private final Layer[] layers;

    /// Takes over `weights`.
    LlamaModel(LlamaWeights weights) {
        super(weights.read(), KeyValueLayout.of(weights.read().config()));
        this.weights = weights;
        this.layers = new Layer[weights.blocks().length];
        for (int i = 0; i < layers.length; i++) {
            layers[i] = new Layer(weights.blocks()[i], KeyValueLayout.keys(i));
        }
    }

    /// One layer; what all layers share is the rotations of the rows.
    private final class Layer implements Ops.Block {
        private final Block block;
        private final int slot;

        Layer(Block block, int slot) {
            this.block = block;
            this.slot = slot;
        }

        @Override
        public Tensor run(Ops ops, Tensor x, Tensor rotations, Segments batch) {
            Tensor input = norm(ops, x, block.attentionNorm());
            Tensor middle = ops.add(x, attention(ops, input, rotations, batch));
            return ops.add(middle, feedForward(ops, norm(ops, middle, block.feedForwardNorm())));
        }

        private Tensor attention(Ops ops, Tensor x, Tensor rotations, Segments batch) {
            int headSize = config().headSize();
            Tensor query = project(ops, x, block.query()); // (R, H N)
            Tensor key = project(ops, x, block.key()); // (R, K N)
            Tensor value = project(ops, x, block.value());
            query = ops.run(new RotaryEmbedding(query, rotations, headSize, Pairs.HALVES));
            key = ops.run(new RotaryEmbedding(key, rotations, headSize, Pairs.HALVES));
            Tensor out =
                    ops.run(
                            new Attention(
                                    query,
                                    key,
                                    value,
                                    headSize,
                                    batch,
                                    KeyValueLayout.POSITION,
                                    slot));
            return project(ops, out, block.output());
        }

        private Tensor feedForward(Ops ops, Tensor x) {
            Tensor gate = project(ops, x, block.gate());
            Tensor up = project(ops, x, block.up());
            Tensor inner = ops.run(new Activate(Activation.SILU, gate, up));
            return project(ops, inner, block.down());
        }
    }

    @Override
    public Tensor forward(Ops ops, Batch batch) {
        ops.begin();
        batch.advance();
        Tensor x = ops.embedding(weights.read().embedding(), batch.tokens(), batch.rows());
        Tensor rotations =
                ops.run(new Rotations(weights.frequencies(), batch, KeyValueLayout.POSITION));
        for (Layer layer : layers) {
            x = ops.block(layer, x, rotations, batch, layer.slot, KeyValueLayout.SLOTS_PER_LAYER);
        }
        if (batch.wantedRows().length < batch.rows()) {
            x = ops.rows(x, batch.wantedRows(), batch.wantedRows().length);
        }
        Tensor logits = ops.linear(norm(ops, x, weights.outputNorm()), weights.head());
        requireFinite(ops, logits, batch);
        return logits;
    }

    private Tensor norm(Ops ops, Tensor x, Tensor weight) {
        return ops.run(new RmsNorm(x, weight, weights.epsilon()));
    }

    private static Tensor project(Ops ops, Tensor x, Projection projection) {
        Tensor y = ops.linear(x, projection.weight());
        return projection.bias() == null ? y : ops.run(new AddBias(y, projection.bias()));
    }

    @Override
    public State newState() {
        return new KeyValueState(stateLayout());
    }
}
