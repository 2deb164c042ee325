package dev.anser.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Tokenizers of Hugging Face: GPT-NeoX's against what their library gives in Python, small ones of
/// other kinds, and files that are wrong.
class HuggingFaceTokenizerTests {
    private static final Tokenizer NEOX = HuggingFaceTokenizer.load("20B", Goldens.neox());

    /// A tokenizer as SentencePiece's are written: `▁`, bytes for what is not in the vocabulary, a
    /// space and a token in front of every text.
    private static final String PIECES =
            """
            {"added_tokens":[%s],
             "normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},
               {"type":"Replace","pattern":{"String":" "},"content":"▁"}]},
             "post_processor":{"type":"TemplateProcessing","single":[
               {"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
               "pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],
               "special_tokens":{"<s>":{"id":"<s>","ids":[1],"tokens":["<s>"]}}},
             "decoder":{"type":"Sequence","decoders":[
               {"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},
               {"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]},
             "model":{"type":"BPE","unk_token":"<unk>","fuse_unk":true,"byte_fallback":true,
               "vocab":{"<unk>":0,"<s>":1,"</s>":2,%s"▁":259,"a":260,"b":261,"▁a":262},
               "merges":["▁ a"]}}
            """
                    .formatted(added("<unk>", "<s>", "</s>"), bytes());

    @TempDir Path folder;

    private static String added(String... tokens) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < tokens.length; i++) {
            text.append(i == 0 ? "" : ",")
                    .append(
                            ("{\"id\":%d,\"content\":\"%s\",\"special\":true,\"single_word\":false,"
                                            + "\"lstrip\":false,\"rstrip\":false,\"normalized\":false}")
                                    .formatted(i, tokens[i]));
        }
        return text.toString();
    }

    private static String bytes() {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 256; i++) {
            text.append("\"<0x%02X>\":%d,".formatted(i, 3 + i));
        }
        return text.toString();
    }

    private static Tokenizer of(String json) {
        return HuggingFaceTokenizer.load("t.json", json.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void everyGoldenLineGivesTheIdsOfTheReference() {
        for (String line : Goldens.lines("neox20b.tsv")) {
            String[] fields = line.split("\t", -1);
            byte[] text = Base64.getDecoder().decode(fields[0]);
            int[] ids =
                    Stream.of(fields[1].split(" "))
                            .filter(id -> !id.isEmpty())
                            .mapToInt(Integer::parseInt)
                            .toArray();
            assertThat(NEOX.encode(text))
                    .as(new String(text, StandardCharsets.UTF_8))
                    .isEqualTo(ids);
            assertThat(NEOX.decode(ids)).isEqualTo(Base64.getDecoder().decode(fields[2]));
        }
    }

    @Test
    void theVocabularyIsThatOfTheFile() {
        assertThat(NEOX.vocabularySize()).isEqualTo(50277);
        assertThat(NEOX.endOfText()).isZero();
        assertThat(NEOX.beginOfText()).isEqualTo(-1);
        assertThat(NEOX.bytes(0)).isEmpty();
        assertThat(NEOX.bytes(50276)).asString(StandardCharsets.UTF_8).isEqualTo("  ");
        assertThat(NEOX.contains(50277)).isFalse();
    }

    @Test
    void anyBytesThatHaveTokensComeBack() {
        Random random = new Random(7);
        for (int length : new int[] {0, 1, 2, 7, 64, 1021}) {
            byte[] bytes = new byte[length];
            for (int i = 0; i < length; i++) {
                // No character that normalisation would change: ASCII, and parts of characters.
                bytes[i] = (byte) random.nextInt(0xc0);
            }
            assertThat(NEOX.decode(NEOX.encode(bytes))).isEqualTo(bytes);
        }
        for (int value = 0; value < 0xf5; value++) {
            byte[] one = {(byte) value};
            if (value != 0xc0 && value != 0xc1) {
                assertThat(NEOX.decode(NEOX.encode(one))).as("byte %d", value).isEqualTo(one);
            }
        }
    }

    @Test
    void bytesThatNoTextHasMayHaveNoToken() {
        assertThatThrownBy(() -> NEOX.encode(new byte[] {'a', (byte) 0xfc}))
                .isInstanceOf(TokenizerException.class)
                .hasMessageContaining("0xfc")
                .hasMessageContaining("offset 1");
    }

    @Test
    void characterSplitOverTokensStreamsWhole() {
        Utf8Stream stream = new Utf8Stream();
        StringBuilder text = new StringBuilder();
        for (int id : NEOX.encode("ᚠᛇᚻ 🧑‍🚀")) {
            text.append(stream.accept(NEOX.bytes(id)));
        }
        assertThat(text.append(stream.flush()).toString()).isEqualTo("ᚠᛇᚻ 🧑‍🚀");
    }

    @Test
    void sentencePiecesKeepBytesAndTheirSpace() {
        Tokenizer tokenizer = of(PIECES);
        assertThat(tokenizer.encode("a b")).containsExactly(262, 259, 261);
        assertThat(tokenizer.bytes(262)).asString(StandardCharsets.UTF_8).isEqualTo(" a");
        assertThat(tokenizer.beginOfText()).isEqualTo(1);
        assertThat(tokenizer.endOfText()).isEqualTo(2);
        for (String text : new String[] {"a", " a", "é", "a\n🧑‍🚀 b", ""}) {
            assertThat(tokenizer.decode(tokenizer.encode(text)))
                    .asString(StandardCharsets.UTF_8)
                    .isEqualTo(text);
        }
    }

    @Test
    void charactersThatNoTokenCoversAreNotLost() {
        Tokenizer tokenizer =
                of("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1},\"merges\":[]}}");
        assertThat(tokenizer.encode("ab")).containsExactly(0, 1);
        assertThatThrownBy(() -> tokenizer.encode("axb"))
                .isInstanceOf(TokenizerException.class)
                .hasMessageContaining("no token of t.json covers");
        assertThatThrownBy(() -> tokenizer.encode(new byte[] {'a', (byte) 0xff}))
                .isInstanceOf(TokenizerException.class)
                .hasMessageContaining("0xff")
                .hasMessageContaining("offset 1");
    }

    @Test
    void theConfigurationBesideSaysWhatEndsADocument() throws IOException {
        Path file = Files.write(folder.resolve("tokenizer.json"), Goldens.neox());
        Path config = folder.resolve("tokenizer_config.json");
        Files.writeString(config, "{\"eos_token\":{\"content\":\"<|padding|>\"}}");
        assertThat(Tokenizers.load(file).endOfText()).isEqualTo(1);
        Files.writeString(config, "{\"eos_token\":\"<nothing>\"}");
        assertThatThrownBy(() -> Tokenizers.load(file)).hasMessageContaining("<nothing>");
    }

    @Test
    void whatIsInAFileSaysWhatItIs() throws IOException {
        Path world = Files.writeString(folder.resolve("v.json"), "1 'a' 1\n");
        assertThat(Tokenizers.load(world)).isInstanceOf(WorldTokenizer.class);
        Path json = Files.writeString(folder.resolve("v.txt"), PIECES);
        assertThat(Tokenizers.load(json)).isInstanceOf(HuggingFaceTokenizer.class);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "{}|has no \"model\"",
                "{\"model\":|not JSON",
                "[1]|no JSON object",
                "{\"model\":{}} x|not JSON",
                "{\"model\":{\"type\":\"BPE\"}}|no \"vocab\"",
                "{\"model\":{\"vocab\":{\"a\":-1}}}|expected 0 to",
                "{\"model\":{\"vocab\":{\"a\":1e12}}}|expected 0 to",
                "{\"model\":{\"vocab\":{\"a\":0.5}}}|expected 0 to",
                "{\"model\":{\"vocab\":{\"a\":\"0\"}}}|expected 0 to",
                "{\"model\":{\"vocab\":{\"a\":0,\"b\":0}}}|has too",
                "{\"model\":{\"vocab\":{\"a\":0,\"a\":1}}}|twice",
                "{\"model\":{\"vocab\":[[\"a\"]]}}|not a token and its score",
                "{\"model\":{\"vocab\":{\"a\":0}},\"added_tokens\":[{\"id\":1}]}|no \"content\"",
                "{\"model\":{\"vocab\":{\"a\":0}},\"added_tokens\":[7]}|no object",
                "{\"model\":{\"vocab\":{\"a\":0}},\"decoder\":{\"type\":\"CTC\"}}|decodes by",
                "{\"model\":{\"type\":\"Odd\",\"vocab\":{\"a\":0}}}|library cannot use",
                "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"b c\"]}}|library cannot use"
            })
    void aWrongFileIsOneClearLine(String json, String said) {
        assertThatThrownBy(() -> of(json))
                .isInstanceOf(TokenizerException.class)
                .hasMessageStartingWith("t.json")
                .hasMessageContaining(said);
    }

    @Test
    void aDeepFileIsRefused() {
        String deep = "{\"a\":" + "[".repeat(100_000);
        assertThatThrownBy(() -> of(deep)).hasMessageContaining("not JSON");
    }

    @Test
    void threadsMayShareIt() throws InterruptedException {
        int[] expected = NEOX.encode("one two three ".repeat(100));
        boolean[] same = new boolean[4];
        Thread[] threads = new Thread[same.length];
        for (int i = 0; i < threads.length; i++) {
            int at = i;
            threads[i] =
                    Thread.ofPlatform()
                            .start(() ->
                                    same[at] =
                                            Arrays.equals(
                                                    expected,
                                                    NEOX.encode("one two three ".repeat(100))));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(same).containsOnly(true);
    }
}
