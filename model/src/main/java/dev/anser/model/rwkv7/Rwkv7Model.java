package dev.anser.model.rwkv7;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.Batch;
import dev.anser.model.ModelConfig;
import dev.anser.model.RecurrentModel;
import dev.anser.model.StateLayout;
import dev.anser.model.rwkv7.Rwkv7Weights.Block;
import dev.anser.model.rwkv7.Rwkv7Weights.ChannelMix;
import dev.anser.model.rwkv7.Rwkv7Weights.Norm;
import dev.anser.model.rwkv7.Rwkv7Weights.TimeMix;
import dev.anser.tensor.Ops;
import dev.anser.tensor.Segments;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// RWKV-7 "Goose" (arXiv 2503.14456), as its official code (x070) computes it, and RWKV-7a, whose
/// channel mix has a [DeepEmbed].
///
/// R rows (tokens), C channels, H heads of N channels. Per layer a state has three slots: the last
/// normalised input of the time mix (C), the WKV state (H, N keys, N values), and the last
/// normalised input of the channel mix (C).
final class Rwkv7Model extends RecurrentModel {
    private static final float LAYER_NORM_EPSILON = 1e-5f;

    /// 1e-5 times the square of the official code's head size divisor, 8.
    private static final float GROUP_NORM_EPSILON = 64e-5f;

    private static final int SLOTS_PER_LAYER = 3;
    private static final int ATTENTION_SHIFT = 0;
    private static final int ATTENTION_STATE = 1;
    private static final int FEED_FORWARD_SHIFT = 2;

    private final Rwkv7Weights weights;
    private final boolean deepEmbed;
    private final Layer[] layers;

    /// Takes over `weights`; `checkpoint` is read for a learned initial state.
    Rwkv7Model(Rwkv7Weights weights, Checkpoint checkpoint) {
        super(weights.read(), layout(weights.read().config()), checkpoint);
        this.weights = weights;
        this.deepEmbed = weights.blocks()[0].channelMix().deepEmbed() != null;
        this.layers = layers(null);
    }

    private Layer[] layers(DeepEmbed.@Nullable Tokens tokens) {
        Layer[] layers = new Layer[weights.blocks().length - 1];
        for (int i = 0; i < layers.length; i++) {
            layers[i] = new Layer(i + 1, tokens);
        }
        return layers;
    }

    static StateLayout layout(ModelConfig config) {
        Shape shift = Shape.of(config.width());
        Shape kv = Shape.of(config.heads(), config.headSize(), config.headSize());
        List<StateLayout.Slot> slots = new ArrayList<>();
        for (int layer = 0; layer < config.layers(); layer++) {
            String prefix = "blocks." + layer + ".";
            slots.add(new StateLayout.Slot(prefix + "att_x_prev", shift, false));
            // Official files have (head, value, key); the kernel wants values contiguous.
            slots.add(new StateLayout.Slot(prefix + "att_kv", kv, true));
            slots.add(new StateLayout.Slot(prefix + "ffn_x_prev", shift, false));
        }
        return new StateLayout(Rwkv7Weights.ARCHITECTURE, slots);
    }

    /// A layer but the first; one with a DeepEmbed is made anew for the tokens of each pass.
    private final class Layer implements Ops.Block {
        private final int index;
        private final DeepEmbed.@Nullable Tokens tokens;

        Layer(int index, DeepEmbed.@Nullable Tokens tokens) {
            this.index = index;
            this.tokens = tokens;
        }

        int index() {
            return index;
        }

        @Override
        public Tensor run(Ops ops, Tensor x, Tensor firstValue, Segments batch) {
            Block block = weights.blocks()[index];
            TimeMix time = block.timeMix();
            Tensor input = norm(ops, x, block.attentionNorm());
            int slot = index * SLOTS_PER_LAYER + ATTENTION_SHIFT;
            Tensor shifted = ops.shiftLerp(input, time.mixes(), batch, slot); // (6, R, C)
            Tensor value = value(ops, time, shifted.part(3), firstValue);
            return finish(ops, index, x, shifted, value, batch, tokens);
        }
    }

    /// All of a layer that follows its token shift and its values.
    private Tensor finish(
            Ops ops,
            int layer,
            Tensor x,
            Tensor shifted,
            Tensor value,
            Segments batch,
            DeepEmbed.@Nullable Tokens tokens) {
        Block block = weights.blocks()[layer];
        int slot = layer * SLOTS_PER_LAYER;
        Tensor attention =
                timeMix(ops, block.timeMix(), shifted, value, batch, slot + ATTENTION_STATE);
        Tensor middle = ops.add(x, attention);
        Tensor input = norm(ops, middle, block.feedForwardNorm());
        return ops.add(
                middle,
                channelMix(
                        ops, block.channelMix(), input, batch, slot + FEED_FORWARD_SHIFT, tokens));
    }

    @Override
    public Tensor forward(Ops ops, Batch batch) {
        ops.begin();
        Tensor x =
                ops.embedding(weights.read().embedding(), batch.tokens(), batch.rows()); // (R, C)
        x = norm(ops, x, weights.inputNorm());
        DeepEmbed.Tokens tokens = deepEmbed ? new DeepEmbed.Tokens(batch, x) : null;
        // Layer 0 also makes what all others need: its values.
        Tensor input = norm(ops, x, weights.blocks()[0].attentionNorm());
        TimeMix first = weights.blocks()[0].timeMix();
        Tensor shifted = ops.shiftLerp(input, first.mixes(), batch, ATTENTION_SHIFT);
        Tensor firstValue = ops.linear(shifted.part(3), first.value()); // (R, C)
        x = finish(ops, 0, x, shifted, firstValue, batch, tokens);
        for (Layer layer : tokens == null ? layers : layers(tokens)) {
            int slot = layer.index() * SLOTS_PER_LAYER;
            x = ops.block(layer, x, firstValue, batch, slot, SLOTS_PER_LAYER);
        }
        if (batch.wantedRows().length < batch.rows()) {
            x = ops.rows(x, batch.wantedRows(), batch.wantedRows().length);
        }
        Tensor logits = ops.linear(norm(ops, x, weights.outputNorm()), weights.head()); // (rows, V)
        requireFinite(ops, logits, batch);
        return logits;
    }

    private static Tensor norm(Ops ops, Tensor x, Norm norm) {
        return ops.layerNorm(x, norm.weight(), norm.bias(), LAYER_NORM_EPSILON);
    }

    /// The values, drawn towards those of layer 0 in all other layers.
    private static Tensor value(Ops ops, TimeMix time, Tensor shifted, Tensor first) {
        Tensor value = ops.linear(shifted, time.value());
        if (time.valueResidual() == null || time.valueResidualBias() == null) {
            return value;
        }
        Tensor low = time.valueResidual().up(ops, time.valueResidual().down(ops, shifted));
        return ops.lerp(value, first, ops.sigmoidWithBias(low, time.valueResidualBias()));
    }

    private Tensor timeMix(
            Ops ops, TimeMix time, Tensor shifted, Tensor value, Segments batch, int slot) {
        int headSize = config().headSize();
        Tensor receptance = ops.linear(shifted.part(0), time.receptance());
        Tensor key = ops.linear(shifted.part(2), time.key());

        Tensor decayLow = time.decay().up(ops, ops.tanh(time.decay().down(ops, shifted.part(1))));
        Tensor decay = ops.decay7(decayLow, time.decayBias());
        Tensor rateLow =
                time.learningRate().up(ops, time.learningRate().down(ops, shifted.part(4)));
        Tensor learningRate = ops.sigmoidWithBias(rateLow, time.learningRateBias());
        Tensor gate = time.gate().up(ops, ops.sigmoid(time.gate().down(ops, shifted.part(5))));

        Tensor keys =
                ops.keys7(
                        key, learningRate, time.keyScale(), time.keyRate(), headSize); // (3, R, C)
        Tensor replacement = keys.part(0);
        Tensor out =
                ops.wkv7(
                        receptance,
                        decay,
                        replacement,
                        value,
                        keys.part(1),
                        keys.part(2),
                        headSize,
                        batch,
                        slot);
        Tensor gated =
                ops.gatedGroupNorm7(
                        out,
                        time.norm().weight(),
                        time.norm().bias(),
                        GROUP_NORM_EPSILON,
                        receptance,
                        replacement,
                        value,
                        time.bonus(),
                        gate,
                        headSize);
        return ops.linear(gated, time.output());
    }

    private static Tensor channelMix(
            Ops ops,
            ChannelMix channel,
            Tensor input,
            Segments batch,
            int slot,
            DeepEmbed.@Nullable Tokens tokens) {
        Tensor shifted = ops.shiftLerp(input, channel.mixes(), batch, slot).part(0);
        Tensor inner = ops.reluSquared(ops.linear(shifted, channel.key())); // (R, 4C)
        DeepEmbed deepEmbed = channel.deepEmbed();
        if (deepEmbed != null && tokens != null) {
            inner = deepEmbed.scaled(ops, inner, input, tokens);
        }
        return ops.linear(inner, channel.value());
    }

    /// Of the table of a DeepEmbed too, a decoding step reads one row.
    @Override
    public long bytesPerToken() {
        long bytes = super.bytesPerToken();
        for (Block block : weights.blocks()) {
            DeepEmbed deepEmbed = block.channelMix().deepEmbed();
            if (deepEmbed != null) {
                long table = deepEmbed.table().bytes();
                bytes -= table - table / deepEmbed.table().rows();
            }
        }
        return bytes;
    }
}
