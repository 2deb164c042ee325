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
import java.util.SequencedMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelFolderTests {
    private static final String FIRST = "model-00001-of-00002.safetensors";
    private static final String SECOND = "model-00002-of-00002.safetensors";

    @TempDir Path folder;

    private void tensors(String file, String... names) {
        try (Arena arena = Arena.ofConfined()) {
            SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
            for (String name : names) {
                tensors.put(name, Tensor.of(arena, new float[] {name.charAt(0)}, 1));
            }
            Safetensors.write(folder.resolve(file), tensors, Map.of("format", "pt"));
        }
    }

    private void index(String json) throws IOException {
        Files.writeString(folder.resolve("model.safetensors.index.json"), json);
    }

    private void honest() throws IOException {
        tensors(FIRST, "a", "b");
        tensors(SECOND, "c");
        index(
                """
                {"metadata": {"total_size": 12},
                 "weight_map": {"a": "%s", "b": "%s", "c": "%s"}}
                """
                        .formatted(FIRST, FIRST, SECOND));
    }

    private String refusal() {
        String message = Refusal.of(() -> Checkpoints.open(folder).close());
        assertThat(message).startsWith(folder.toString());
        return message;
    }

    @Test
    void oneCheckpointOpensOverAllShards() throws IOException {
        honest();
        Files.writeString(folder.resolve("config.json"), "{\"model_type\":\"llama\"}");
        try (Checkpoint checkpoint = Checkpoints.open(folder)) {
            assertThat(checkpoint.source()).isEqualTo(folder.toString());
            assertThat(checkpoint.format()).isEqualTo("safetensors");
            assertThat(checkpoint.names()).containsExactly("a", "b", "c");
            assertThat(checkpoint.entry("c"))
                    .isEqualTo(new Checkpoint.Entry("c", DType.F32, Shape.of(1)));
            assertThat(checkpoint.tensor("b").get(0)).isEqualTo('b');
            assertThat(checkpoint.tensor("c").get(0)).isEqualTo('c');
            assertThat(checkpoint.metadata()).isEqualTo(Map.of("format", "pt"));
            assertThat(checkpoint.configuration()).isEqualTo(Map.of("model_type", "llama"));
            assertThat(Refusal.of(() -> checkpoint.tensor("d"))).contains("no tensor named 'd'");
        }
    }

    @Test
    void aMissingShardIsNamed() throws IOException {
        honest();
        Files.delete(folder.resolve(SECOND));
        assertThat(refusal()).contains("'" + SECOND + "', which is missing");
    }

    @Test
    void aBrokenShardIsNamed() throws IOException {
        honest();
        Files.writeString(folder.resolve(SECOND), "broken");
        assertThat(refusal()).startsWith(folder.resolve(SECOND) + ": is not a model file");
    }

    @Test
    void shardsOfSeveralFormatsAreRefused() throws IOException {
        honest();
        Files.write(folder.resolve(SECOND), Goldens.bytes("formats/torture.pth"));
        assertThat(refusal()).startsWith(folder.resolve(SECOND) + ": is pth, expected safetensors");
    }

    @Test
    void anIndexThatTheShardsContradictIsRefused() throws IOException {
        honest();
        tensors(SECOND, "d");
        assertThat(refusal()).contains("tensor 'c' is in '" + SECOND + "', which does not have it");
        tensors(SECOND, "c", "a");
        assertThat(refusal()).contains(SECOND + ": has the tensor 'a'", FIRST);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../other.safetensors",
                "/etc/passwd",
                "sub/x.safetensors",
                "sub\\\\x.safetensors",
                "C:x",
                "..",
                ".",
                "",
                "a\\u0000b",
                "a\\nb",
            })
    void aShardOutsideTheFolderIsRefused(String shard) throws IOException {
        index("{\"weight_map\":{\"a\":\"" + shard + "\"}}");
        assertThat(refusal()).contains("tensor 'a' is in '", "expected the plain name");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "{}|has no weight_map",
                "{\"weight_map\":[]}|has no weight_map",
                "{\"weight_map\":{}}|names 0 files",
                "{\"weight_map\":{\"a\":1}}|tensor 'a' has no file name",
                "{\"weight_map\":{\"a\":\"x\",\"a\":\"y\"}}|the name 'a' comes twice",
                "nothing|expected '{'",
            })
    void anIndexThatIsNoneIsRefused(String json, String expected) throws IOException {
        index(json);
        assertThat(refusal())
                .startsWith(folder.resolve("model.safetensors.index.json") + ": ")
                .contains(expected);
    }

    @Test
    void oneFileIsEnough() throws IOException {
        assertThat(refusal()).contains("is a folder without a model", "model.safetensors");
        Files.write(folder.resolve("any.pth"), Goldens.bytes("formats/torture.pth"));
        Files.writeString(folder.resolve("training_args.bin"), "x");
        try (Checkpoint checkpoint = Checkpoints.open(folder)) {
            assertThat(checkpoint.format()).isEqualTo("pth");
        }
        tensors("other.safetensors", "a");
        assertThat(refusal()).contains("several models, 'any.pth' and 'other.safetensors'");
        Files.write(folder.resolve("pytorch_model.bin"), Goldens.bytes("formats/nested.pth"));
        try (Checkpoint checkpoint = Checkpoints.open(folder)) {
            assertThat(checkpoint.names()).contains("step");
        }
        tensors("model.safetensors", "m");
        try (Checkpoint checkpoint = Checkpoints.open(folder)) {
            assertThat(checkpoint.names()).containsExactly("m");
        }
    }

    @Test
    void whatIsWrittenReadsBack() {
        Path made = folder.resolve("made");
        Map<String, Object> configuration = new LinkedHashMap<>();
        configuration.put("model_type", "a \"b\"\n");
        configuration.put("hidden_size", 64L);
        configuration.put("eps", 1e-5);
        configuration.put("tie", false);
        configuration.put("rope", Map.of("factor", 8.0));
        configuration.put("list", List.of(1L, "x", List.of(), Map.of()));
        var entry = new Checkpoint.Entry("w", DType.F32, Shape.of(2));
        try (Arena arena = Arena.ofConfined()) {
            Tensor tensor = Tensor.of(arena, new float[] {1, 2}, 2);
            ModelFolder.write(
                    made, List.of(entry), Map.of("format", "pt"), configuration, _ -> tensor);
            try (Checkpoint read = Checkpoints.open(made)) {
                assertThat(read.tensor("w").toFloats()).containsExactly(1, 2);
                assertThat(read.metadata()).isEqualTo(Map.of("format", "pt"));
                assertThat(read.configuration()).isEqualTo(configuration);
                assertThat(List.copyOf(read.configuration().keySet()))
                        .isEqualTo(List.copyOf(configuration.keySet()));
            }
        }
    }

    @Test
    void aConfigurationThatJsonCannotSayIsRefusedBeforeAnythingIsWritten() {
        Path made = folder.resolve("made");
        for (Object value : List.of(Double.NaN, 'c', List.of(Double.POSITIVE_INFINITY))) {
            assertThat(
                            Refusal.of(() ->
                                    ModelFolder.write(
                                            made,
                                            List.of(),
                                            Map.of(),
                                            Map.of("x", value),
                                            _ -> {
                                                throw new AssertionError();
                                            })))
                    .contains("config.json: cannot be written");
        }
        assertThat(made).doesNotExist();
    }
}
