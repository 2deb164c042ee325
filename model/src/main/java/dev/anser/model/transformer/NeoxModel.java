package dev.anser.model.transformer;

import dev.anser.model.Batch;
import dev.anser.model.CheckpointModel;
import dev.anser.model.KeyValueState;
import dev.anser.model.State;
import dev.anser.model.transformer.NeoxWeights.Block;
import dev.anser.model.transformer.NeoxWeights.Norm;
import dev.anser.model.transformer.NeoxWeights.Projection;
import dev.anser.tensor.Activate;
import dev.anser.tensor.Activation;
import dev.anser.tensor.AddBias;
import dev.anser.tensor.Attention;
import dev.anser.tensor.Ops;
import dev.anser.tensor.RotaryEmbedding;
import dev.anser.tensor.RotaryEmbedding.Pairs;
import dev.anser.tensor.Rotations;
import dev.anser.tensor.Segments;
import dev.anser.tensor.SplitHeads;
import dev.anser.tensor.Tensor;

/// GPT-NeoX (arXiv 2204.06745), as Hugging Face computes it: layer normalisation, queries, keys and
/// values by one projection, rotary positions on the first channels of each head, GELU by the error
/// function. The two halves of a block stand side by side or, in some models, one after the other.
///
/// R rows (tokens), C channels, H heads of N channels.
final class NeoxModel extends CheckpointModel {
    private final NeoxWeights weights;
    private final Layer[] layers;

    /// Takes over `weights`.
    NeoxModel(NeoxWeights weights) {
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
            Tensor attention =
                    attention(ops, norm(ops, x, block.attentionNorm()), rotations, batch);
            Tensor middle = ops.add(x, attention);
            Tensor input = weights.parallel() ? x : middle;
            return ops.add(middle, feedForward(ops, norm(ops, input, block.feedForwardNorm())));
        }

        private Tensor attention(Ops ops, Tensor x, Tensor rotations, Segments batch) {
            int headSize = config().headSize();
            Tensor fused = project(ops, x, block.queryKeyValue()); // (R, 3 H N)
            Tensor split = ops.run(new SplitHeads(fused, 3, headSize)); // (3, R, H N)
            Tensor query =
                    ops.run(new RotaryEmbedding(split.part(0), rotations, headSize, Pairs.HALVES));
            Tensor key =
                    ops.run(new RotaryEmbedding(split.part(1), rotations, headSize, Pairs.HALVES));
            Tensor out =
                    ops.run(
                            new Attention(
                                    query,
                                    key,
                                    split.part(2),
                                    headSize,
                                    batch,
                                    KeyValueLayout.POSITION,
                                    slot));
            return project(ops, out, block.output());
        }

        private Tensor feedForward(Ops ops, Tensor x) {
            Tensor inner = ops.run(new Activate(Activation.GELU, project(ops, x, block.up())));
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

    private Tensor norm(Ops ops, Tensor x, Norm norm) {
        return ops.layerNorm(x, norm.weight(), norm.bias(), weights.epsilon());
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
