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

/// LLaMA (arXiv 2302.13971, 2307.09288), under Hugging Face's names.
public final class LlamaArchitecture implements NewModels {
    /// For `ServiceLoader`.
    public LlamaArchitecture() {}

    @Override
    public String name() {
        return LlamaWeights.ARCHITECTURE;
    }

    @Override
    public boolean recognises(Checkpoint checkpoint) {
        return checkpoint.names().contains("model.layers.0.self_attn.q_proj.weight")
                && checkpoint.names().contains("model.layers.0.mlp.gate_proj.weight")
                // A hybrid has layers of attention too.
                && checkpoint.names().stream().noneMatch(name -> name.contains(".time_mixer."));
    }

    @Override
    public List<Layout> layouts() {
        return List.of(new LlamaGguf());
    }

    @Override
    public boolean needsConfiguration() {
        return true;
    }

    @Override
    public List<String> sizes() {
        return LlamaInitial.NAMES;
    }

    @Override
    public NewModel create(NamedSizes sizes) {
        return LlamaInitial.of(sizes);
    }

    @Override
    public ModelConfig describe(Checkpoint checkpoint) {
        return LlamaWeights.describe(checkpoint);
    }

    @Override
    public StateLayout stateLayout(ModelConfig config) {
        return KeyValueLayout.of(config);
    }

    @Override
    public LanguageModel load(Checkpoint checkpoint) {
        return new LlamaModel(LlamaWeights.read(checkpoint));
    }
}
