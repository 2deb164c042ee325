package dev.anser.model.rwkv6;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.CheckpointView;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.checkpoint.ModelFormatException;
import dev.anser.tensor.DType;
import dev.anser.tensor.Tensor;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

final class Rwkv6GgufTests {
    private static final Path MODEL =
            Path.of("src/test/resources/golden/rwkv6/weights_init.safetensors");

    private final Rwkv6Gguf layout = new Rwkv6Gguf();

    /// The golden model as a GGUF file has it, with `values` beside it.
    private CheckpointView.Builder stored(Map<String, Object> values) {
        Checkpoint stored = layout.stored(Checkpoints.open(MODEL));
        CheckpointView.Builder file = CheckpointView.of(stored).values(values);
        stored.names().stream().filter(name -> !name.contains("lerp_fused")).forEach(file::keep);
        return file;
    }

    private static void assertSame(Checkpoint after, Checkpoint before) {
        assertThat(after.names()).containsExactlyInAnyOrderElementsOf(before.names());
        for (String name : before.names()) {
            Tensor expected = before.tensor(name);
            Tensor actual = after.tensor(name);
            assertThat(actual.toString()).as(name).isEqualTo(expected.toString());
            assertThat(actual.segment().mismatch(expected.segment())).as(name).isEqualTo(-1);
        }
    }

    @Test
    void mixesApartAreReadAsThoseInOneTensor() {
        CheckpointView.Builder file = stored(Map.of());
        for (int layer = 0; layer < 2; layer++) {
            String fused = "blk." + layer + ".time_mix_lerp_fused.weight";
            for (int i = 0; i < Rwkv6Weights.INPUTS; i++) {
                int part = i;
                String mix = Rwkv6Weights.MIXES.get(i);
                String name = "blk." + layer + ".time_mix_lerp_" + mix + ".weight";
                Tensor any = file.build().tensor("blk.0.attn_norm.weight");
                file.add(
                        new Checkpoint.Entry(name, any.dtype(), any.shape()),
                        (from, _) -> from.tensor(fused).part(part).reshape(any.elements()));
            }
        }
        try (Checkpoint before = Checkpoints.open(MODEL);
                Checkpoint after = layout.official(file.build())) {
            assertSame(after, before);
        }
    }

    /// What the converter of llama.cpp does to models of Hugging Face.
    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F32", "F16"})
    void halvedLayersAreReadAsTheyWere(DType type) {
        Checkpoint stored = layout.stored(Checkpoints.open(MODEL));
        CheckpointView.Builder file =
                CheckpointView.of(stored).values(Map.of("rwkv6.rescale_every_n_layers", 1L));
        for (String name : stored.names()) {
            boolean halved = name.matches("blk.1.(time_mix_output|channel_mix_value).weight");
            if (!halved) {
                file.keep(name);
                continue;
            }
            Checkpoint.Entry entry = stored.entry(name);
            file.add(
                    new Checkpoint.Entry(name, type, entry.shape()),
                    (from, arena) -> {
                        Tensor tensor = from.tensor(name);
                        Tensor half = Tensor.allocate(arena, type, tensor.shape().sizes());
                        for (long i = 0; i < tensor.elements(); i++) {
                            half.set(i, tensor.get(i) / 2);
                        }
                        return half;
                    });
        }
        try (Checkpoint before = Checkpoints.open(MODEL);
                Checkpoint after = layout.official(file.build())) {
            for (String name : before.names()) {
                Tensor expected = before.tensor(name);
                Tensor actual = after.tensor(name);
                boolean rounded = actual.dtype() == DType.F16;
                assertThat(rounded)
                        .isEqualTo(
                                type == DType.F16
                                        && name.matches("blocks.1.(att.output|ffn.value).weight"));
                for (long i = 0; i < expected.elements(); i++) {
                    float value = expected.get(i);
                    // Halved once more, the smallest numbers of F16 lose a bit.
                    float half = Float.float16ToFloat(Float.floatToFloat16(value / 2));
                    assertThat(actual.get(i)).as(name).isEqualTo(rounded ? 2 * half : value);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, Long.MIN_VALUE})
    void anImpossibleRescalingIsRefused(long every) {
        try (Checkpoint file = stored(Map.of("rwkv6.rescale_every_n_layers", every)).build()) {
            assertThatThrownBy(() -> layout.official(file))
                    .isInstanceOf(ModelFormatException.class)
                    .hasMessageContaining("rescale_every_n_layers is " + every);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F16", "Q8_0"})
    void whatLlamaCppComputesWithInF32StaysSo(DType wanted) {
        try (Checkpoint file = layout.stored(Checkpoints.open(MODEL))) {
            for (String name : file.names()) {
                boolean product =
                        name.matches(
                                "(token_embd|output|blk.*(_key|_value|_receptance|_gate|_output)).weight");
                assertThat(layout.type(file.entry(name), wanted))
                        .as(name)
                        .isEqualTo(product ? wanted : DType.F32);
            }
        }
    }

    @Test
    void whatIsNoWeightIsRefusedByName() {
        Checkpoint stored = layout.stored(Checkpoints.open(MODEL));
        CheckpointView.Builder file = CheckpointView.of(stored);
        String odd = "blk.1.time_mix_decay_w1.weight";
        stored.names().stream().filter(name -> !name.equals(odd)).forEach(file::keep);
        file.add(
                new Checkpoint.Entry(odd, DType.I32, stored.entry(odd).shape()),
                (from, arena) ->
                        Tensor.allocate(arena, DType.I32, from.entry(odd).shape().sizes()));
        try (Checkpoint view = file.build()) {
            assertThatThrownBy(() -> layout.official(view))
                    .isInstanceOf(ModelFormatException.class)
                    .hasMessageContaining("tensor " + odd + " is I32")
                    .hasMessageContaining("expected F32");
        }
    }
}
