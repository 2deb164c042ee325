package dev.anser.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Where commands find the tokenizer of a model, and what stands around its texts.
class VocabulariesTests {
    private static final String TEXT = "The king's 12 men,\n  and é";

    @TempDir Path folder;

    /// A LLaMA of 1000 tokens with a small tokenizer beside it.
    private Path llama(String tokenizer) throws IOException {
        Path llama = LlamaFolder.create(folder.resolve(tokenizer), 1000);
        Files.write(llama.resolve("tokenizer.json"), LlamaFolder.tokenizer(tokenizer));
        return llama;
    }

    private static int promptTokens(Object... arguments) {
        Run run = Run.of(arguments);
        assertThat(run.code()).as(run.err()).isZero();
        return Integer.parseInt(run.out().replaceAll("(?s).*\"promptTokens\":(\\d+).*", "$1"));
    }

    private static int ids(Path vocabulary) {
        Run run = Run.of("tokenize", "--vocab", vocabulary, TEXT);
        assertThat(run.code()).as(run.err()).isZero();
        return run.out().strip().split(" ").length;
    }

    private static String evaluated(Path model, Path text) {
        Run run = Run.of("evaluate", model, "--text", text, "--json");
        assertThat(run.code()).as(run.err()).isZero();
        return run.out();
    }

    @Test
    void aFolderHasItsTokenizer() throws IOException {
        Path llama = llama("bytes");
        assertThat(promptTokens("generate", llama, "-p", TEXT, "-n", 0, "--json"))
                .isEqualTo(ids(llama.resolve("tokenizer.json")))
                .isEqualTo(ids(llama));
    }

    @Test
    void beginOfTextStandsWhereTheTokenizerSays() throws IOException {
        Path llama = llama("pieces");
        int text = ids(llama);
        assertThat(promptTokens("generate", llama, "-p", TEXT, "-n", 0, "--json"))
                .isEqualTo(text + 1);
        Files.writeString(llama.resolve("tokenizer_config.json"), "{\"add_bos_token\": false}");
        assertThat(promptTokens("generate", llama, "-p", TEXT, "-n", 0, "--json")).isEqualTo(text);
        Files.writeString(
                llama.resolve("tokenizer_config.json"),
                "{\"add_bos_token\": true, \"bos_token\": \"<|turn|>\"}");
        assertThat(promptTokens("generate", llama, "-p", TEXT, "-n", 0, "--json"))
                .isEqualTo(text + 1);
    }

    @Test
    void promptsOfPairsBeginAsTextsDo() throws IOException {
        Path llama = llama("pieces");
        String without = pairs(llama, "a");
        assertThat(without).isEqualTo(pairs(llama, "<s>a"));
        Files.writeString(llama.resolve("tokenizer_config.json"), "{\"add_bos_token\": false}");
        assertThat(pairs(llama, "<s>a")).isEqualTo(without);
        assertThat(pairs(llama, "a")).isNotEqualTo(without);
    }

    private String pairs(Path model, String prompt) throws IOException {
        Path pairs = folder.resolve("pairs.jsonl");
        Files.writeString(pairs, "{\"prompt\": \"" + prompt + "\", \"completion\": \"b c d\"}\n");
        Run run = Run.of("evaluate", model, "--pairs", pairs, "--json");
        assertThat(run.code()).as(run.err()).isZero();
        return run.out();
    }

    @Test
    void aGgufFileBringsTheTokenizerOfTheFolder() throws IOException {
        Path text = Files.writeString(folder.resolve("text.txt"), TEXT.repeat(5));
        for (String tokenizer : new String[] {"bytes", "pieces"}) {
            Path llama = llama(tokenizer);
            Path gguf = folder.resolve(tokenizer + ".gguf");
            Run run = Run.of("convert", llama, gguf);
            assertThat(run.code()).as(run.err()).isZero();
            assertThat(run.err()).doesNotContain("tokenizer");
            assertThat(Run.of("tokenize", "--vocab", gguf, TEXT).out())
                    .isEqualTo(Run.of("tokenize", "--vocab", llama, TEXT).out());
            assertThat(evaluated(gguf, text)).isEqualTo(evaluated(llama, text));
            assertThat(promptTokens("generate", gguf, "-p", TEXT, "-n", 0, "--json"))
                    .isEqualTo(promptTokens("generate", llama, "-p", TEXT, "-n", 0, "--json"));
        }
    }

    @Test
    void aFolderOutOfAGgufFileHasItsTokenizer() throws IOException {
        Path text = Files.writeString(folder.resolve("text.txt"), TEXT.repeat(5));
        for (String tokenizer : new String[] {"bytes", "pieces"}) {
            Path llama = llama(tokenizer);
            Files.writeString(
                    llama.resolve("tokenizer_config.json"),
                    "{\"chat_template\": \"{{ messages }}\", \"eos_token\": \"<|turn|>\"}");
            Path gguf = folder.resolve(tokenizer + ".gguf");
            Path again = folder.resolve(tokenizer + "-again");
            assertThat(Run.of("convert", llama, gguf).code()).isZero();
            Run run = Run.of("convert", gguf, again);
            assertThat(run.code()).as(run.err()).isZero();
            assertThat(Run.of("tokenize", "--vocab", again, TEXT).out())
                    .isEqualTo(Run.of("tokenize", "--vocab", llama, TEXT).out());
            assertThat(evaluated(again, text)).isEqualTo(evaluated(llama, text));
            assertThat(again.resolve("tokenizer_config.json"))
                    .content()
                    .contains("\"chat_template\":\"{{ messages }}\"")
                    .contains("\"eos_token\":\"<|turn|>\"")
                    .contains("\"add_bos_token\":" + tokenizer.equals("pieces"));
        }
    }

    @Test
    void aVocabularyThatGoesNowhereIsRefused() throws IOException {
        Path out = folder.resolve("out.pth");
        Path llama = llama("bytes");
        Run run = Run.of("convert", llama, out, "--vocab", llama.resolve("tokenizer.json"));
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("--vocab goes into .gguf files alone", "out.pth");
    }

    @Test
    void theOptionGoesBeforeWhatIsInside() throws IOException {
        Path gguf = folder.resolve("m.gguf");
        assertThat(Run.of("convert", llama("bytes"), gguf).code()).isZero();
        Path other = Files.write(folder.resolve("other.json"), LlamaFolder.tokenizer("pieces"));
        Object[] command = {"generate", gguf, "--vocab", other, "-p", TEXT, "-n", 0, "--json"};
        assertThat(promptTokens(command)).isEqualTo(ids(other) + 1);
        Path again = folder.resolve("again.gguf");
        assertThat(Run.of("convert", gguf, again, "--vocab", other).code()).isZero();
        assertThat(ids(again)).isEqualTo(ids(other));
        assertThat(ids(gguf)).isNotEqualTo(ids(other));
    }

    @Test
    void whatOfATokenizerHasNoPlaceIsNamed() throws IOException {
        Path llama = llama("bytes");
        String json = new String(LlamaFolder.tokenizer("bytes"), StandardCharsets.UTF_8);
        Files.writeString(
                llama.resolve("tokenizer.json"),
                json.replace("\"normalizer\": null", "\"normalizer\": {\"type\": \"NFKC\"}"));
        Path gguf = folder.resolve("m.gguf");
        Run run = Run.of("convert", llama, gguf);
        assertThat(run.code()).isEqualTo(1);
        assertThat(run.err()).contains("normalises characters (NFKC)", "--force").hasLineCount(1);
        assertThat(gguf).doesNotExist();
        Run forced = Run.of("convert", llama, gguf, "--force");
        assertThat(forced.err()).contains("left out", "NFKC");
        assertThat(ids(gguf)).isEqualTo(ids(llama));
    }

    @Test
    void aVocabularyThatIsTooLargeIsRefused() throws IOException {
        Path llama = LlamaFolder.create(folder.resolve("small"), 100);
        Files.write(llama.resolve("tokenizer.json"), LlamaFolder.tokenizer("bytes"));
        for (Run run :
                new Run[] {
                    Run.of("convert", llama, folder.resolve("m.gguf")),
                    Run.of("generate", llama, "-p", "a")
                }) {
            assertThat(run.code()).isEqualTo(1);
            assertThat(run.err()).contains("758", "99", "was trained with").hasLineCount(1);
        }
    }

    @Test
    void aWorldVocabularyOfAnyNameIsFoundInAFolder() throws IOException {
        Run.Reversing reversing = Run.Reversing.in(folder);
        Files.move(reversing.vocabulary(), folder.resolve("rwkv_vocab_digits.txt"));
        assertThat(promptTokens("generate", reversing.model(), "-p", "123,", "-n", 0, "--json"))
                .isEqualTo(4);
        Run run = Run.of("generate", reversing.model(), "-p", "123,", "-n", 4, "--temperature", 0);
        assertThat(run.out()).isEqualTo("321#\n");
        Files.writeString(folder.resolve("rwkv_vocab_other.txt"), "1 'a' 1\n");
        assertThat(Run.of("generate", reversing.model(), "-p", "1,").err())
                .contains("2 vocabularies", "--vocab FILE");
        assertThat(Run.of("tokenize", "--vocab", folder, "1,").err()).contains("2 vocabularies");
    }

    @Test
    void aPulledModelHasWhatWasPulledWithIt() throws IOException {
        String commit = "0123456789abcdef0123456789abcdef01234567";
        Path home = folder.resolve("models--org--llama");
        Path snapshot = home.resolve("snapshots").resolve(commit);
        LlamaFolder.create(snapshot, 1000);
        Files.write(snapshot.resolve("tokenizer.json"), LlamaFolder.tokenizer("pieces"));
        Files.writeString(
                snapshot.resolve("tokenizer_config.json"),
                "{\"chat_template\": \"{{ messages }}\", \"eos_token\": \"<|turn|>\"}");
        Files.writeString(Files.createDirectories(home.resolve("refs")).resolve("main"), commit);
        Map<String, String> cache =
                Map.of("HF_HUB_CACHE", folder.toString(), "HF_HUB_OFFLINE", "1");
        Run run = Run.in(cache, "generate", "org/llama", "-p", TEXT, "-n", 0, "--json");
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out()).contains("\"promptTokens\":" + (ids(snapshot) + 1));
        Path gguf = folder.resolve("m.gguf");
        assertThat(Run.in(cache, "convert", "org/llama", gguf).code()).isZero();
        assertThat(new String(Files.readAllBytes(gguf), StandardCharsets.ISO_8859_1))
                .contains("tokenizer.chat_template", "{{ messages }}");
    }

    @Test
    void aFileWithoutATokenizerSaysSo() throws IOException {
        Path gguf = folder.resolve("m.gguf");
        Run run = Run.of("convert", LlamaFolder.create(folder.resolve("llama"), 1000), gguf);
        assertThat(run.code()).isZero();
        assertThat(run.err()).contains("no vocabulary beside", "--vocab FILE");
        assertThat(Run.of("tokenize", "--vocab", gguf, "a").err()).contains("has no tokenizer");
        assertThat(Run.of("generate", gguf, "-p", "a").err())
                .contains("there is no vocabulary", "--vocab FILE");
    }
}
