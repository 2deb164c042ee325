package dev.anser.model.transformer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.CheckpointView;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.checkpoint.ModelFormatException;
import dev.anser.model.Architectures;
import dev.anser.model.ModelConversion;
import dev.anser.model.ModelFormat;
import dev.anser.tensor.DType;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class NeoxGgufTests {
    private static final Path MODEL =
            Path.of("src/test/resources/golden/gptneox/weights_init.safetensors");
    private static final int HEADS = 2;
    private static final int SIZE = 16;

    @TempDir Path folder;

    /// The golden model with other fields in its configuration.
    private static Checkpoint model(Map<String, Object> changed) {
        Checkpoint golden = Checkpoints.open(MODEL);
        Map<String, Object> fields = new HashMap<>(golden.configuration());
        fields.putAll(changed);
        CheckpointView.Builder view = CheckpointView.of(golden).configuration(fields);
        golden.names().forEach(view::keep);
        return view.build();
    }

    private Path write(Checkpoint model) {
        Path file = folder.resolve("model.gguf");
        try (Threads threads = new Threads(1)) {
            new ModelConversion(model, ModelFormat.GGUF, Optional.empty(), threads)
                    .write(file, _ -> {}, _ -> {});
        }
        return file;
    }

    private static float[] row(Tensor tensor, int row) {
        int columns = (int) (tensor.elements() / tensor.shape().size(0));
        float[] all = tensor.toFloats();
        return Arrays.copyOfRange(all, row * columns, (row + 1) * columns);
    }

    @Test
    void llamaCppHasAllQueriesThenAllKeysThenAllValues() {
        try (Checkpoint official = Checkpoints.open(MODEL);
                Checkpoint stored = new NeoxGguf().stored(Checkpoints.open(MODEL))) {
            for (String part : new String[] {"weight", "bias"}) {
                Tensor byHeads =
                        official.tensor("gpt_neox.layers.1.attention.query_key_value." + part);
                Tensor byParts = stored.tensor("blk.1.attn_qkv." + part);
                for (int i = 0; i < 3 * HEADS * SIZE; i++) {
                    int kind = i / (HEADS * SIZE);
                    int head = i / SIZE % HEADS;
                    int from = head * 3 * SIZE + kind * SIZE + i % SIZE;
                    assertThat(row(byParts, i)).isEqualTo(row(byHeads, from));
                }
            }
        }
    }

    @Test
    void whatTheShapesCannotTellGoesThereAndBack() {
        Map<String, Object> changed =
                Map.of(
                        "use_parallel_residual",
                        false,
                        "rotary_pct",
                        0.375,
                        "rotary_emb_base",
                        500.0,
                        "layer_norm_eps",
                        0.0009765625,
                        "max_position_embeddings",
                        77L);
        try (Checkpoint model = model(changed)) {
            Path file = write(model);
            try (Checkpoint raw = Checkpoints.open(file);
                    Checkpoint read = Architectures.open(file)) {
                assertThat(raw.values())
                        .containsEntry("general.architecture", "gptneox")
                        .containsEntry("gptneox.rope.dimension_count", 6L)
                        .containsEntry("gptneox.attention.head_count", 2L);
                assertThat(read.configuration()).containsAllEntriesOf(changed);
                assertThat(read.names()).containsExactlyInAnyOrderElementsOf(model.names());
            }
        }
    }

    @Test
    void aHeadThatIsTheEmbeddingIsWrittenOut() {
        try (Checkpoint model = model(Map.of("tie_word_embeddings", true));
                Checkpoint read = Architectures.open(write(model))) {
            Tensor embedding = model.tensor(NeoxWeights.EMBEDDING);
            Tensor head = read.tensor(NeoxWeights.HEAD);
            assertThat(head.toFloats()).isEqualTo(embedding.toFloats());
            assertThat(read.configuration()).containsEntry("tie_word_embeddings", false);
        }
    }

    @Test
    void headsThatDoNotFitAreRefused() {
        Map<String, Object> values = new HashMap<>();
        values.put("general.architecture", "gptneox");
        values.put("gptneox.embedding_length", 32L);
        values.put("gptneox.attention.head_count", 5L);
        try (Arena arena = Arena.ofConfined();
                Checkpoint golden = Checkpoints.open(MODEL)) {
            Tensor any = Tensor.allocate(arena, DType.F32, 4, 4);
            CheckpointView.Builder view = CheckpointView.of(golden).values(values);
            view.add(
                    new Checkpoint.Entry("token_embd.weight", any.dtype(), any.shape()),
                    (_, _) -> any);
            assertThatThrownBy(() -> new NeoxGguf().official(view.build()))
                    .isInstanceOf(ModelFormatException.class)
                    .hasMessageContaining("its 5 heads share 32 channels");
        }
    }
}
