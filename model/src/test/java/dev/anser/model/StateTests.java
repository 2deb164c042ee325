package dev.anser.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anser.base.AnserException;
import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.checkpoint.Safetensors;
import dev.anser.tensor.DType;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StateTests {
    private static final Path MODEL = Golden.own("rwkv7-L2-D64-hs32-half/model-bf16.safetensors");

    @TempDir Path folder;

    @Test
    void aSavedStateGoesOnWhereItWas() {
        Path file = folder.resolve("state.safetensors");
        try (Loaded loaded = new Loaded(MODEL, "vector", 2);
                State state = loaded.model.newState();
                State restored = loaded.model.newState()) {
            loaded.logits(state, 5, 1, 2, 3, 4, 5);
            state.save(file);
            restored.load(file);
            assertThat(restored.sameAs(state)).isTrue();
            assertThat(loaded.logits(restored, 1, 9)).isEqualTo(loaded.logits(state, 1, 9));
        }
    }

    @Test
    void aCopyIsIndependent() {
        try (Loaded loaded = new Loaded(MODEL, "vector", 1);
                State state = loaded.model.newState()) {
            loaded.logits(state, 3, 1, 2, 3);
            try (State copy = state.copy();
                    State third = loaded.model.newState()) {
                assertThat(copy.sameAs(state)).isTrue();
                loaded.logits(state, 1, 7);
                assertThat(copy.sameAs(state)).isFalse();
                third.set(copy);
                assertThat(third.sameAs(copy)).isTrue();
            }
        }
    }

    @Test
    void aStateHasTheSameSizeHoweverLongTheSequenceIs() {
        try (Loaded loaded = new Loaded(MODEL, "vector", 1);
                State state = loaded.model.newState()) {
            long size = state.sizeInBytes();
            assertThat(size).isEqualTo(2L * (64 + 2 * 32 * 32 + 64) * 4);
            loaded.logits(state, 16, new int[500]);
            assertThat(state.sizeInBytes()).isEqualTo(size);
        }
    }

    @Test
    void aStateFileHasTheOfficialNamesAndAxes() {
        Path file = folder.resolve("state.safetensors");
        var states = Golden.npz(Golden.own("rwkv7-L2-D64-hs32-half/bf16_upcast_state_f64.npz"));
        Golden.Array expected = Objects.requireNonNull(states.get("blocks.1.att_kv"));
        int[] tokens = Golden.npy(Golden.own("rwkv7-L2-D64-hs32-half/tokens.npy")).ints();
        try (Loaded loaded = new Loaded(MODEL, "vector", 1);
                State state = loaded.model.newState()) {
            loaded.logits(state, tokens.length, tokens);
            state.save(file);
        }
        try (Checkpoint checkpoint = Checkpoints.open(file)) {
            assertThat(checkpoint.names())
                    .containsExactly(
                            "blocks.0.att_x_prev",
                            "blocks.0.att_kv",
                            "blocks.0.ffn_x_prev",
                            "blocks.1.att_x_prev",
                            "blocks.1.att_kv",
                            "blocks.1.ffn_x_prev");
            Tensor kv = checkpoint.tensor("blocks.1.att_kv");
            assertThat(kv.shape()).isEqualTo(Shape.of(2, 32, 32));
            assertThat(expected.largestDifference(kv.toFloats())).isLessThan(1e-4);
        }
    }

    @Test
    void aFileThatDoesNotFitChangesNothing() throws IOException {
        Path other = folder.resolve("other.safetensors");
        try (Loaded loaded = new Loaded(MODEL, "vector", 1);
                State state = loaded.model.newState();
                Arena arena = Arena.ofConfined()) {
            loaded.logits(state, 2, 1, 2);
            try (State before = state.copy()) {
                Path good = folder.resolve("good.safetensors");
                state.save(good);
                Map<String, Tensor> tensors = new LinkedHashMap<>();
                List<StateLayout.Slot> slots = state.layout().slots();
                for (StateLayout.Slot slot : slots.subList(0, slots.size() - 1)) {
                    Tensor tensor = Tensor.allocate(arena, DType.F32, slot.shape().sizes());
                    tensors.put(slot.name(), tensor);
                }
                Safetensors.write(other, new LinkedHashMap<>(tensors), Map.of());
                assertThatThrownBy(() -> state.load(other))
                        .isInstanceOf(AnserException.class)
                        .hasMessageContaining("blocks.1.ffn_x_prev is missing");

                tensors.put("blocks.1.ffn_x_prev", Tensor.allocate(arena, DType.F32, 63));
                Safetensors.write(other, new LinkedHashMap<>(tensors), Map.of());
                assertThatThrownBy(() -> state.load(other))
                        .hasMessageContaining("is F32 [63]; expected F32 [64]");

                Tensor bad = Tensor.allocate(arena, DType.F32, 64);
                bad.set(7, Float.NaN);
                tensors.put("blocks.1.ffn_x_prev", bad);
                Safetensors.write(other, new LinkedHashMap<>(tensors), Map.of());
                assertThatThrownBy(() -> state.load(other))
                        .hasMessageContaining("element 7 of tensor blocks.1.ffn_x_prev is NaN");

                byte[] bytes = Files.readAllBytes(good);
                Files.write(other, java.util.Arrays.copyOf(bytes, bytes.length - 1));
                assertThatThrownBy(() -> state.load(other)).isInstanceOf(AnserException.class);
                assertThatThrownBy(() -> state.load(folder.resolve("none")))
                        .isInstanceOf(AnserException.class);
                assertThat(state.sameAs(before)).isTrue();
            }
        }
    }

    @Test
    void aStateOfAnotherModelIsRefused() {
        try (Loaded loaded = new Loaded(MODEL, "vector", 1);
                Loaded other =
                        new Loaded(Golden.own("rwkv7-reverse/model-folded-L4.pth"), "vector", 1);
                State state = loaded.model.newState();
                State foreign = other.model.newState()) {
            assertThatThrownBy(() -> state.set(foreign))
                    .hasMessageContaining("a state of another model");
            assertThat(state.sameAs(foreign)).isFalse();
        }
    }
}
