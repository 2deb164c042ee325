package dev.anser.model.rwkv7;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.Architecture;
import dev.anser.model.LanguageModel;
import dev.anser.model.Layout;
import dev.anser.model.ModelConfig;
import dev.anser.model.StateLayout;
import java.util.List;

/// ARWKV-7 (arXiv 2501.15570), under Hugging Face's names: told by the time mixes that stand where
/// a Transformer has its attention.
public final class Arwkv7Architecture implements Architecture {
    /// For `ServiceLoader`.
    public Arwkv7Architecture() {}

    @Override
    public String name() {
        return Arwkv7Weights.ARCHITECTURE;
    }

    @Override
    public boolean recognises(Checkpoint checkpoint) {
        return checkpoint.names().stream().anyMatch(Arwkv7Weights::isOfTimeMix);
    }

    @Override
    public List<Layout> layouts() {
        return List.of(new Arwkv7Gguf());
    }

    @Override
    public boolean needsConfiguration() {
        return true;
    }

    @Override
    public ModelConfig describe(Checkpoint checkpoint) {
        return Arwkv7Weights.describe(checkpoint);
    }

    @Override
    public StateLayout stateLayout(ModelConfig config) {
        return Arwkv7Model.layout(config);
    }

    @Override
    public LanguageModel load(Checkpoint checkpoint) {
        return new Arwkv7Model(Arwkv7Weights.read(checkpoint), checkpoint);
    }
}
