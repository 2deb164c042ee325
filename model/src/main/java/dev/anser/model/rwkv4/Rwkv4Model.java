package dev.anser.model.rwkv4;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.ModelConfig;
import dev.anser.model.RwkvModel;
import dev.anser.model.StateLayout;
import dev.anser.model.rwkv4.Rwkv4Weights.TimeMix;
import dev.anser.tensor.Activate;
import dev.anser.tensor.Activation;
import dev.anser.tensor.Ops;
import dev.anser.tensor.PerChannel;
import dev.anser.tensor.PreviousRows;
import dev.anser.tensor.Segments;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.VectorLerp;
import dev.anser.tensor.Wkv4;
import java.util.ArrayList;
import java.util.List;

/// RWKV-4 (arXiv 2305.13048), as its official code computes it.
///
/// R rows (tokens), C channels. Per layer a state has five slots (C): the last normalised input of
/// the time mix, the three of [Wkv4], and the last normalised input of the channel mix.
final class Rwkv4Model extends RwkvModel {
    /// The exponent of a past without tokens: so small that its weight is 0.
    private static final float NOTHING = -1e30f;

    private final TimeMix[] timeMixes;

    /// Takes over `weights`; `checkpoint` is read for a learned initial state.
    Rwkv4Model(Rwkv4Weights weights, Checkpoint checkpoint) {
        super(weights.trunk(), layout(weights.trunk().read().config()), checkpoint);
        this.timeMixes = weights.timeMixes();
    }

    static StateLayout layout(ModelConfig config) {
        Shape channels = Shape.of(config.width());
        List<StateLayout.Slot> slots = new ArrayList<>();
        for (int layer = 0; layer < config.layers(); layer++) {
            String prefix = "blocks." + layer + ".";
            slots.add(new StateLayout.Slot(prefix + "att_x_prev", channels, false));
            slots.add(new StateLayout.Slot(prefix + "att_aa", channels, false));
            slots.add(new StateLayout.Slot(prefix + "att_bb", channels, false));
            slots.add(new StateLayout.Slot(prefix + "att_pp", channels, false, false, NOTHING));
            slots.add(new StateLayout.Slot(prefix + "ffn_x_prev", channels, false));
        }
        return new StateLayout(Rwkv4Weights.ARCHITECTURE, slots);
    }

    /// A coefficient is the share of the token itself.
    @Override
    protected Tensor mix(Ops ops, Tensor x, Tensor previous, Tensor coefficient) {
        return ops.run(new VectorLerp(previous, x, coefficient));
    }

    @Override
    protected Tensor timeMix(Ops ops, int layer, Tensor x, Segments batch, int slot) {
        TimeMix time = timeMixes[layer];
        int width = config().width();
        Tensor previous = ops.run(new PreviousRows(x, batch, slot));
        Tensor key = ops.linear(mix(ops, x, previous, time.mixKey()), time.key());
        Tensor value = ops.linear(mix(ops, x, previous, time.mixValue()), time.value());
        Tensor receptance =
                ops.linear(mix(ops, x, previous, time.mixReceptance()), time.receptance());

        Tensor decay = ops.run(new PerChannel(time.decay(), width, PerChannel.Function.MINUS_EXP));
        Tensor bonus = ops.run(new PerChannel(time.bonus(), width, PerChannel.Function.IDENTITY));
        Tensor out = ops.run(new Wkv4(decay, bonus, key, value, batch, slot + 1));
        return ops.linear(
                ops.run(new Activate(Activation.SIGMOID, receptance, out)), time.output());
    }
}
