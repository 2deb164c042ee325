package dev.anser.model;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.tensor.Activate;
import dev.anser.tensor.Activation;
import dev.anser.tensor.Ops;
import dev.anser.tensor.PreviousRows;
import dev.anser.tensor.Segments;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/// What RWKV-4, 5 and 6 have in common: all but the time mix.
public abstract class RwkvModel extends RecurrentModel {
    private static final float LAYER_NORM_EPSILON = 1e-5f;

    private final Trunk trunk;
    private final Layer[] layers;
    private final int slotsPerLayer;

    /// Weight and bias (C) of a layer or group normalisation.
    public record Norm(Tensor weight, Tensor bias) {}

    /// The weights of a channel mix, with token-shift coefficients (C).
    ///
    /// @param mixKey for the key
    /// @param mixReceptance for the receptance
    public record ChannelMix(
            Tensor mixKey, Tensor mixReceptance, Tensor key, Tensor receptance, Tensor value) {}

    /// What one block has beside its time mix.
    public record Block(Norm attentionNorm, Norm feedForwardNorm, ChannelMix channelMix) {}

    /// All weights but those of the time mixes.
    public record Trunk(Read read, Norm inputNorm, Block[] blocks, Norm outputNorm, Tensor head) {}

    /// Takes over the weights; `checkpoint` is read for a learned initial state.
    protected RwkvModel(Trunk trunk, StateLayout layout, Checkpoint checkpoint) {
        super(trunk.read(), layout, checkpoint);
        this.trunk = trunk;
        this.layers = new Layer[trunk.blocks().length];
        for (int i = 0; i < layers.length; i++) {
            layers[i] = new Layer(i);
        }
        this.slotsPerLayer = layers.length == 0 ? 0 : layout.slots().size() / layers.length;
    }

    /// The time mix of layer `layer` for its normalised input `x` (R, C), whose slots begin at
    /// `slot`.
    protected abstract Tensor timeMix(Ops ops, int layer, Tensor x, Segments batch, int slot);

    /// What lies between `x` and the rows `previous` to it, by a coefficient (C) of a token shift.
    protected abstract Tensor mix(Ops ops, Tensor x, Tensor previous, Tensor coefficient);

    private final class Layer implements Ops.Block {
        private final int index;

        Layer(int index) {
            this.index = index;
        }

        @Override
        public Tensor run(Ops ops, Tensor x, Tensor shared, Segments batch) {
            Block block = trunk.blocks()[index];
            int slot = index * slotsPerLayer;
            Tensor input = norm(ops, x, block.attentionNorm());
            Tensor middle = ops.add(x, timeMix(ops, index, input, batch, slot));
            input = norm(ops, middle, block.feedForwardNorm());
            return ops.add(
                    middle,
                    channelMix(ops, block.channelMix(), input, batch, slot + slotsPerLayer - 1));
        }
    }

    @Override
    public final Tensor forward(Ops ops, Batch batch) {
        ops.begin();
        Tensor x = ops.embedding(trunk.read().embedding(), batch.tokens(), batch.rows()); // (R, C)
        x = norm(ops, x, trunk.inputNorm());
        for (Layer layer : layers) {
            int slot = layer.index * slotsPerLayer;
            x = ops.block(layer, x, x, batch, slot, slotsPerLayer);
        }
        if (batch.wantedRows().length < batch.rows()) {
            x = ops.rows(x, batch.wantedRows(), batch.wantedRows().length);
        }
        Tensor logits = ops.linear(norm(ops, x, trunk.outputNorm()), trunk.head()); // (rows, V)
        requireFinite(ops, logits, batch);
        return logits;
    }

    private static Tensor norm(Ops ops, Tensor x, Norm norm) {
        return ops.layerNorm(x, norm.weight(), norm.bias(), LAYER_NORM_EPSILON);
    }

    private Tensor channelMix(Ops ops, ChannelMix channel, Tensor x, Segments batch, int slot) {
        Tensor previous = ops.run(new PreviousRows(x, batch, slot));
        Tensor key = ops.linear(mix(ops, x, previous, channel.mixKey()), channel.key());
        Tensor value = ops.linear(ops.reluSquared(key), channel.value());
        Tensor shifted = mix(ops, x, previous, channel.mixReceptance());
        Tensor receptance = ops.linear(shifted, channel.receptance());
        return ops.run(new Activate(Activation.SIGMOID, receptance, value));
    }

    /// The state of RWKV-5 and 6: for each layer the last input of the time mix, the WKV state (H,
    /// N keys, N values), and the last input of the channel mix.
    protected static StateLayout matrixStates(ModelConfig config) {
        Shape shift = Shape.of(config.width());
        Shape kv = Shape.of(config.heads(), config.headSize(), config.headSize());
        List<StateLayout.Slot> slots = new ArrayList<>();
        for (int layer = 0; layer < config.layers(); layer++) {
            String prefix = "blocks." + layer + ".";
            slots.add(new StateLayout.Slot(prefix + "att_x_prev", shift, false));
            // (head, key, value), but a learned initial state has (head, value, key).
            slots.add(new StateLayout.Slot(prefix + "att_kv", kv, false, true, 0));
            slots.add(new StateLayout.Slot(prefix + "ffn_x_prev", shift, false));
        }
        return new StateLayout(config.architecture(), slots);
    }

    /// Reads the weights of one checkpoint of these sizes.
    ///
    /// @param mixes what the names of token-shift coefficients begin with: `time_mix_` or
    ///   `time_maa_`
    public record Reader(WeightReader weights, ModelConfig config, String mixes) {
        /// All that is not a time mix. Call it last: it hands over what has been read.
        public Trunk trunk(String source, Arena arena) {
            int width = config.width();
            Tensor embedding = weights.matrix("emb.weight", config.vocabulary(), width);
            Norm inputNorm = norm("blocks.0.ln0");
            Block[] blocks = new Block[config.layers()];
            for (int layer = 0; layer < blocks.length; layer++) {
                String prefix = "blocks." + layer + ".";
                blocks[layer] =
                        new Block(
                                norm(prefix + "ln1"),
                                norm(prefix + "ln2"),
                                channelMix(prefix + "ffn."));
            }
            Norm outputNorm = norm("ln_out");
            Tensor head = weights.matrix("head.weight", config.vocabulary(), width);
            Read read =
                    new Read(
                            source,
                            config,
                            arena,
                            embedding,
                            false,
                            weights.weights(),
                            weights.parameters());
            return new Trunk(read, inputNorm, blocks, outputNorm, head);
        }

        private ChannelMix channelMix(String prefix) {
            int width = config.width();
            int inner = config.feedForward();
            return new ChannelMix(
                    coefficient(prefix, "k"),
                    coefficient(prefix, "r"),
                    weights.matrix(prefix + "key.weight", inner, width),
                    square(prefix + "receptance.weight"),
                    weights.matrix(prefix + "value.weight", width, inner));
        }

        /// The token-shift coefficients (C) of one input, such as `k`.
        public Tensor coefficient(String prefix, String input) {
            return weights.vector(prefix + mixes + input, config.width());
        }

        /// A matrix (C, C).
        public Tensor square(String name) {
            return weights.matrix(name, config.width(), config.width());
        }

        /// A normalisation of C channels.
        public Norm norm(String name) {
            return new Norm(
                    weights.vector(name + ".weight", config.width()),
                    weights.vector(name + ".bias", config.width()));
        }
    }
}
