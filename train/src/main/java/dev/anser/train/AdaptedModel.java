package dev.anser.train;

import dev.anser.model.Batch;
import dev.anser.model.LanguageModel;
import dev.anser.model.ModelConfig;
import dev.anser.model.State;
import dev.anser.model.StateLayout;
import dev.anser.model.Weight;
import dev.anser.tensor.Ops;
import dev.anser.tensor.Tensor;
import java.util.List;
import java.util.Map;

/// A model with what it learned beside its weights: low-rank pairs and an initial state. Whoever
/// runs it need not know.
///
/// @param base the model; closed with this one
/// @param pairs low-rank pairs by the weight that they stand beside; may be empty
/// @param initial what every state begins with; may have no parts
record AdaptedModel(LanguageModel base, Map<Tensor, LowRankOps.Pair> pairs, TunedState initial)
        implements LanguageModel {

    @Override
    public Tensor forward(Ops ops, Batch batch) {
        return base.forward(pairs.isEmpty() ? ops : new LowRankOps(ops, pairs), batch);
    }

    @Override
    public State newState() {
        State state = base.newState();
        initial.copyTo(state);
        return state;
    }

    @Override
    public ModelConfig config() {
        return base.config();
    }

    @Override
    public long parameters() {
        return base.parameters();
    }

    @Override
    public List<Weight> weights() {
        return base.weights();
    }

    @Override
    public long bytesPerToken() {
        return base.bytesPerToken();
    }

    @Override
    public StateLayout stateLayout() {
        return base.stateLayout();
    }

    @Override
    public void close() {
        base.close();
    }
}
