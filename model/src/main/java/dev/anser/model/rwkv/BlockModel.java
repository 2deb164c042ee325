package dev.anser.model.rwkv;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.ModelFormatException;
import dev.anser.model.Batch;
import dev.anser.model.CheckpointModel;
import dev.anser.model.InitialState;
import dev.anser.model.ModelConfig;
import dev.anser.model.State;
import dev.anser.model.StateLayout;
import dev.anser.model.TensorState;
import dev.anser.tensor.Ops;
import dev.anser.tensor.Segments;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;

/// The way through an RWKV-4, RWKV-5 or RWKV-6: embedding, blocks, head. What a block does is the
/// version's.
public abstract class BlockModel extends CheckpointModel {
    private final Ends ends;
    private final Layer[] layers;
    private final State initial;

    /// Takes over what was read; `checkpoint` is read for a learned initial state.
    protected BlockModel(Read read, Ends ends, StateLayout layout, Checkpoint checkpoint) {
        super(read, layout);
        this.ends = ends;
        this.layers = new Layer[read.config().layers()];
        int slots = layout.slots().size() / layers.length;
        for (int i = 0; i < layers.length; i++) {
            layers[i] = new Layer(i, i * slots, slots);
        }
        this.initial = new TensorState(layout);
        try {
            if (InitialState.isIn(checkpoint)) {
                InitialState.read(checkpoint, initial);
            }
        } catch (RuntimeException e) {
            initial.close();
            read.arena().close();
            throw e;
        }
    }

    /// The sizes that all versions read from the same tensors.
    ///
    /// @param from the tensor that tells the heads
    /// @throws ModelFormatException when the heads do not make up the width
    public static ModelConfig describe(
            Checkpoint checkpoint, String architecture, String version, String from, long heads) {
        Shape embedding = matrixShape(checkpoint, "emb.weight");
        int width = (int) embedding.size(1);
        if (heads < 1 || width % heads != 0) {
            throw new ModelFormatException(
                    checkpoint.source()
                            + ": tensor "
                            + from
                            + " is "
                            + checkpoint.entry(from).shape()
                            + "; expected a first axis of heads, a divisor of "
                            + width
                            + ", the width of emb.weight");
        }
        return new ModelConfig(
                architecture,
                version,
                layers(checkpoint, "blocks.", ".ln1.weight"),
                width,
                (int) heads,
                (int) (width / heads),
                (int) matrixShape(checkpoint, "blocks.0.ffn.key.weight").size(0),
                (int) embedding.size(0));
    }

    /// One block.
    ///
    /// @param x (R, C)
    /// @param slot the first of the layer's carried tensors
    protected abstract Tensor block(Ops ops, int layer, Tensor x, Segments batch, int slot);

    private final class Layer implements Ops.Block {
        private final int index;
        private final int slot;
        private final int slots;

        Layer(int index, int slot, int slots) {
            this.index = index;
            this.slot = slot;
            this.slots = slots;
        }

        Tensor through(Ops ops, Tensor x, Segments batch) {
            return ops.block(this, x, x, batch, slot, slots);
        }

        @Override
        public Tensor run(Ops ops, Tensor x, Tensor shared, Segments batch) {
            return block(ops, index, x, batch, slot);
        }
    }

    @Override
    public final Tensor forward(Ops ops, Batch batch) {
        ops.begin();
        Tensor x = ops.embedding(ends.embedding(), batch.tokens(), batch.rows()); // (R, C)
        x = ends.inputNorm().layer(ops, x);
        for (Layer layer : layers) {
            x = layer.through(ops, x, batch);
        }
        if (batch.wantedRows().length < batch.rows()) {
            x = ops.rows(x, batch.wantedRows(), batch.wantedRows().length);
        }
        Tensor logits = ops.linear(ends.outputNorm().layer(ops, x), ends.head()); // (rows, V)
        requireFinite(ops, logits, batch);
        return logits;
    }

    @Override
    public final State newState() {
        return initial.copy();
    }

    @Override
    public final void close() {
        initial.close();
        super.close();
    }
}
