package dev.anser.model.rwkv6;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.ModelConfig;
import dev.anser.model.RwkvModel;
import dev.anser.model.StateLayout;
import dev.anser.model.rwkv6.Rwkv6Weights.TimeMix;
import dev.anser.tensor.Activate;
import dev.anser.tensor.Activation;
import dev.anser.tensor.Decay6;
import dev.anser.tensor.GroupNorm;
import dev.anser.tensor.Ops;
import dev.anser.tensor.PerChannel;
import dev.anser.tensor.PreviousRows;
import dev.anser.tensor.Segments;
import dev.anser.tensor.SplitHeads;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.VectorLerp;
import dev.anser.tensor.Wkv6;

/// RWKV-6 "Finch" (arXiv 2404.05892), as its official code (x060) computes it.
///
/// R rows (tokens), C channels, H heads of N channels. Per layer a state has three slots: the last
/// normalised input of the time mix (C), the WKV state (H, N keys, N values), and the last
/// normalised input of the channel mix (C).
final class Rwkv6Model extends RwkvModel {
    /// 1e-5 times the square of the official code's head size divisor, 8.
    private static final float GROUP_NORM_EPSILON = 64e-5f;

    private final TimeMix[] timeMixes;

    /// Takes over `weights`; `checkpoint` is read for a learned initial state.
    Rwkv6Model(Rwkv6Weights weights, Checkpoint checkpoint) {
        super(weights.trunk(), layout(weights.trunk().read().config()), checkpoint);
        this.timeMixes = weights.timeMixes();
    }

    static StateLayout layout(ModelConfig config) {
        return matrixStates(config);
    }

    /// A coefficient is the share of the token before.
    @Override
    protected Tensor mix(Ops ops, Tensor x, Tensor previous, Tensor coefficient) {
        return ops.run(new VectorLerp(x, previous, coefficient));
    }

    @Override
    protected Tensor timeMix(Ops ops, int layer, Tensor x, Segments batch, int slot) {
        TimeMix time = timeMixes[layer];
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
                ops.run(new Wkv6(receptance, decay, key, value, bonus, headSize, batch, slot + 1));
        Tensor normed =
                ops.run(
                        new GroupNorm(
                                out,
                                time.norm().weight(),
                                time.norm().bias(),
                                GROUP_NORM_EPSILON,
                                headSize));
        return ops.linear(ops.run(new Activate(Activation.SILU, gate, normed)), time.output());
    }

    /// The inputs w, k, v, r, g: how much of the previous token each takes depends on the data.
    private Tensor[] inputs(Ops ops, TimeMix time, Tensor x, Segments batch, int slot) {
        Tensor previous = ops.run(new PreviousRows(x, batch, slot));
        Tensor mixed = mix(ops, x, previous, time.mix());
        Tensor low = ops.tanh(ops.project(mixed, time.mixDown())); // (R, 5 D)
        Tensor lows =
                ops.run(
                        new SplitHeads(
                                low,
                                Rwkv6Weights.INPUTS,
                                low.columns() / Rwkv6Weights.INPUTS)); // (5, R, D)
        Tensor[] inputs = new Tensor[Rwkv6Weights.INPUTS];
        for (int i = 0; i < inputs.length; i++) {
            Tensor more = ops.project(lows.part(i), time.mixUp()[i]);
            inputs[i] = ops.run(new VectorLerp(x, previous, time.mixes()[i], more));
        }
        return inputs;
    }
}
