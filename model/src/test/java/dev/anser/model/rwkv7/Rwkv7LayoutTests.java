package dev.anser.model.rwkv7;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.CheckpointView;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.checkpoint.ModelFormatException;
import dev.anser.model.Architectures;
import dev.anser.model.Layout;
import dev.anser.model.ModelConversion;
import dev.anser.model.ModelFormat;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

final class Rwkv7LayoutTests {
    private static final Path MODEL =
            Path.of("src/test/resources/golden/rwkv7-L2-D64-hs32-half/model-fp16.safetensors");

    private static final Path DEEP_EMBED =
            Path.of("src/test/resources/golden/rwkv7a-L2-D64-rank12/model.safetensors");

    @TempDir Path folder;

    static List<Layout> layouts() {
        return Rwkv7Layouts.all();
    }

    /// What a file of `layout` would hold of the official model.
    private static Checkpoint written(Layout layout) {
        Checkpoint stored = layout.stored(Checkpoints.open(MODEL));
        CheckpointView.Builder copy =
                CheckpointView.of(stored).values(Map.of("rwkv7.wkv.head_size", 32L));
        stored.names().forEach(copy::keep);
        return copy.build();
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void wayThereAndBackGivesTheSameTensors(Layout layout) {
        try (Checkpoint before = Checkpoints.open(MODEL);
                Checkpoint after = layout.official(written(layout))) {
            assertThat(after.names()).containsExactlyInAnyOrderElementsOf(before.names());
            for (String name : before.names()) {
                Tensor expected = before.tensor(name);
                Tensor actual = after.tensor(name);
                assertThat(actual.toString()).as(name).isEqualTo(expected.toString());
                assertThat(actual.segment().mismatch(expected.segment())).as(name).isEqualTo(-1);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"web-rwkv", "fla"})
    void layoutIsToldFromTheTensors(String name) {
        try (Checkpoint official = Checkpoints.open(MODEL)) {
            Layout layout = Architectures.layout(official, name);
            try (Checkpoint file = written(layout)) {
                assertThat(layouts().stream().filter(other -> other.recognises(file)))
                        .extracting(Layout::name)
                        .containsExactly(name);
            }
            assertThat(layout.recognises(official)).isFalse();
        }
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void deepEmbedHasNoPlaceInTheFilesOfOtherPrograms(Layout layout) {
        try (Checkpoint official = Checkpoints.open(DEEP_EMBED)) {
            assertThat(layout.recognises(official)).isFalse();
            assertThat(layout.lost(official))
                    .contains(
                            "blocks.0.ffn.s_emb.weight",
                            "blocks.1.ffn.s_emb_x.weight",
                            "blocks.1.ffn.s0",
                            "blocks.1.ffn.s1",
                            "blocks.1.ffn.s2")
                    // The heads of this model are no size that flash-linear-attention has.
                    .allMatch(name -> name.contains(".ffn.s") || name.contains("epsilon"));
        }
    }

    @Test
    void deepEmbedKeepsItsBitsInOfficialFiles() {
        Path file = folder.resolve("model.pth");
        try (Threads threads = new Threads(1);
                Checkpoint before = Architectures.open(DEEP_EMBED)) {
            new ModelConversion(before, ModelFormat.PTH, Optional.empty(), threads)
                    .write(file, _ -> {}, _ -> {});
            try (Checkpoint after = Architectures.open(file)) {
                assertThat(after.names()).containsExactlyElementsOf(before.names());
                for (String name : before.names()) {
                    Tensor expected = before.tensor(name);
                    Tensor actual = after.tensor(name);
                    assertThat(actual.toString()).as(name).isEqualTo(expected.toString());
                    assertThat(actual.segment().mismatch(expected.segment()))
                            .as(name)
                            .isEqualTo(-1);
                }
            }
        }
    }

    @Test
    void rwkvCppStacksTheMixesOfATimeMix() {
        try (Checkpoint official = Checkpoints.open(MODEL);
                Checkpoint stored = written(new Rwkv7RwkvCpp())) {
            Tensor mixes = stored.tensor("blocks.1.att.x_rwkvag");
            assertThat(mixes.shape().sizes()).containsExactly(6, 1, 64);
            MemorySegment last = official.tensor("blocks.1.att.x_g").segment();
            assertThat(mixes.part(5).segment().mismatch(last)).isEqualTo(-1);
        }
    }

    @Test
    void tensorWithoutAPlaceIsRefusedByName() {
        try (Checkpoint stored = written(new Rwkv7RwkvCpp())) {
            CheckpointView.Builder file = CheckpointView.of(stored);
            stored.names().forEach(file::keep);
            Tensor any = stored.tensor("ln_out.bias");
            file.add(
                    new Checkpoint.Entry("blocks.0.att.extra", any.dtype(), any.shape()),
                    (_, _) -> any);
            assertThatThrownBy(() -> new Rwkv7RwkvCpp().official(file.build()))
                    .isInstanceOf(ModelFormatException.class)
                    .hasMessageContaining("blocks.0.att.extra")
                    .hasMessageContaining("no place");
        }
    }
}
