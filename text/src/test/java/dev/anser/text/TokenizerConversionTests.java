package dev.anser.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// `tokenizer.json` into the metadata of GGUF files and back.
class TokenizerConversionTests {

    private static final String STRIP =
            ", {\"type\": \"Strip\", \"content\": \" \", \"start\": 1, \"stop\": 0}";

    @TempDir Path folder;

    private Path file(byte[] json) throws IOException {
        return Files.write(folder.resolve("tokenizer.json"), json);
    }

    private Path file(String json) throws IOException {
        return file(json.getBytes(StandardCharsets.UTF_8));
    }

    private static TokenizerConversion convert(Path file, int count) {
        return TokenizerConversion.of(file, HuggingFaceTokenizer.load(file), count);
    }

    private static Tokenizer read(TokenizerConversion conversion) {
        return GgufTokenizers.find("m.gguf", conversion.values()).orElseThrow();
    }

    private static String bytes() {
        return new String(Goldens.bytes(), StandardCharsets.UTF_8);
    }

    /// The byte-level one, its texts cut into words by `steps`.
    private static String bytes(String steps, boolean composes, boolean whole) {
        String sequence = "{\"type\":\"Sequence\",\"pretokenizers\":[" + steps + "]}";
        String json =
                bytes().replaceFirst(
                                "\"pre_tokenizer\": \\{[^{}]*}",
                                Matcher.quoteReplacement("\"pre_tokenizer\": " + sequence))
                        .replace("\"ignore_merges\": false", "\"ignore_merges\": " + whole);
        return composes
                ? json.replace("\"normalizer\": null", "\"normalizer\": {\"type\": \"NFC\"}")
                : json;
    }

    private static String byteLevel(boolean cuts) {
        return "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,"
                + "\"use_regex\":"
                + cuts
                + "}";
    }

    private static String pieces() {
        return new String(Goldens.pieces(), StandardCharsets.UTF_8);
    }

    private static List<?> list(TokenizerConversion conversion, String name) {
        return (List<?>) Objects.requireNonNull(conversion.values().get("tokenizer.ggml." + name));
    }

    private static void assertSame(Tokenizer after, Tokenizer before) {
        for (byte[] text : Goldens.texts()) {
            int[] ids = before.encode(text);
            assertThat(after.encode(text))
                    .as(new String(text, StandardCharsets.UTF_8))
                    .isEqualTo(ids);
            assertThat(after.decode(ids)).isEqualTo(before.decode(ids));
        }
        assertThat(after.vocabularySize()).isEqualTo(before.vocabularySize());
        for (int id = 0; id < before.vocabularySize(); id++) {
            assertThat(after.contains(id)).as("id %d", id).isEqualTo(before.contains(id));
            if (before.contains(id)) {
                assertThat(after.bytes(id)).as("id %d", id).isEqualTo(before.bytes(id));
            }
        }
        assertThat(after.endOfText()).isEqualTo(before.endOfText());
        assertThat(after.beginOfText()).isEqualTo(before.beginOfText());
    }

    @Test
    void thatOfGptNeoxComesBack() throws IOException {
        Path file = file(Goldens.neox());
        TokenizerConversion conversion = convert(file, 50432);
        assertThat(conversion.lost()).isEmpty();
        assertThat(conversion.values())
                .containsEntry("tokenizer.ggml.model", "gpt2")
                .containsEntry("tokenizer.ggml.pre", "olmo")
                .containsEntry("tokenizer.ggml.eos_token_id", 0L)
                .containsEntry("tokenizer.ggml.add_bos_token", false);
        List<?> tokens = list(conversion, "tokens");
        assertThat(tokens).hasSize(50432);
        assertThat(tokens.getLast()).isEqualTo("[PAD50431]");
        assertSame(read(conversion), HuggingFaceTokenizer.load(file));
    }

    @ParameterizedTest
    @CsvSource({"gpt-2, false, ''", "olmo, true, ''", "smollm, false, D", "command-r, true, D"})
    void wordsAreCutAsThePreTokenizerSays(String name, boolean composes, String digits)
            throws IOException {
        String steps = digits.isEmpty() ? "" : "{\"type\":\"Digits\",\"individual_digits\":true},";
        assertCut(bytes(steps + byteLevel(true), composes, false), name);
    }

    @ParameterizedTest
    @CsvSource({
        "LLAMA_3, true, llama-bpe",
        "DBRX, false, dbrx",
        "QWEN_2, false, qwen2",
        "STABLE_LM_2, false, stablelm2",
        "QWEN_35, false, qwen35",
        "TEKKEN, true, tekken",
        "GPT_4O, false, gpt-4o",
        "DEEPSEEK_CODER, false, deepseek-coder",
        "DEFAULT, false, default",
    })
    void wordsAreCutByTheExpressionsOfAFamily(PreTokenizer family, boolean whole, String name)
            throws IOException {
        StringBuilder steps = new StringBuilder();
        for (String expression : family.expressions()) {
            steps.append("{\"type\":\"Split\",\"pattern\":{\"Regex\":\"")
                    .append(
                            expression
                                    .replace("\\", "\\\\")
                                    .replace("\r", "\\r")
                                    .replace("\n", "\\n"))
                    .append("\"},\"behavior\":\"Isolated\",\"invert\":false},");
        }
        assertCut(bytes(steps + byteLevel(false), family.composes(), whole), name);
    }

    private void assertCut(String json, String name) throws IOException {
        Path file = file(json);
        TokenizerConversion conversion = convert(file, 1000);
        assertThat(conversion.lost()).isEmpty();
        assertThat(conversion.values()).containsEntry("tokenizer.ggml.pre", name);
        assertSame(read(conversion), HuggingFaceTokenizer.load(file));
    }

    @Test
    void piecesComeBackByTheirScores() throws IOException {
        Path file = file(pieces());
        TokenizerConversion conversion = convert(file, 1024);
        assertThat(conversion.lost()).isEmpty();
        assertThat(conversion.values())
                .containsEntry("tokenizer.ggml.model", "llama")
                .containsEntry("tokenizer.ggml.pre", "default")
                .containsEntry("tokenizer.ggml.bos_token_id", 1L)
                .containsEntry("tokenizer.ggml.eos_token_id", 2L)
                .containsEntry("tokenizer.ggml.unknown_token_id", 0L)
                .containsEntry("tokenizer.ggml.add_bos_token", true)
                .containsEntry("tokenizer.ggml.add_space_prefix", true);
        List<?> types = list(conversion, "token_type");
        assertThat(types.subList(0, 4)).isEqualTo(List.of(2L, 3L, 3L, 6L));
        assertThat(types.get(1023)).isEqualTo(5L);
        assertSame(read(conversion), HuggingFaceTokenizer.load(file));
    }

    @Test
    void theSpaceInFrontMayBeMissing() throws IOException {
        String json =
                pieces().replace("{\"type\": \"Prepend\", \"prepend\": \"▁\"}, ", "")
                        .replace(STRIP, "");
        Path file = file(json);
        TokenizerConversion conversion = convert(file, 1024);
        assertThat(conversion.lost()).isEmpty();
        assertThat(conversion.values()).containsEntry("tokenizer.ggml.add_space_prefix", false);
        assertSame(read(conversion), HuggingFaceTokenizer.load(file));
    }

    @Test
    void spacesMayBeMarkedByMetaspace() throws IOException {
        String never =
                pieces().replaceFirst("\"normalizer\": \\{.*?]}, ", "\"normalizer\": null, ")
                        .replace(STRIP, "")
                        .replace(
                                "\"pre_tokenizer\": null",
                                "\"pre_tokenizer\": {\"type\":\"Metaspace\",\"replacement\":\"▁\","
                                        + "\"prepend_scheme\":\"never\",\"split\":false}");
        Path file = file(never);
        TokenizerConversion conversion = convert(file, 1024);
        assertThat(conversion.lost()).isEmpty();
        assertSame(read(conversion), HuggingFaceTokenizer.load(file));
        Path first = file(never.replace("\"never\"", "\"first\""));
        assertThat(convert(first, 1024).lost())
                .containsExactly(
                        "that its tokenizer puts no space in front of a text that begins with one");
    }

    @Test
    void whatStandsBesideIsCarried() throws IOException {
        Path file = file(bytes());
        Files.writeString(
                folder.resolve("tokenizer_config.json"),
                """
                {"add_bos_token": true, "bos_token": "<|turn|>", "pad_token": {"content": "<|endoftext|>"},
                 "eos_token": "<|endoftext|>", "chat_template": [
                   {"name": "default", "template": "{{ a }}"}, {"name": "with tools", "template": "b"}]}
                """);
        Files.writeString(
                folder.resolve("generation_config.json"), "{\"eos_token_id\": [757, 0, 40]}");
        TokenizerConversion conversion = convert(file, 800);
        assertThat(conversion.lost()).isEmpty();
        assertThat(conversion.values())
                .containsEntry("tokenizer.ggml.bos_token_id", 757L)
                .containsEntry("tokenizer.ggml.add_bos_token", true)
                .containsEntry("tokenizer.ggml.eos_token_id", 0L)
                .containsEntry("tokenizer.ggml.eot_token_id", 757L)
                .containsEntry("tokenizer.ggml.eom_token_id", 40L)
                .containsEntry("tokenizer.ggml.padding_token_id", 0L)
                .containsEntry("tokenizer.chat_template", "{{ a }}")
                .containsEntry("tokenizer.chat_template.with_tools", "b")
                .containsEntry("tokenizer.chat_templates", List.of("with_tools"));
        Tokenizer after = read(conversion);
        assertThat(after.beginOfText()).isEqualTo(757);
        assertThat(List.of(after.ends(0), after.ends(757), after.ends(40), after.ends(41)))
                .containsExactly(true, true, true, false);
    }

    @Test
    void aBeginningThatIsNotAddedIsNamedAllTheSame() throws IOException {
        Path file = file(bytes());
        Files.writeString(
                folder.resolve("config.json"), "{\"bos_token_id\": 757, \"eos_token_id\": 0}");
        TokenizerConversion conversion = convert(file, 800);
        assertThat(conversion.values())
                .containsEntry("tokenizer.ggml.bos_token_id", 757L)
                .containsEntry("tokenizer.ggml.add_bos_token", false);
        assertThat(read(conversion).beginOfText()).isEqualTo(-1);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"normalizer\": null|\"normalizer\": {\"type\":\"NFKC\"}|normalises characters (NFKC)",
                "\"normalizer\": null|\"normalizer\": {\"type\":\"Lowercase\"}|(Lowercase)",
                "\"ignore_merges\": false|\"ignore_merges\": true|merges words that are tokens",
                "\"add_prefix_space\": false|\"add_prefix_space\": true|space that its tokenizer puts",
                "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": true}, \"post|{\"type\": \"Whitespace\"}, \"post|(Whitespace)",
                "\"lstrip\": false|\"lstrip\": true|beside its token \"<|endoftext|>\"",
            })
    void whatHasNoPlaceIsNamed(String what, String instead, String said) throws IOException {
        Path file = file(bytes().replace(what, instead));
        assertThat(convert(file, 800).lost()).anySatisfy(loss -> assertThat(loss).contains(said));
    }

    @Test
    void mergesThatNoScoresGiveAreNamed() throws IOException {
        // Of the ways to make a piece only one is left, as in files that were not converted.
        Path file = file(pieces().replaceFirst("\"t h\", ", ""));
        assertThat(convert(file, 1024).lost())
                .containsExactly("the merges of its tokenizer, for which no scores stand");
    }

    @Test
    void otherKindsAreLostWhole() throws IOException {
        Path file =
                file(
                        "{\"decoder\":{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":false},"
                                + "\"model\":{\"type\":\"WordPiece\","
                                + "\"unk_token\":\"a\",\"continuing_subword_prefix\":\"##\","
                                + "\"max_input_chars_per_word\":9,\"vocab\":{\"a\":0}}}");
        TokenizerConversion conversion = convert(file, 2);
        assertThat(conversion.values()).isEmpty();
        assertThat(conversion.lost().getFirst()).contains("WordPiece");
    }

    /// Damaged versions of an honest file, the same in every run: `-Danser.mutations=N` asks for
    /// more of them and `-Danser.seed=S` for others.
    @Test
    void aDamagedFileIsConvertedOrRefused() throws IOException {
        int inputs = Integer.getInteger("anser.mutations", 300);
        int converted = 0;
        for (int i = 0; i < inputs; i++) {
            SplittableRandom random =
                    new SplittableRandom(Long.getLong("anser.seed", 1) * 1_000_003 + i);
            Path file = file(damaged(random.nextBoolean() ? bytes() : pieces(), random));
            try {
                read(convert(file, 1024)).encode("a b");
                converted++;
            } catch (NoSuchElementException | TokenizerException e) {
                assertThat(e.getMessage()).hasLineCount(1);
            } catch (RuntimeException | Error e) {
                throw new AssertionError("input " + i + " fails", e);
            }
        }
        assertThat(converted).isBetween(1, inputs - 1);
    }

    /// `json` with a few of its words, numbers and marks taken from elsewhere in it.
    private static String damaged(String json, SplittableRandom random) {
        List<String> parts =
                new ArrayList<>(List.of(json.split("(?=[\\[\\]{},:])|(?<=[\\[\\]{},:])")));
        int head = 120;
        for (int i = random.nextInt(3); i >= 0; i--) {
            boolean tail = random.nextBoolean();
            int at = tail ? random.nextInt(parts.size()) : random.nextInt(head);
            int from = random.nextBoolean() ? random.nextInt(parts.size()) : random.nextInt(head);
            switch (random.nextInt(4)) {
                case 0 -> parts.remove(at);
                case 1 -> parts.add(at, parts.get(from));
                default -> parts.set(at, parts.get(from));
            }
        }
        return String.join("", parts);
    }

    @Test
    void aVocabularyThatIsTooLargeIsRefused() throws IOException {
        Path file = file(bytes());
        assertThatThrownBy(() -> convert(file, 700))
                .isInstanceOf(TokenizerException.class)
                .hasMessageContaining("758")
                .hasMessageContaining("699");
    }

    @Test
    void theMetadataHasTheTypesOfTheFormat() throws IOException {
        Map<String, Object> values = convert(file(pieces()), 1024).values();
        assertThat(values.values())
                .allMatch(value ->
                        value instanceof String
                                || value instanceof Long
                                || value instanceof Boolean
                                || value instanceof List<?>);
        assertThat((List<?>) values.get("tokenizer.ggml.scores"))
                .allMatch(score -> score instanceof Double);
        assertThat((List<?>) values.get("tokenizer.ggml.token_type"))
                .allMatch(type -> type instanceof Long);
    }
}
