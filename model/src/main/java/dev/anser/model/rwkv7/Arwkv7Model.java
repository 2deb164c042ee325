package dev.anser.model.rwkv7;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.Batch;
import dev.anser.model.ModelConfig;
import dev.anser.model.RecurrentModel;
import dev.anser.model.StateLayout;
import dev.anser.model.rwkv7.Arwkv7Weights.Block;
import dev.anser.tensor.Activate;
import dev.anser.tensor.Activation;
import dev.anser.tensor.Ops;
import dev.anser.tensor.RmsNorm;
import dev.anser.tensor.Segments;
import dev.anser.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/// ARWKV-7 (arXiv 2501.15570): a Transformer with RMS normalisation and SwiGLU whose attention is
/// the time mix of RWKV-7, as its authors' code computes it.
///
/// R rows (tokens), C channels. Per layer a state has the two slots of the time mix; the feed
/// forward sees its own row alone.
final class Arwkv7Model extends RecurrentModel {
    private static final int SLOTS_PER_LAYER = 2;
    private static final int SHIFT = 0;
    private static final int STATE = 1;

    private final Arwkv7Weights weights;
    private final Layer[] layers;

    /// Takes over `weights`; `checkpoint` is read for a learned initial state.
    Arwkv7Model(Arwkv7Weights weights, Checkpoint checkpoint) {
        super(weights.read(), layout(weights.read().config()), checkpoint);
        this.weights = weights;
        this.layers = new Layer[weights.blocks().length - 1];
        for (int i = 0; i < layers.length; i++) {
            layers[i] = new Layer(weights.blocks()[i + 1], (i + 1) * SLOTS_PER_LAYER);
        }
    }

    static StateLayout layout(ModelConfig config) {
        List<StateLayout.Slot> slots = new ArrayList<>();
        for (int layer = 0; layer < config.layers(); layer++) {
            slots.addAll(Rwkv7TimeMix.slots(config, layer));
        }
        return new StateLayout(Arwkv7Weights.ARCHITECTURE, slots);
    }

    /// A layer but the first.
    private final class Layer implements Ops.Block {
        private final Block block;
        private final int slot;

        Layer(Block block, int slot) {
            this.block = block;
            this.slot = slot;
        }

        @Override
        public Tensor run(Ops ops, Tensor x, Tensor firstValue, Segments batch) {
            Tensor input = norm(ops, x, block.attentionNorm());
            Tensor shifted = block.timeMix().shifted(ops, input, batch, slot + SHIFT);
            Tensor value = block.timeMix().value(ops, shifted, firstValue);
            return finish(ops, block, x, shifted, value, batch, slot);
        }
    }

    /// All of a layer that follows its token shift and its values.
    private Tensor finish(
            Ops ops,
            Block block,
            Tensor x,
            Tensor shifted,
            Tensor value,
            Segments batch,
            int slot) {
        Tensor attention = block.timeMix().run(ops, shifted, value, batch, slot + STATE);
        Tensor middle = ops.add(x, attention);
        Tensor input = norm(ops, middle, block.feedForwardNorm());
        Tensor gate = ops.linear(input, block.gate());
        Tensor up = ops.linear(input, block.up());
        Tensor inner = ops.run(new Activate(Activation.SILU, gate, up));
        return ops.add(middle, ops.linear(inner, block.down()));
    }

    @Override
    public Tensor forward(Ops ops, Batch batch) {
        ops.begin();
        Tensor x =
                ops.embedding(weights.read().embedding(), batch.tokens(), batch.rows()); // (R, C)
        // Layer 0 also makes what all others need: its values.
        Block first = weights.blocks()[0];
        Tensor input = norm(ops, x, first.attentionNorm());
        Tensor shifted = first.timeMix().shifted(ops, input, batch, SHIFT);
        Tensor firstValue = first.timeMix().value(ops, shifted); // (R, C)
        x = finish(ops, first, x, shifted, firstValue, batch, 0);
        for (Layer layer : layers) {
            x = ops.block(layer, x, firstValue, batch, layer.slot, SLOTS_PER_LAYER);
        }
        if (batch.wantedRows().length < batch.rows()) {
            x = ops.rows(x, batch.wantedRows(), batch.wantedRows().length);
        }
        Tensor logits = ops.linear(norm(ops, x, weights.outputNorm()), weights.head()); // (rows, V)
        requireFinite(ops, logits, batch);
        return logits;
    }

    private Tensor norm(Ops ops, Tensor x, Tensor weight) {
        return ops.run(new RmsNorm(x, weight, weights.epsilon()));
    }
}
