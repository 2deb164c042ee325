package dev.anser.model.transformer;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.LanguageModel;
import dev.anser.model.Layout;
import dev.anser.model.ModelConfig;
import dev.anser.model.NamedSizes;
import dev.anser.model.NewModel;
import dev.anser.model.NewModels;
import dev.anser.model.StateLayout;
import java.util.List;

/// GPT-NeoX (arXiv 2204.06745) and Pythia, under Hugging Face's names.
public final class NeoxArchitecture implements NewModels {
    /// For `ServiceLoader`.
    public NeoxArchitecture() {}

    @Override
    public String name() {
        return NeoxWeights.ARCHITECTURE;
    }

    @Override
    public boolean recognises(Checkpoint checkpoint) {
        return checkpoint.names().contains("gpt_neox.layers.0.attention.query_key_value.weight");
    }

    @Override
    public List<Layout> layouts() {
        return List.of(new NeoxGguf());
    }

    @Override
    public boolean needsConfiguration() {
        return true;
    }

    @Override
    public List<String> sizes() {
        return NeoxInitial.NAMES;
    }

    @Override
    public NewModel create(NamedSizes sizes) {
        return NeoxInitial.of(sizes);
    }

    @Override
    public ModelConfig describe(Checkpoint checkpoint) {
        return NeoxWeights.describe(checkpoint);
    }

    @Override
    public StateLayout stateLayout(ModelConfig config) {
        return KeyValueLayout.of(config);
    }

    @Override
    public LanguageModel load(Checkpoint checkpoint) {
        return new NeoxModel(NeoxWeights.read(checkpoint));
    }
}
