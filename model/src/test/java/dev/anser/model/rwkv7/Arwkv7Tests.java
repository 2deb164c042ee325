package dev.anser.model.rwkv7;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anser.base.AnserException;
import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.CheckpointView;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.model.Architectures;
import dev.anser.model.Batch;
import dev.anser.model.LanguageModel;
import dev.anser.model.State;
import dev.anser.tensor.Backends;
import dev.anser.tensor.DType;
import dev.anser.tensor.EagerOps;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Checkpoints of ARWKV-7 that lack something, have more than they need, or are another model.
final class Arwkv7Tests {
    private static final String SECOND = "model.layers.1.self_attn.time_mixer.";

    private static Checkpoint golden(String name) {
        return Checkpoints.open(
                Path.of("src/test/resources/golden", name, "weights_init.safetensors"));
    }

    /// The golden `name` without the tensors `removed`, and with others full of halves.
    private static Checkpoint changed(String name, Set<String> removed, Map<String, Shape> added) {
        Checkpoint golden = golden(name);
        CheckpointView.Builder view = CheckpointView.of(golden);
        golden.names().stream().filter(tensor -> !removed.contains(tensor)).forEach(view::keep);
        added.forEach((tensor, shape) ->
                view.add(
                        new Checkpoint.Entry(tensor, DType.F32, shape),
                        (_, arena) -> {
                            Tensor halves = Tensor.allocate(arena, DType.F32, shape.sizes());
                            halves.fill(0.5f);
                            return halves;
                        }));
        return view.build();
    }

    private static float[] logits(Checkpoint checkpoint) {
        try (LanguageModel model = Architectures.load(checkpoint);
                Threads threads = new Threads(1);
                EagerOps ops = Backends.named("vector").newOps(threads);
                State state = model.newState()) {
            return model.forward(ops, Batch.of(state, Batch.Logits.ALL, 3, 1, 4, 1, 5)).toFloats();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"arwkv7", "arwkv7-ungated", "arwkv7-normed", "arwkv7-whole"})
    void everyMissingTensorIsNamed(String name) {
        try (Checkpoint whole = golden(name)) {
            for (String tensor : whole.names()) {
                if (name.equals("arwkv7-ungated") && tensor.endsWith("x_g")) {
                    continue; // without effect
                }
                // What tells of the gate and of the normalisation is in the configuration too.
                try (Checkpoint without = changed(name, Set.of(tensor), Map.of())) {
                    assertThatThrownBy(() -> logits(without))
                            .as(tensor)
                            .isInstanceOf(AnserException.class)
                            .hasMessageContaining(tensor);
                }
            }
        }
    }

    @Test
    void whatHasNoEffectMayBeThereOrNot() {
        Map<String, Shape> residual = new LinkedHashMap<>();
        residual.put(Arwkv7Weights.FIRST + "v0", Shape.of(1, 1, 32));
        residual.put(Arwkv7Weights.FIRST + "v1", Shape.of(32, 5));
        residual.put(Arwkv7Weights.FIRST + "v2", Shape.of(5, 32));
        Set<String> coefficients = Set.of(Arwkv7Weights.FIRST + "x_g", SECOND + "x_g");
        try (Checkpoint golden = golden("arwkv7-ungated");
                Checkpoint changed = changed("arwkv7-ungated", coefficients, residual)) {
            assertThat(logits(changed)).isEqualTo(logits(golden));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void aHybridWithLayersOfAttentionIsRefusedByName(int layer) {
        String attention = "model.layers." + layer + ".self_attn.q_proj.weight";
        try (Checkpoint golden = golden("arwkv7")) {
            Set<String> mixed = new HashSet<>(golden.names());
            mixed.removeIf(name -> !name.startsWith("model.layers." + layer + ".self_attn."));
            try (Checkpoint hybrid =
                    changed("arwkv7", mixed, Map.of(attention, Shape.of(64, 64)))) {
                assertThatThrownBy(() -> Architectures.describe(hybrid))
                        .hasMessageContaining("a hybrid with layers of attention")
                        .hasMessageContaining(attention);
            }
        }
    }

    @Test
    void aTransformerIsNone() {
        try (Checkpoint llama = golden("llama")) {
            assertThat(new Arwkv7Architecture().recognises(llama)).isFalse();
        }
    }

    @Test
    void aStateCanBeginWithWhatWasLearned() {
        Map<String, Shape> learned = new LinkedHashMap<>();
        learned.put("blocks.0.att.time_state", Shape.of(2, 32, 32));
        learned.put("blocks.1.att.time_state", Shape.of(2, 32, 32));
        try (Checkpoint golden = golden("arwkv7");
                Checkpoint begun = changed("arwkv7", Set.of(), learned);
                LanguageModel model = Architectures.load(begun);
                State state = model.newState()) {
            assertThat(state.tensor(3).toFloats()).containsOnly(0.5f);
            assertThat(logits(begun)).isNotEqualTo(logits(golden));
        }
    }
}
