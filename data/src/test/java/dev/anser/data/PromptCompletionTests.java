package dev.anser.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PromptCompletionTests {
    @TempDir Path folder;

    private List<PromptCompletion> read(String text) throws IOException {
        Path file = Files.writeString(folder.resolve("pairs.jsonl"), text);
        List<PromptCompletion> pairs = new ArrayList<>();
        PromptCompletion.read(file, pairs::add);
        return pairs;
    }

    @Test
    void otherFieldsAndEmptyLinesArePassedOver() throws IOException {
        assertThat(
                        read(
                                """
                                {"id": [1, {"prompt": "no"}], "completion": "b", "prompt": "a"}

                                {"prompt": "", "completion": "\\u00e9\\n"}
                                """))
                .containsExactly(new PromptCompletion("a", "b"), new PromptCompletion("", "é\n"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"prompt\": \"a\"}                     | line 1 has no \"completion\"",
                "{\"completion\": \"a\"}                 | line 1 has no \"prompt\"",
                "{\"prompt\": 1, \"completion\": \"a\"}  | line 1 has \"prompt\" that is no string",
                "[1]                                     | line 1 is no JSON object",
                "{\"prompt\": \"a                        | line 1 is not JSON",
            })
    void aWrongLineIsNamed(String text, String complaint) {
        assertThatThrownBy(() -> read(text))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("pairs.jsonl: " + complaint);
    }

    @Test
    void aMissingFileIsNamed() {
        assertThatThrownBy(() -> PromptCompletion.read(folder.resolve("none"), _ -> {}))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("none: cannot be read");
    }
}
