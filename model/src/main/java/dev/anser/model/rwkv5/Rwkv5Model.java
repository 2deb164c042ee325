package dev.anser.model.rwkv5;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.ModelConfig;
import dev.anser.model.RwkvModel;
import dev.anser.model.StateLayout;
import dev.anser.model.rwkv5.Rwkv5Weights.TimeMix;
import dev.anser.tensor.Activate;
import dev.anser.tensor.Activation;
import dev.anser.tensor.GroupNorm;
import dev.anser.tensor.Ops;
import dev.anser.tensor.PerChannel;
import dev.anser.tensor.PreviousRows;
import dev.anser.tensor.Segments;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.VectorLerp;
import dev.anser.tensor.Wkv6;

/// RWKV-5 "Eagle" (arXiv 2404.05892), as its official code (x050, x051 and x052) computes it.
///
/// R rows (tokens), C channels, H heads of N channels. Per layer a state has three slots: the last
/// normalised input of the time mix (C), the WKV state (H, N keys, N values), and the last
/// normalised input of the channel mix (C).
final class Rwkv5Model extends RwkvModel {
    private final TimeMix[] timeMixes;
    private final float groupNormEpsilon;

    /// Takes over `weights`; `checkpoint` is read for a learned initial state.
    Rwkv5Model(Rwkv5Weights weights, Checkpoint checkpoint) {
        super(weights.trunk(), layout(weights.trunk().read().config()), checkpoint);
        this.timeMixes = weights.timeMixes();
        this.groupNormEpsilon = weights.groupNormEpsilon();
    }

    static StateLayout layout(ModelConfig config) {
        return matrixStates(config);
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
        int headSize = config().headSize();
        Tensor previous = ops.run(new PreviousRows(x, batch, slot));
        Tensor key = ops.linear(mix(ops, x, previous, time.mixKey()), time.key());
        Tensor value = ops.linear(mix(ops, x, previous, time.mixValue()), time.value());
        Tensor receptance =
                ops.linear(mix(ops, x, previous, time.mixReceptance()), time.receptance());

        Tensor decay = ops.run(new PerChannel(time.decay(), width, PerChannel.Function.DECAY));
        Tensor bonus = ops.run(new PerChannel(time.bonus(), width, time.bonusFunction()));
        Tensor out =
                ops.run(new Wkv6(receptance, decay, key, value, bonus, headSize, batch, slot + 1));
        Tensor normed =
                ops.run(
                        new GroupNorm(
                                out,
                                time.norm().weight(),
                                time.norm().bias(),
                                groupNormEpsilon,
                                headSize));
        return ops.linear(gated(ops, time, normed, x, previous), time.output());
    }

    private Tensor gated(Ops ops, TimeMix time, Tensor out, Tensor x, Tensor previous) {
        if (time.gate() == null || time.mixGate() == null) {
            return out;
        }
        Tensor gate = ops.linear(mix(ops, x, previous, time.mixGate()), time.gate());
        return ops.run(new Activate(Activation.SILU, gate, out));
    }
}
