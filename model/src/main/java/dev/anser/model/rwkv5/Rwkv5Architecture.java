package dev.anser.model.rwkv5;

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

/// RWKV-5 (x050 to x052): told by a group normalisation, `blocks.0.att.ln_x.weight`, without what
/// RWKV-6 or RWKV-7 have. 5.0 has no gate, so the gate tells nothing from RWKV-4.
public final class Rwkv5Architecture implements NewModels {
    /// For `ServiceLoader`.
    public Rwkv5Architecture() {}

    @Override
    public String name() {
        return Rwkv5Weights.ARCHITECTURE;
    }

    @Override
    public boolean recognises(Checkpoint checkpoint) {
        Set<String> names = checkpoint.names();
        return names.contains("blocks.0.att.ln_x.weight")
                && names.contains("blocks.0.att.time_mix_k")
                && !names.contains("blocks.0.att.time_maa_x")
                && !names.contains("blocks.0.att.r_k");
    }

    @Override
    public List<Layout> layouts() {
        return List.of(new Rwkv5RwkvCpp(this::recognises), new Rwkv5WebRwkv());
    }

    @Override
    public List<String> sizes() {
        return List.of("headSize", "feedForward");
    }

    @Override
    public NewModel create(NamedSizes sizes) {
        return RwkvInitial.Sizes.of(RwkvInitial.Version.RWKV5, sizes);
    }

    @Override
    public ModelConfig describe(Checkpoint checkpoint) {
        return Rwkv5Weights.describe(checkpoint);
    }

    @Override
    public StateLayout stateLayout(ModelConfig config) {
        return Rwkv5Model.layout(config);
    }

    @Override
    public LanguageModel load(Checkpoint checkpoint) {
        return new Rwkv5Model(Rwkv5Weights.read(checkpoint), checkpoint);
    }
}
