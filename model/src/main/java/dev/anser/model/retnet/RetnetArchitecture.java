package dev.anser.model.retnet;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.LanguageModel;
import dev.anser.model.ModelConfig;
import dev.anser.model.NamedSizes;
import dev.anser.model.NewModel;
import dev.anser.model.NewModels;
import dev.anser.model.StateLayout;
import java.util.List;

/// RetNet (arXiv 2307.08621), under torchscale's names.
public final class RetnetArchitecture implements NewModels {
    /// For `ServiceLoader`.
    public RetnetArchitecture() {}

    @Override
    public String name() {
        return RetnetWeights.ARCHITECTURE;
    }

    @Override
    public boolean recognises(Checkpoint checkpoint) {
        return checkpoint.names().contains("layers.0.retention.q_proj.weight");
    }

    @Override
    public boolean needsConfiguration() {
        return true;
    }

    @Override
    public List<String> sizes() {
        return RetnetInitial.NAMES;
    }

    @Override
    public NewModel create(NamedSizes sizes) {
        return RetnetInitial.of(sizes);
    }

    @Override
    public ModelConfig describe(Checkpoint checkpoint) {
        return RetnetWeights.describe(checkpoint);
    }

    @Override
    public StateLayout stateLayout(ModelConfig config) {
        return RetnetModel.layout(config);
    }

    @Override
    public LanguageModel load(Checkpoint checkpoint) {
        return new RetnetModel(RetnetWeights.read(checkpoint));
    }
}
