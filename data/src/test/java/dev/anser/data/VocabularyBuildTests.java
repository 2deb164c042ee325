package dev.anser.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anser.text.WorldTokenizer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VocabularyBuildTests {
    @TempDir Path folder;

    private static final String[] WORDS = {
        "the", "geese", "fly", "over", "there", "then", "other", "gather", "d'être", "naïve",
        "don't"
    };

    /// A text of words, the first ones more often.
    private static String text(int words) {
        Random random = new Random(1);
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < words; i++) {
            int most = 1 + random.nextInt(WORDS.length);
            text.append(WORDS[random.nextInt(most)]);
            text.append(random.nextInt(9) == 0 ? ".\n\n" : random.nextInt(9) == 0 ? " — " : " ");
        }
        return text.toString();
    }

    private List<byte[]> learn(int size, Path... files) {
        VocabularyBuild build = new VocabularyBuild(Documents.DEFAULT);
        for (Path file : files) {
            build.read(file, _ -> {});
        }
        return build.learn(size, () -> {});
    }

    private WorldTokenizer tokenizer(List<byte[]> tokens) {
        VocabularyBuild.write(folder.resolve("vocabulary.txt"), tokens);
        return WorldTokenizer.load(folder.resolve("vocabulary.txt"));
    }

    @Test
    void idsAreTheBytesAndThenTheLearnedTokens() {
        List<byte[]> tokens = learn(280, Data.text(folder, "a.txt", text(3000)));
        assertThat(tokens).hasSize(279).doesNotHaveDuplicates();
        for (int value = 0; value < 256; value++) {
            assertThat(tokens.get(value)).containsExactly((byte) value);
        }
        WorldTokenizer tokenizer = tokenizer(tokens);
        assertThat(tokenizer.vocabularySize()).isEqualTo(280);
        assertThat(tokenizer.endOfText()).isZero();
        for (int id = 1; id < 280; id++) {
            assertThat(tokenizer.bytes(id)).isEqualTo(tokens.get(id - 1));
        }
    }

    @Test
    void thereAreNeverMoreTokensThanBytesAndDecodingGivesTheTextBack() {
        byte[] text = text(2000).getBytes(StandardCharsets.UTF_8);
        WorldTokenizer tokenizer = tokenizer(learn(270, Data.bytes(folder, "a.txt", text)));
        Random random = new Random(2);
        byte[] noise = new byte[1021];
        random.nextBytes(noise);
        for (byte[] bytes :
                new byte[][] {
                    text, noise, new byte[0], "thetheth".getBytes(StandardCharsets.UTF_8)
                }) {
            int[] ids = tokenizer.encode(bytes);
            assertThat(ids.length).isLessThanOrEqualTo(bytes.length);
            assertThat(tokenizer.decode(ids)).isEqualTo(bytes);
        }
    }

    @Test
    void moreTokensMakeFewerAndTheFrequentWordsAreAmongThem() {
        Path file = Data.text(folder, "a.txt", text(5000));
        byte[] text = text(5000).getBytes(StandardCharsets.UTF_8);
        int last = text.length;
        for (int size : new int[] {258, 262, 270, 285}) {
            int count = tokenizer(learn(size, file)).encode(text).length;
            assertThat(count).isLessThan(last);
            last = count;
        }
        // All words with a space before them, and what stands between sentences, fit into 285.
        assertThat(learn(285, file)).contains(" the".getBytes(StandardCharsets.UTF_8));
        assertThat((double) text.length / last).isGreaterThan(4);
    }

    @Test
    void whatHelpsOtherMatchersButNotTheGreedyOneIsNotLearned() {
        // The greedy match of "xyz" with xy is xy z; with yz alone x yz. Both tokens are no use.
        List<byte[]> tokens = learn(258, Data.text(folder, "a.txt", "xyz ".repeat(100)));
        assertThat(tokenizer(tokens).encode("xyz xyz xyz").length).isLessThanOrEqualTo(5);
    }

    @Test
    void theSameTextsGiveTheSameFile() throws IOException {
        Path file = Data.text(folder, "a.txt", text(3000));
        VocabularyBuild.write(folder.resolve("1.txt"), learn(300, file));
        VocabularyBuild.write(folder.resolve("2.txt"), learn(300, file));
        assertThat(folder.resolve("1.txt")).hasSameBinaryContentAs(folder.resolve("2.txt"));
        assertThat(Files.readAllLines(folder.resolve("1.txt")))
                .hasSize(299)
                .startsWith("1 '\\x00' 1", "2 '\\x01' 1")
                .contains("11 '\\n' 1", "40 \"'\" 1", "35 '\"' 1", "93 '\\\\' 1", "129 b'\\x80' 1");
    }

    @Test
    void tooLittleTextIsRefused() {
        Path file = Data.text(folder, "a.txt", "a b a b");
        assertThatThrownBy(() -> learn(300, file))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("expected at least 43");
        assertThatThrownBy(() -> learn(256, file)).hasMessageContaining("size is 256");
        assertThat(learn(257, file)).hasSize(256);
    }

    @Test
    void literalsAreThoseOfPython() {
        assertThat(literal("a'b")).isEqualTo("\"a'b\"");
        assertThat(literal("a'\"")).isEqualTo("'a\\'\"'");
        assertThat(literal("\t\n\r\\\u0007")).isEqualTo("'\\t\\n\\r\\\\\\x07'");
        assertThat(literal("é\u00a0\u200b😀")).isEqualTo("'é\\xa0\\u200b😀'");
        assertThat(PythonLiteral.of(new byte[] {(byte) 0xff, '\'', 'a'})).isEqualTo("b\"\\xff'a\"");
    }

    private static String literal(String text) {
        return PythonLiteral.of(text.getBytes(StandardCharsets.UTF_8));
    }
}
