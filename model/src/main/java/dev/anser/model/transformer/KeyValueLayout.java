package dev.anser.model.transformer;

import dev.anser.model.ModelConfig;
import dev.anser.model.StateLayout;
import dev.anser.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/// Which slot of a Transformer's state holds what.
final class KeyValueLayout {
    static final int POSITION = 0;
    static final int SLOTS_PER_LAYER = 2;

    private KeyValueLayout() {}

    /// The slot of layer `layer`'s keys; its values are in the next one.
    static int keys(int layer) {
        return 1 + layer * SLOTS_PER_LAYER;
    }

    static StateLayout of(ModelConfig config) {
        List<StateLayout.Slot> slots = new ArrayList<>();
        slots.add(StateLayout.Slot.position());
        Shape keys = Shape.of(0, config.keyHeads(), config.headSize());
        Shape values = Shape.of(0, config.keyHeads(), config.valueSize());
        for (int layer = 0; layer < config.layers(); layer++) {
            slots.add(new StateLayout.Slot("blocks." + layer + ".att_k", keys, false));
            slots.add(new StateLayout.Slot("blocks." + layer + ".att_v", values, false));
        }
        return new StateLayout(config.architecture(), slots);
    }

    /// Radians that each pair of channels turns by from one position to the next: `base^(-2i /
    /// channels)`.
    static double[] frequencies(double base, int channels) {
        double[] frequencies = new double[channels / 2];
        for (int i = 0; i < frequencies.length; i++) {
            frequencies[i] = Math.pow(base, -2.0 * i / channels);
        }
        return frequencies;
    }
}
