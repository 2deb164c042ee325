package dev.anser.model.rwkv4;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.LanguageModel;
import dev.anser.model.Layout;
import dev.anser.model.ModelConfig;
import dev.anser.model.NamedSizes;
import dev.anser.model.NewModel;
import dev.anser.model.NewModels;
import dev.anser.model.RwkvInitial;
import dev.anser.model.StateLayout;
import java.util.List;
import java.util.Set;

/// RWKV-4: told by `blocks.0.att.time_first` and `time_mix_k` without the group normalisation that
/// RWKV-5 has.
public final class Rwkv4Architecture implements NewModels {
    /// For `ServiceLoader`.
    public Rwkv4Architecture() {}

    @Override
    public String name() {
        return Rwkv4Weights.ARCHITECTURE;
    }

    @Override
    public boolean recognises(Checkpoint checkpoint) {
        Set<String> names = checkpoint.names();
        return names.contains("blocks.0.att.time_first")
                && names.contains("blocks.0.att.time_mix_k")
                && !names.contains("blocks.0.att.ln_x.weight")
                && !names.contains("blocks.0.att.time_maa_x")
                && !names.contains("blocks.0.att.r_k");
    }

    @Override
    public List<Layout> layouts() {
        return List.of(new Rwkv4RwkvCpp(this::recognises), new Rwkv4WebRwkv());
    }

    @Override
    public List<String> sizes() {
        return List.of("feedForward");
    }

    @Override
    public NewModel create(NamedSizes sizes) {
        return RwkvInitial.Sizes.of(RwkvInitial.Version.RWKV4, sizes);
    }

    @Override
    public ModelConfig describe(Checkpoint checkpoint) {
        return Rwkv4Weights.describe(checkpoint);
    }

    @Override
    public StateLayout stateLayout(ModelConfig config) {
        return Rwkv4Model.layout(config);
    }

    @Override
    public LanguageModel load(Checkpoint checkpoint) {
        return new Rwkv4Model(Rwkv4Weights.read(checkpoint), checkpoint);
    }
}
