package dev.anser.model.retnet;

import dev.anser.model.Batch;
import dev.anser.model.CheckpointModel;
import dev.anser.model.ModelConfig;
import dev.anser.model.State;
import dev.anser.model.StateLayout;
import dev.anser.model.TensorState;
import dev.anser.model.retnet.RetnetWeights.Block;
import dev.anser.tensor.Activate;
import dev.anser.tensor.Activation;
import dev.anser.tensor.Ops;
import dev.anser.tensor.Retention;
import dev.anser.tensor.RmsNorm;
import dev.anser.tensor.RotaryEmbedding;
import dev.anser.tensor.RotaryEmbedding.Pairs;
import dev.anser.tensor.Rotations;
import dev.anser.tensor.Scale;
import dev.anser.tensor.Segments;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/// RetNet (arXiv 2307.08621), as torchscale computes it.
///
/// R rows (tokens), C channels, H heads of N key channels and M value channels. A state has the
/// position, which turns queries and keys, and per layer two slots under the official names: what
/// is retained (H, M, N), and its scale (H).
final class RetnetModel extends CheckpointModel {
    private static final int POSITION = 0;
    private static final int SLOTS_PER_LAYER = 2;

    private final RetnetWeights weights;
    private final double[] frequencies;
    private final Layer[] layers;

    /// Takes over `weights`.
    RetnetModel(RetnetWeights weights) {
        super(weights.read(), layout(weights.read().config()));
        this.weights = weights;
        this.frequencies = frequencies(config().headSize() / 2);
        this.layers = new Layer[weights.blocks().length];
        for (int i = 0; i < layers.length; i++) {
            layers[i] = new Layer(weights.blocks()[i], 1 + i * SLOTS_PER_LAYER);
        }
    }

    static StateLayout layout(ModelConfig config) {
        Shape retained = Shape.of(config.heads(), config.valueSize(), config.headSize());
        List<StateLayout.Slot> slots = new ArrayList<>();
        slots.add(StateLayout.Slot.position());
        for (int layer = 0; layer < config.layers(); layer++) {
            String prefix = "layers." + layer + ".";
            slots.add(new StateLayout.Slot(prefix + "prev_key_value", retained, false));
            slots.add(new StateLayout.Slot(prefix + "scale", Shape.of(config.heads()), false));
        }
        return new StateLayout(RetnetWeights.ARCHITECTURE, slots);
    }

    /// `10000^-t` with t in even steps from 0 to 1.
    private static double[] frequencies(int pairs) {
        double[] frequencies = new double[pairs];
        for (int i = 0; i < pairs; i++) {
            frequencies[i] = Math.pow(10_000, -(double) i / (pairs - 1));
        }
        return frequencies;
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
            Tensor input = norm(ops, x, block.retentionNorm());
            Tensor middle = ops.add(x, retention(ops, input, rotations, batch));
            return ops.add(middle, feedForward(ops, norm(ops, middle, block.feedForwardNorm())));
        }

        private Tensor retention(Ops ops, Tensor x, Tensor rotations, Segments batch) {
            int headSize = config().headSize();
            Tensor query = ops.linear(x, block.query()); // (R, H N)
            Tensor key = ops.linear(x, block.key());
            key = ops.run(new Scale(key, (float) (1 / Math.sqrt(headSize))));
            Tensor value = ops.linear(x, block.value()); // (R, H M)
            Tensor gate = ops.linear(x, block.gate());
            query = ops.run(new RotaryEmbedding(query, rotations, headSize, Pairs.ADJACENT));
            key = ops.run(new RotaryEmbedding(key, rotations, headSize, Pairs.ADJACENT));
            Tensor out = ops.run(new Retention(query, key, value, config().heads(), batch, slot));
            Tensor normed = ops.run(RmsNorm.ofHeads(out, config().valueSize(), weights.epsilon()));
            Tensor gated = ops.run(new Activate(Activation.SILU, gate, normed));
            return ops.linear(gated, block.output());
        }

        private Tensor feedForward(Ops ops, Tensor x) {
            Tensor inner = ops.linear(x, block.inner());
            Tensor gate = ops.linear(x, block.innerGate());
            return ops.linear(
                    ops.run(new Activate(weights.activation(), inner, gate)), block.down());
        }
    }

    @Override
    public Tensor forward(Ops ops, Batch batch) {
        ops.begin();
        batch.advance();
        Tensor x = ops.embedding(weights.read().embedding(), batch.tokens(), batch.rows());
        if (weights.embeddingScale() != 1) {
            x = ops.run(new Scale(x, weights.embeddingScale()));
        }
        Tensor rotations = ops.run(new Rotations(frequencies, batch, POSITION));
        for (Layer layer : layers) {
            x = ops.block(layer, x, rotations, batch, layer.slot, SLOTS_PER_LAYER);
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

    @Override
    public State newState() {
        return new TensorState(stateLayout());
    }
}
