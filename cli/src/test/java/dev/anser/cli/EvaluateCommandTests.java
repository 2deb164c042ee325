package dev.anser.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvaluateCommandTests {
    @TempDir Path folder;

    /// Numbers of 1 to 12 digits and their reverses, as the model was trained to write them.
    private Path pairs(boolean right) throws IOException {
        Random random = new Random(1);
        StringBuilder lines = new StringBuilder();
        for (int digits = 1; digits <= 12; digits++) {
            StringBuilder number = new StringBuilder().append(1 + random.nextInt(9));
            while (number.length() < digits) {
                number.append(random.nextInt(10));
            }
            lines.append("{\"prompt\": \"").append(number).append(",\", \"completion\": \"");
            lines.append(right ? number.reverse() : number.append('#').reverse());
            lines.append(right ? "#\"}\n" : "\"}\n");
        }
        return Files.writeString(folder.resolve("pairs" + right + ".jsonl"), lines);
    }

    @Test
    void theReversingModelReverses() throws IOException {
        Run.Reversing reversing = Run.Reversing.in(folder);
        Run run =
                Run.of(
                        "evaluate",
                        reversing.model(),
                        "--vocab",
                        reversing.vocabulary(),
                        "--pairs",
                        pairs(true),
                        "--json");
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out())
                .startsWith("{\"pairs\":12,\"pairsRight\":12,\"tokens\":90,\"tokensRight\":90,")
                .contains("\"accuracy\":1.0");
    }

    @Test
    void wrongAnswersCountAsWrong() throws IOException {
        Run.Reversing reversing = Run.Reversing.in(folder);
        Run run =
                Run.of(
                        "evaluate",
                        reversing.model(),
                        "--vocab",
                        reversing.vocabulary(),
                        "--pairs",
                        pairs(false));
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out()).startsWith("0 of 12 completions right, ");
    }

    @Test
    void aTextIsScored() throws IOException {
        Path model = Run.tinyModel(folder);
        Path text = Files.writeString(folder.resolve("text"), "The goose and the fox.\n");
        Run run = Run.of("evaluate", model, "--text", text);
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out())
                .startsWith("1 documents, 22 tokens, 22 B\nloss ")
                .contains("bits a byte");
        Run object = Run.of("evaluate", model, "--text", text, "--text", text, "--json");
        assertThat(object.out()).startsWith("{\"documents\":2,\"bytes\":44,\"tokens\":44,");
    }

    @Test
    void exactlyOneKindOfInputIsWanted() throws IOException {
        assertThat(Run.of("evaluate").code()).isEqualTo(2);
        assertThat(Run.of("evaluate", "--text", "a", "--pairs", "b").code()).isEqualTo(2);
        Run missing = Run.of("evaluate", Run.tinyModel(folder), "--text", folder.resolve("none"));
        assertThat(missing.code()).isEqualTo(1);
        assertThat(missing.err()).contains("none").contains("no such file");
    }
}
