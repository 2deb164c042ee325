package dev.anser.model.rwkv6;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.ModelConfig;
import dev.anser.model.StateLayout;
import dev.anser.model.rwkv.BlockModel;
import dev.anser.model.rwkv6.Rwkv6Weights.Block;
import dev.anser.model.rwkv6.Rwkv6Weights.TimeMix;
import dev.anser.tensor.Decay6;
import dev.anser.tensor.Gate;
import dev.anser.tensor.GroupNorm;
import dev.anser.tensor.Ops;
import dev.anser.tensor.PerChannel;
import dev.anser.tensor.PreviousRows;
import dev.anser.tensor.Segments;
import dev.anser.tensor.Shape;
import dev.anser.tensor.SplitColumns;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.VectorLerp;
import dev.anser.tensor.Wkv6;
import java.util.ArrayList;
import java.util.List;

/// RWKV-6 "Finch" (arXiv 2404.05892), as its official code (x060) computes it.
///
/// R rows (tokens), C channels, H heads of N channels. Per layer a state has three slots: the last
/// normalised input of the time mix (C), the WKV state (H, N keys, N values), and the last
/// normalised input of the channel mix (C).
final class Rwkv6Model extends BlockModel {
    /// 1e-5 times the square of the official code's head size divisor, 8.
    private static final float GROUP_NORM_EPSILON = 64e-5f;

    private static final int ATTENTION_STATE = 1;
    private static final int FEED_FORWARD_SHIFT = 2;

    private final Rwkv6Weights weights;

    /// Takes over `weights`; `checkpoint` is read for a learned initial state.
    Rwkv6Model(Rwkv6Weights weights, Checkpoint checkpoint) {
        super(weights.read(), weights.ends(), layout(weights.read().config()), checkpoint);
        this.weights = weights;
    }

    static StateLayout layout(ModelConfig config) {
        Shape shift = Shape.of(config.width());
        Shape kv = Shape.of(config.heads(), config.headSize(), config.headSize());
        List<StateLayout.Slot> slots = new ArrayList<>();
        for (int layer = 0; layer < config.layers(); layer++) {
            String prefix = "blocks." + layer + ".";
            slots.add(new StateLayout.Slot(prefix + "att_x_prev", shift, false));
            // Learned initial states have (head, value, key).
            slots.add(new StateLayout.Slot(prefix + "att_kv", kv, false, true, 0));
            slots.add(new StateLayout.Slot(prefix + "ffn_x_prev", shift, false));
        }
        return new StateLayout(Rwkv6Weights.ARCHITECTURE, slots);
    }

    @Override
    protected Tensor block(Ops ops, int layer, Tensor x, Segments batch, int slot) {
        Block block = weights.blocks()[layer];
        Tensor input = block.attentionNorm().layer(ops, x);
        Tensor middle = ops.add(x, timeMix(ops, block.timeMix(), input, batch, slot));
        Tensor inner = block.feedForwardNorm().layer(ops, middle);
        Tensor shifted =
                ops.shiftLerp(inner, block.channelMix().mixes(), batch, slot + FEED_FORWARD_SHIFT);
        return ops.add(middle, block.channelMix().run(ops, shifted.part(0), shifted.part(1)));
    }

    private Tensor timeMix(Ops ops, TimeMix time, Tensor x, Segments batch, int slot) {
        int headSize = config().headSize();
        Tensor[] inputs = inputs(ops, time, x, batch, slot);
        Tensor decayLow = ops.tanh(ops.project(inputs[0], time.decayDown()));
        Tensor decay = ops.run(new Decay6(ops.project(decayLow, time.decayUp()), time.decayBias()));
        Tensor key = ops.linear(inputs[1], time.key());
        Tensor value = ops.linear(inputs[2], time.value());
        Tensor receptance = ops.linear(inputs[3], time.receptance());
        Tensor gate = ops.linear(inputs[4], time.gate());
        Tensor bonus =
                ops.run(
                        new PerChannel(
                                time.bonus(), config().width(), PerChannel.Function.IDENTITY));
        Tensor out =
                ops.run(
                        new Wkv6(
                                receptance,
                                decay,
                                key,
                                value,
                                bonus,
                                headSize,
                                batch,
                                slot + ATTENTION_STATE));
        Tensor normed =
                ops.run(
                        new GroupNorm(
                                out,
                                time.norm().weight(),
                                time.norm().bias(),
                                GROUP_NORM_EPSILON,
                                headSize));
        return ops.linear(ops.run(Gate.silu(normed, gate)), time.output());
    }

    /// The inputs w, k, v, r, g: how much of the previous token each takes depends on the data.
    private static Tensor[] inputs(Ops ops, TimeMix time, Tensor x, Segments batch, int slot) {
        Tensor previous = ops.run(new PreviousRows(x, batch, slot));
        Tensor mixed = ops.run(new VectorLerp(x, previous, time.mix()));
        Tensor low = ops.tanh(ops.project(mixed, time.mixDown())); // (R, 5 D)
        Tensor lows = ops.run(new SplitColumns(low, Rwkv6Weights.INPUTS)); // (5, R, D)
        Tensor[] inputs = new Tensor[Rwkv6Weights.INPUTS];
        for (int i = 0; i < inputs.length; i++) {
            Tensor more = ops.project(lows.part(i), time.mixUp()[i]);
            inputs[i] = ops.run(new VectorLerp(x, previous, time.mixes()[i], more));
        }
        return inputs;
    }
}
