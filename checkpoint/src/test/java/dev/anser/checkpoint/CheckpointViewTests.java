package dev.anser.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

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
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointViewTests {
    private static final Checkpoint.Entry ENTRY = new Checkpoint.Entry("w", DType.F32, Shape.of(2));

    @TempDir Path folder;

    @BeforeEach
    void writeModel() throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            Tensor tensor = Tensor.of(arena, new float[] {1, 2}, 2);
            Gguf.write(
                    folder.resolve("model.gguf"),
                    List.of(ENTRY),
                    new GgufMetadata().text("name", "grey").u32("layers", 3),
                    _ -> tensor);
        }
        Files.writeString(folder.resolve("config.json"), "{\"width\": 64}");
    }

    @Test
    void whatTheSourceSaysPassesThrough() {
        try (Checkpoint view =
                CheckpointView.of(Checkpoints.open(folder.resolve("model.gguf"))).build()) {
            assertThat(view.names()).isEmpty();
            assertThat(view.values()).isEqualTo(Map.of("name", "grey", "layers", 3L));
            assertThat(view.metadata()).isEqualTo(Map.of("name", "grey", "layers", "3"));
            assertThat(view.configuration()).isEqualTo(Map.of("width", 64L));
        }
    }

    @Test
    void whatIsReplacedIsCopiedAndKeepsItsOrder() {
        Map<String, Object> values = new LinkedHashMap<>();
        IntStream.range(0, 50).forEach(i -> values.put("key " + i, (long) i));
        List<String> order = List.copyOf(values.keySet());
        CheckpointView.Builder builder =
                CheckpointView.of(Checkpoints.open(folder.resolve("model.gguf")))
                        .keep("w")
                        .values(values)
                        .configuration(values)
                        .metadata(Map.of("a", "b"));
        values.clear();
        try (Checkpoint view = builder.build()) {
            assertThat(view.tensor("w").toFloats()).containsExactly(1, 2);
            assertThat(view.values().keySet()).containsExactlyElementsOf(order);
            assertThat(view.configuration().keySet()).containsExactlyElementsOf(order);
            assertThat(view.metadata()).isEqualTo(Map.of("a", "b"));
        }
    }
}
