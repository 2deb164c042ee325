package dev.anser.model.rwkv6;

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

/// RWKV-6 (x060): told by the mixing coefficient `blocks.0.att.time_maa_x`, which no other version
/// has.
public final class Rwkv6Architecture implements NewModels {
    /// For `ServiceLoader`.
    public Rwkv6Architecture() {}

    @Override
    public String name() {
        return Rwkv6Weights.ARCHITECTURE;
    }

    @Override
    public boolean recognises(Checkpoint checkpoint) {
        return checkpoint.names().contains("blocks.0.att.time_maa_x")
                && !checkpoint.names().contains("blocks.0.att.r_k");
    }

    @Override
    public List<Layout> layouts() {
        return List.of(new Rwkv6RwkvCpp(this::recognises), new Rwkv6WebRwkv(), new Rwkv6Gguf());
    }

    @Override
    public List<String> sizes() {
        return List.of("headSize", "mixRank", "decayRank", "feedForward");
    }

    @Override
    public NewModel create(NamedSizes sizes) {
        return RwkvInitial.Sizes.of(RwkvInitial.Version.RWKV6, sizes);
    }

    @Override
    public ModelConfig describe(Checkpoint checkpoint) {
        return Rwkv6Weights.describe(checkpoint);
    }

    @Override
    public StateLayout stateLayout(ModelConfig config) {
        return Rwkv6Model.layout(config);
    }

    @Override
    public LanguageModel load(Checkpoint checkpoint) {
        return new Rwkv6Model(Rwkv6Weights.read(checkpoint), checkpoint);
    }
}
