package dev.anser.model.rwkv7;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.CheckpointView;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.checkpoint.ModelFormatException;
import dev.anser.model.Architectures;
import dev.anser.model.ConfigurationFields;
import dev.anser.model.ModelConversion;
import dev.anser.model.ModelFormat;
import dev.anser.tensor.DType;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class Arwkv7GgufTests {
    private static final String GATED = "arwkv7";
    private static final String UNGATED = "arwkv7-ungated";

    @TempDir Path folder;

    private static Checkpoint golden(String name) {
        return Checkpoints.open(
                Path.of("src/test/resources/golden", name, "weights_init.safetensors"));
    }

    private Path write(Checkpoint model) {
        Path file = folder.resolve("model.gguf");
        try (Threads threads = new Threads(1)) {
            new ModelConversion(model, ModelFormat.GGUF, Optional.empty(), threads)
                    .write(file, _ -> {}, _ -> {});
        }
        return file;
    }

    /// `checkpoint` with other fields in its configuration.
    private static Checkpoint changed(Checkpoint checkpoint, Map<String, Object> fields) {
        Map<String, Object> all = new HashMap<>(checkpoint.configuration());
        all.putAll(fields);
        CheckpointView.Builder view = CheckpointView.of(checkpoint).configuration(all);
        checkpoint.names().forEach(view::keep);
        return view.build();
    }

    @ParameterizedTest
    @ValueSource(strings = {GATED, UNGATED, "arwkv7-normed", "arwkv7-whole"})
    void wayThereAndBackGivesTheSameTensorsAndFields(String name) {
        try (Checkpoint before = golden(name);
                Checkpoint after = Architectures.open(write(before))) {
            Set<String> expected = new LinkedHashSet<>(before.names());
            if (name.equals(UNGATED)) {
                expected.removeIf(tensor -> tensor.endsWith("x_g")); // without effect
            }
            boolean tied = Boolean.TRUE.equals(before.configuration().get("tie_word_embeddings"));
            if (tied) {
                expected.add(Arwkv7Weights.HEAD);
            }
            assertThat(after.names()).containsExactlyInAnyOrderElementsOf(expected);
            for (String tensor : expected) {
                boolean head = tied && tensor.equals(Arwkv7Weights.HEAD);
                Tensor from = before.tensor(head ? Arwkv7Weights.EMBEDDING : tensor);
                Tensor to = after.tensor(tensor);
                assertThat(to.toString()).as(tensor).isEqualTo(from.toString());
                assertThat(to.segment().mismatch(from.segment())).as(tensor).isEqualTo(-1);
            }
            for (String field :
                    List.of(
                            "model_type",
                            "wkv_version",
                            "wkv_layers",
                            "wkv_has_gate",
                            "wkv_has_group_norm",
                            "hidden_act",
                            "hidden_size",
                            "head_size",
                            "intermediate_size",
                            "num_hidden_layers",
                            "vocab_size")) {
                assertThat(after.configuration().get(field))
                        .as(field)
                        .isEqualTo(before.configuration().get(field));
            }
            assertThat(after.configuration()).containsEntry("tie_word_embeddings", false);
            double epsilon = new ConfigurationFields(before).number("rms_norm_eps", 1);
            assertThat(new ConfigurationFields(after).number("rms_norm_eps", 1))
                    .isEqualTo((float) epsilon);
        }
    }

    @Test
    void theFileSaysWhatLlamaCppWantsToKnow() {
        try (Checkpoint gated = golden(GATED);
                Checkpoint file = Checkpoints.open(write(gated))) {
            assertThat(file.values())
                    .containsEntry("general.architecture", "arwkv7")
                    .containsEntry("arwkv7.wkv.head_size", 32L)
                    .containsEntry("arwkv7.attention.decay_lora_rank", 8L)
                    .containsEntry("arwkv7.attention.iclr_lora_rank", 9L)
                    .containsEntry("arwkv7.attention.value_residual_mix_lora_rank", 10L)
                    .containsEntry("arwkv7.attention.gate_lora_rank", 11L)
                    .containsEntry("arwkv7.token_shift_count", 1L)
                    .containsEntry("arwkv7.attention.head_count", 0L)
                    .doesNotContainKey("arwkv7.attention.layer_norm_epsilon");
            assertThat(file.entry("blk.1.time_mix_lerp_fused.weight").shape())
                    .isEqualTo(Shape.of(6, 1, 1, 64));
            for (String part : List.of("0", "1", "2")) {
                Tensor copy = file.tensor("blk.0.time_mix_v" + part + ".weight");
                Tensor origin = file.tensor("blk.0.time_mix_a" + part + ".weight");
                assertThat(copy.toFloats()).isEqualTo(origin.toFloats());
            }
        }
        try (Checkpoint ungated = golden(UNGATED);
                Checkpoint file = Checkpoints.open(write(ungated))) {
            assertThat(file.values()).containsEntry("arwkv7.attention.gate_lora_rank", 0L);
            assertThat(file.entry("blk.1.time_mix_lerp_fused.weight").shape())
                    .isEqualTo(Shape.of(5, 1, 1, 32));
        }
    }

    /// The first files without a gate had all six coefficients.
    @Test
    void aSixthCoefficientWithoutAGateIsReadAndHasNoEffect() {
        try (Checkpoint ungated = golden(UNGATED);
                Checkpoint stored = Checkpoints.open(write(ungated))) {
            String fused = "blk.1.time_mix_lerp_fused.weight";
            CheckpointView.Builder six = CheckpointView.of(stored);
            for (String name : stored.names()) {
                if (name.endsWith("lerp_fused.weight")) {
                    Shape shape = Shape.of(6, 1, 1, 32);
                    six.add(
                            new Checkpoint.Entry(name, DType.F32, shape),
                            (from, arena) -> {
                                Tensor all = Tensor.allocate(arena, DType.F32, shape.sizes());
                                Tensor five = from.tensor(name);
                                for (long i = 0; i < five.elements(); i++) {
                                    all.set(i, five.get(i));
                                }
                                return all;
                            });
                } else {
                    six.keep(name);
                }
            }
            try (Checkpoint official = Architectures.official(six.build())) {
                assertThat(official.names()).contains(Arwkv7Weights.FIRST + "x_g");
                Tensor last = official.tensor("model.layers.1.self_attn.time_mixer.x_a");
                assertThat(last.toFloats()).isEqualTo(stored.tensor(fused).part(4).toFloats());
                Architectures.load(official).close();
            }
        }
    }

    @Test
    void aValueResidualOfLayerZeroGivesWayToWhatLlamaCppWants() {
        try (Checkpoint golden = golden(GATED)) {
            CheckpointView.Builder view = CheckpointView.of(golden);
            golden.names().forEach(view::keep);
            for (String part : List.of("v0", "v1", "v2")) {
                String origin = "model.layers.1.self_attn.time_mixer." + part;
                Checkpoint.Entry entry = golden.entry(origin);
                view.add(
                        new Checkpoint.Entry(
                                Arwkv7Weights.FIRST + part, entry.dtype(), entry.shape()),
                        (from, _) -> from.tensor(origin));
            }
            try (Checkpoint file = Checkpoints.open(write(view.build()))) {
                assertThat(file.tensor("blk.0.time_mix_v1.weight").toFloats())
                        .isEqualTo(file.tensor("blk.0.time_mix_a1.weight").toFloats());
            }
        }
    }

    @Test
    void anEpsilonThatLlamaCppHasNotIsNamed() {
        try (Checkpoint normed = golden("arwkv7-normed");
                Checkpoint whole = golden("arwkv7-whole");
                Checkpoint gated = changed(golden(GATED), Map.of("head_size_divisor", 4L))) {
            assertThat(new Arwkv7Gguf().lost(normed))
                    .singleElement()
                    .asString()
                    .contains("the square of 4.0, in llama.cpp of 8.0");
            assertThat(new Arwkv7Gguf().lost(whole)).isEmpty();
            assertThat(new Arwkv7Gguf().lost(gated)).isEmpty(); // no heads are normalised
        }
    }

    @Test
    void aCoefficientThatIsMissingIsRefused() {
        try (Checkpoint ungated = golden(UNGATED);
                Checkpoint stored = Checkpoints.open(write(ungated))) {
            CheckpointView.Builder four = CheckpointView.of(stored);
            for (String name : stored.names()) {
                Checkpoint.Entry entry = stored.entry(name);
                boolean fused = name.endsWith("lerp_fused.weight");
                four.add(
                        new Checkpoint.Entry(
                                name, entry.dtype(), fused ? Shape.of(4, 1, 1, 40) : entry.shape()),
                        (from, _) -> from.tensor(name));
            }
            assertThatThrownBy(() -> Architectures.official(four.build()))
                    .isInstanceOf(ModelFormatException.class)
                    .hasMessageContaining("lerp_fused.weight is [4, 1, 1, 40]; expected 5");
        }
    }
}
