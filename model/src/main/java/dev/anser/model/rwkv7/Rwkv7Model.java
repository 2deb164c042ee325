package dev.anser.model.rwkv7;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.Batch;
import dev.anser.model.ModelConfig;
import dev.anser.model.RecurrentModel;
import dev.anser.model.StateLayout;
import dev.anser.model.rwkv7.Rwkv7Weights.Block;
import dev.anser.model.rwkv7.Rwkv7Weights.ChannelMix;
import dev.anser.model.rwkv7.Rwkv7Weights.Norm;
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
        List<StateLayout.Slot> slots = new ArrayList<>();
        for (int layer = 0; layer < config.layers(); layer++) {
            slots.addAll(Rwkv7TimeMix.slots(config, layer));
            slots.add(new StateLayout.Slot("blocks." + layer + ".ffn_x_prev", shift, false));
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
            Tensor input = norm(ops, x, block.attentionNorm());
            int slot = index * SLOTS_PER_LAYER + ATTENTION_SHIFT;
            Tensor shifted = block.timeMix().shifted(ops, input, batch, slot); // (6, R, C)
            Tensor value = block.timeMix().value(ops, shifted, firstValue);
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
        Tensor attention = block.timeMix().run(ops, shifted, value, batch, slot + ATTENTION_STATE);
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
        Rwkv7TimeMix first = weights.blocks()[0].timeMix();
        Tensor shifted = first.shifted(ops, input, batch, ATTENTION_SHIFT);
        Tensor firstValue = first.value(ops, shifted); // (R, C)
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
