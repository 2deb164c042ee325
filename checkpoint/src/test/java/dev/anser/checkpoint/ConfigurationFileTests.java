package dev.anser.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConfigurationFileTests {
    private static final Map<String, Object> LLAMA =
            Map.of("model_type", "llama", "heads", 4, "list", List.of(1, Optional.empty()));

    @TempDir Path folder;
    private Path weights;
    private Path file;

    @BeforeEach
    void names() {
        weights = folder.resolve("new.safetensors");
        file = folder.resolve("config.json");
    }

    @Test
    void itIsWrittenBesideTheWeights() {
        ConfigurationFile configuration = new ConfigurationFile(LLAMA);
        configuration.requireRoom(weights);
        configuration.write(weights);
        assertThat(Configuration.read(file))
                .containsEntry("heads", 4L)
                .containsEntry("list", List.of(1L, Optional.empty()));
    }

    @Test
    void aModelThatNeedsNoneGetsNone() throws IOException {
        ConfigurationFile none = new ConfigurationFile(Map.of());
        none.write(weights);
        assertThat(folder).isEmptyDirectory();
        Files.writeString(file, "{\"model_type\": \"other\"}");
        none.requireRoom(weights);
        none.write(weights);
        assertThat(file).hasContent("{\"model_type\": \"other\"}");
    }

    @Test
    void oneThatSaysTheSameStaysAsItIs() throws IOException {
        String theirs = "{\"list\":[1,null],\"heads\":4,\"none\":null,\"model_type\":\"llama\"}";
        Files.writeString(file, theirs);
        ConfigurationFile configuration = new ConfigurationFile(LLAMA);
        configuration.requireRoom(weights);
        configuration.write(weights);
        assertThat(file).hasContent(theirs);
    }

    @Test
    void thatOfAnotherModelIsInTheWay() throws IOException {
        for (String other : List.of("{\"model_type\": \"gpt_neox\"}", "broken")) {
            Files.writeString(file, other);
            assertThat(Refusal.of(() -> new ConfigurationFile(LLAMA).requireRoom(weights)))
                    .isEqualTo(
                            file
                                    + ": is of another model, and new.safetensors needs a"
                                    + " config.json of its own; give it another folder");
        }
    }

    @Test
    void whatJsonCannotSayIsRefusedAtOnce() {
        assertThat(Refusal.of(() -> new ConfigurationFile(Map.of("x", Double.NaN))))
                .contains("config.json: cannot be written");
    }
}
