package dev.anser.model.rwkv7;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.LanguageModel;
import dev.anser.model.Layout;
import dev.anser.model.ModelConfig;
import dev.anser.model.NamedSizes;
import dev.anser.model.NewModel;
import dev.anser.model.NewModels;
import dev.anser.model.StateLayout;
import java.util.List;

/// RWKV-7 (x070): told by the bonus `blocks.0.att.r_k`, which no other version has; with a
/// `ffn.s_emb.weight`, RWKV-7a.
public final class Rwkv7Architecture implements NewModels {
    /// For `ServiceLoader`.
    public Rwkv7Architecture() {}

    @Override
    public String name() {
        return Rwkv7Weights.ARCHITECTURE;
    }

    @Override
    public boolean recognises(Checkpoint checkpoint) {
        return checkpoint.names().contains("blocks.0.att.r_k");
    }

    @Override
    public List<Layout> layouts() {
        return Rwkv7Layouts.all();
    }

    @Override
    public List<String> sizes() {
        return Rwkv7Initial.Sizes.NAMES;
    }

    @Override
    public NewModel create(NamedSizes sizes) {
        return Rwkv7Initial.Sizes.of(sizes);
    }

    @Override
    public ModelConfig describe(Checkpoint checkpoint) {
        return Rwkv7Weights.describe(checkpoint);
    }

    @Override
    public StateLayout stateLayout(ModelConfig config) {
        return Rwkv7Model.layout(config);
    }

    @Override
    public LanguageModel load(Checkpoint checkpoint) {
        return new Rwkv7Model(Rwkv7Weights.read(checkpoint), checkpoint);
    }
}
