package dev.anser.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataCommandTests {
    @TempDir Path folder;

    private Path text(String name, String content) throws IOException {
        return Files.writeString(folder.resolve(name), content);
    }

    @Test
    void textBecomesDataAndTextAgain() throws IOException {
        Path out = folder.resolve("out");
        Path input = text("a.txt", "one\n\n<|end|>\ntwo é\n");
        Run build =
                Run.of("data", "build", "--out", out, "--bytes", "--separator", "<|end|>", input);
        assertThat(build.err()).isEmpty();
        assertThat(build.code()).isZero();
        assertThat(build.out()).isEqualTo(out + ".bin and .idx: 2 documents, 12 tokens\n");

        Run text = Run.of("data", "text", out, "--bytes", "--separator", "<|end|>");
        assertThat(text.out()).isEqualTo("one\n\n<|end|>\ntwo é");
        assertThat(Run.of("data", "text", out + ".idx", "--bytes", "--jsonl").out())
                .isEqualTo("{\"text\":\"one\\n\"}\n{\"text\":\"two é\"}\n");
        assertThat(Run.of("data", "text", out, "--bytes", "--first", "1").out()).isEqualTo("one\n");
    }

    @Test
    void aLearnedVocabularyServesToBuildData() throws IOException {
        Path lines = text("a.jsonl", "{\"story\":\"the geese and the geese\"}\n".repeat(30));
        Path vocabulary = folder.resolve("rwkv_vocab_geese.txt");
        Run learned =
                Run.of(
                        "data",
                        "vocabulary",
                        "--size",
                        "260",
                        "--out",
                        vocabulary,
                        "--field",
                        "story",
                        lines);
        assertThat(learned.err()).isEmpty();
        assertThat(learned.out()).isEqualTo(vocabulary + ": 260 ids\n");
        Path out = folder.resolve("out");
        Run build =
                Run.of(
                        "data",
                        "build",
                        "--out",
                        out,
                        "--vocab",
                        vocabulary,
                        "--field",
                        "story",
                        "--shuffle",
                        "--epochs",
                        "2",
                        "--seed",
                        "5",
                        lines);
        assertThat(build.err()).isEmpty();
        // "the", " geese" and " and" are learned: six tokens a line with the space before " the".
        assertThat(build.out()).contains("60 documents, 420 tokens");
        assertThat(Run.of("data", "text", out, "--vocab", vocabulary, "--jsonl").out())
                .isEqualTo("{\"text\":\"the geese and the geese\"}\n".repeat(60));
        assertThat(Run.of("tokenize", "--vocab", vocabulary, " geese").out()).hasLineCount(1);
    }

    @Test
    void infoShowsWhatTheTrainerNeeds() throws IOException {
        Path out = folder.resolve("out");
        Run.of("data", "build", "--out", out, "--bytes", text("a.txt", "x".repeat(100)));
        Run json = Run.of("data", "info", out, "--context", "7", "--json");
        assertThat(json.out())
                .startsWith(
                        "{\"documents\":1,\"tokens\":101,\"largest_token\":120,\"dtype\":\"uint16\","
                                + "\"context\":7,\"magic_prime\":11,\"bin_sha256\":\"");
        assertThat(json.out())
                .endsWith(
                        // Computed by Python's struct and hashlib.
                        "\"874c861f0adc6be9360e30fb2097adb1098a111da41d07231eae1f613471708a\",\"idx_sha256\":"
                                + "\"edb5189d0699860c390418c224f04fc26bdf12b506fa5ea02a12395a8d667cf1\"}\n");
        assertThat(Run.of("data", "info", out, "--context", "50", "--json").out())
                .contains("\"magic_prime\":null");
        assertThat(Run.of("data", "info", out).out())
                .contains("documents", "101", "uint16", ".bin SHA-256");
    }

    @Test
    void wrongUsageIsExplained() throws IOException {
        Path out = folder.resolve("out");
        Path input = text("a.txt", "x\n\ny");
        Run neither = Run.of("data", "build", "--out", out, input);
        assertThat(neither.code()).isEqualTo(2);
        assertThat(neither.err()).contains("--vocab", "--bytes");
        Run epochs = Run.of("data", "build", "--out", out, "--bytes", "--epochs", "2", input);
        assertThat(epochs.code()).isEqualTo(2);
        assertThat(epochs.err()).contains("--epochs needs --shuffle");
        Run size = Run.of("data", "vocabulary", "--size", "20", "--out", out, input);
        assertThat(size.code()).isEqualTo(2);
        assertThat(size.err()).contains("--size is 20");
        Run alone = Run.of("data");
        assertThat(alone.code()).isEqualTo(2);
        assertThat(alone.err()).contains("build", "vocabulary");

        Run.of("data", "build", "--out", out, "--bytes", "--blank-lines", input);
        Run several = Run.of("data", "text", out, "--bytes");
        assertThat(several.code()).isEqualTo(2);
        assertThat(several.err()).contains("2 documents", "--separator");
    }

    @Test
    void failuresLeaveNothingBehind() throws IOException {
        Path out = folder.resolve("out");
        Path input = text("a.jsonl", "{\"text\":\"a\"}\nnonsense\n");
        Run build = Run.of("data", "build", "--out", out, "--bytes", input);
        assertThat(build.code()).isEqualTo(1);
        assertThat(build.err().lines()).hasSize(1);
        assertThat(build.err()).contains("a.jsonl: line 2 is not JSON");
        Run itself = Run.of("data", "vocabulary", "--size", "260", "--out", input, input);
        assertThat(itself.code()).isEqualTo(1);
        assertThat(itself.err()).contains("input and output");
        try (var files = Files.list(folder)) {
            assertThat(files).containsExactly(input);
        }
        Run missing = Run.of("data", "info", out);
        assertThat(missing.code()).isEqualTo(1);
        assertThat(missing.err()).contains("out.idx: there is no such file");
    }

    @Test
    void anInterruptedBuildStops() throws IOException {
        Interruption interruption = new Interruption();
        interruption.request();
        Path out = folder.resolve("out");
        Path input = text("a.txt", "x");
        Run run =
                Run.on(
                        OutputStream.nullOutputStream(),
                        interruption,
                        "data",
                        "build",
                        "--out",
                        out,
                        "--bytes",
                        input);
        assertThat(run.code()).isEqualTo(130);
        try (var files = Files.list(folder)) {
            assertThat(files).containsExactly(input);
        }
    }
}
