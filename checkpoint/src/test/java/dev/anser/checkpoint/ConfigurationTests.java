package dev.anser.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConfigurationTests {
    @TempDir Path folder;

    private Path weights() throws IOException {
        return Files.write(
                folder.resolve("weights.safetensors"), SafetensorsTests.file("{}      ", 0));
    }

    private Map<String, Object> read(String json) throws IOException {
        Files.writeString(folder.resolve("config.json"), json, StandardCharsets.UTF_8);
        try (Checkpoint checkpoint = Checkpoints.open(weights())) {
            return checkpoint.configuration();
        }
    }

    private String refusal(String json) {
        String message = Refusal.of(() -> read(json));
        assertThat(message).startsWith(folder.resolve("config.json") + ": ");
        return message;
    }

    @Test
    void everyKindOfValueIsRead() throws IOException {
        Map<String, Object> read =
                read(
                        """
                        {"text": "a\\u00e9\\n", "whole": -12, "real": 1e-05, "yes": true, "no": false,
                         "none": null, "list": [1, 2.5, null, "x", []], "map": {"rope_type": "llama3"},
                         "long": 9223372036854775807, "longer": 9223372036854775808,
                         "limits": [0.0, Infinity, -Infinity]}
                        """);
        assertThat(read)
                .containsEntry("text", "aé\n")
                .containsEntry("whole", -12L)
                .containsEntry("real", 1e-5)
                .containsEntry("yes", true)
                .containsEntry("no", false)
                .doesNotContainKey("none")
                .containsEntry("list", List.of(1L, 2.5, Optional.empty(), "x", List.of()))
                .containsEntry("map", Map.of("rope_type", "llama3"))
                .containsEntry("long", Long.MAX_VALUE)
                .containsEntry("longer", 9223372036854775808.0)
                .containsEntry(
                        "limits", List.of(0.0, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY));
        assertThat(read.keySet()).startsWith("text", "whole", "real");
    }

    @Test
    void thereMayBeNone() throws IOException {
        try (Checkpoint checkpoint = Checkpoints.open(weights())) {
            assertThat(checkpoint.configuration()).isEmpty();
        }
    }

    @Test
    void aBrokenOneIsFoundWhenItIsAskedFor() throws IOException {
        Files.writeString(folder.resolve("config.json"), "broken");
        try (Checkpoint checkpoint = Checkpoints.open(weights())) {
            assertThat(checkpoint.names()).isEmpty();
            assertThat(Refusal.of(checkpoint::configuration)).contains("expected '{', found 'b'");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "~~|expected '{', found the end of the JSON text",
                "[]|expected '{', found '['",
                "{}x|expected the end of the JSON text, found 'x'",
                "{\"a\":1,}|expected a name in quotes",
                "{\"a\":1,\"a\":2}|the name 'a' comes twice",
                "{\"a\":01}|'01' is no value",
                "{\"a\":1.}|'1.' is no value",
                "{\"a\":+1}|'+1' is no value",
                "{\"a\":nul}|'nul' is no value",
                "{\"a\":NULL}|'NULL' is no value",
                "{\"a\":}|expected a value, found '}'",
                "{\"a\" 1}|expected ':', found '1'",
                "{\"a\":[1 2]}|expected ']', found '2'",
                "{\"a\":\"x|is cut off by the end of the JSON text",
                "{\"a\":\"\\ud800\"}|half a surrogate pair",
                "{\"a\":{|expected a name in quotes, found the end of the JSON text",
            })
    void whatIsNotJsonIsRefused(String json, String expected) {
        assertThat(refusal(json)).contains(expected);
    }

    @Test
    void deepNestingIsRefused() throws IOException {
        assertThat(read("{\"a\":" + "[".repeat(63) + "]".repeat(63) + "}")).hasSize(1);
        assertThat(refusal("{\"a\":" + "[".repeat(64) + "]".repeat(64) + "}"))
                .contains("nests deeper than 64");
        assertThat(refusal("{\"a\":" + "[".repeat(100_000))).contains("nests deeper than 64");
    }

    @Test
    void largeFilesAndLongNumbersAreRefused() {
        assertThat(refusal("{" + " ".repeat(1 << 20) + "}")).contains("more than 1048576 bytes");
        assertThat(refusal("{\"a\":" + "1".repeat(1000) + "}"))
                .contains("more than 400 characters");
    }
}
