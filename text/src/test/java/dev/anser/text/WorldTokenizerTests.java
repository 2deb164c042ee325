package dev.anser.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class WorldTokenizerTests {
    private static final byte[] VOCABULARY = Goldens.worldVocabulary();
    private static final WorldTokenizer WORLD = WorldTokenizer.load("world.txt", VOCABULARY);

    private static final class Golden {
        private final String kind;
        private final byte[] bytes;
        private final int[] ids;

        private Golden(String kind, byte[] bytes, int[] ids) {
            this.kind = kind;
            this.bytes = bytes;
            this.ids = ids;
        }

        static List<Golden> all() {
            return Goldens.lines("rwkv_world.tsv").stream().map(Golden::of).toList();
        }

        private static Golden of(String line) {
            String[] fields = line.split("\t", -1);
            int[] ids =
                    Arrays.stream(fields[2].split(",", -1))
                            .filter(id -> !id.isEmpty())
                            .mapToInt(Integer::parseInt)
                            .toArray();
            return new Golden(fields[0], Base64.getDecoder().decode(fields[1]), ids);
        }
    }

    private static WorldTokenizer of(String... lines) {
        byte[] content = String.join("\n", lines).getBytes(StandardCharsets.UTF_8);
        return WorldTokenizer.load("v.txt", content);
    }

    /// Ten digits, a comma and a hash, with ids from 0.
    private static WorldTokenizer digits() {
        return of(
                IntStream.range(0, 12)
                        .mapToObj(id -> id + " '" + "0123456789,#".charAt(id) + "' 1")
                        .toArray(String[]::new));
    }

    @Test
    void everyGoldenEncodesAndDecodes() {
        List<Golden> all = Golden.all();
        assertThat(all).hasSize(300);
        for (Golden golden : all) {
            assertThat(WORLD.encode(golden.bytes)).as(golden.kind).isEqualTo(golden.ids);
            assertThat(WORLD.decode(golden.ids)).as(golden.kind).isEqualTo(golden.bytes);
        }
    }

    @Test
    void everyGoldenHoldsWithCrlfLineEnds() {
        String lf = new String(VOCABULARY, StandardCharsets.UTF_8);
        byte[] crlf = lf.replace("\n", "\r\n").getBytes(StandardCharsets.UTF_8);
        assertThat(crlf).hasSize(1_159_262);
        WorldTokenizer tokenizer = WorldTokenizer.load("crlf.txt", crlf);
        for (Golden golden : Golden.all()) {
            assertThat(tokenizer.encode(golden.bytes)).isEqualTo(golden.ids);
            assertThat(tokenizer.decode(golden.ids)).isEqualTo(golden.bytes);
        }
    }

    @Test
    void theTextOfRwkvCppEncodesToItsIds() {
        String text = "I'll 'd test блабла 以下は、]) -> <|endoftext|><|padding|> int";
        assertThat(WORLD.encode(text))
                .containsExactly(
                        74, 5229, 274, 101, 32223, 5092, 27980, 2795, 27980, 33, 10399, 10258,
                        10139, 10079, 1682, 3463, 295, 125, 25258, 7588, 2318, 125, 790, 125, 49520,
                        125, 63, 21888);
    }

    @Test
    void everyTokenHasTheBytesOfItsLine() {
        for (int id = 1; id <= 65529; id++) {
            byte[] bytes = WORLD.bytes(id);
            assertThat(bytes).isNotEmpty();
            assertThat(WORLD.encode(bytes)).as("token %d", id).containsExactly(id);
        }
    }

    @Test
    void randomBytesComeBack() {
        Random random = new Random(11);
        for (int length : new int[] {0, 1, 2, 7, 8, 9, 33, 1000, 70_000}) {
            byte[] bytes = new byte[length];
            random.nextBytes(bytes);
            assertThat(WORLD.decode(WORLD.encode(bytes))).isEqualTo(bytes);
        }
    }

    @Test
    void zeroEndsADocumentWhenTheFileLacksIt() {
        assertThat(WORLD.endOfText()).isZero();
        assertThat(WORLD.bytes(0)).isEmpty();
        assertThat(WORLD.contains(0)).isTrue();
        assertThat(WORLD.decode(98, 0, 98)).asString().isEqualTo("aa");
        assertThat(WORLD.vocabularySize()).isEqualTo(65530);
    }

    @Test
    void zeroIsATokenWhenTheFileHasIt() {
        WorldTokenizer digits = digits();
        assertThat(digits.endOfText()).isEqualTo(-1);
        assertThat(digits.vocabularySize()).isEqualTo(12);
        assertThat(digits.encode("502,#")).containsExactly(5, 0, 2, 10, 11);
        assertThat(digits.decode(5, 0, 2, 10, 11)).asString().isEqualTo("502,#");
    }

    @Test
    void aByteThatNoTokenCoversIsNamedWithItsOffset() {
        assertThatThrownBy(() -> digits().encode("12a4"))
                .isInstanceOf(TokenizerException.class)
                .hasMessage("no token of v.txt covers byte 0x61 ('a') at offset 2 of the text");
        assertThatThrownBy(() -> digits().encode("1é"))
                .hasMessage("no token of v.txt covers byte 0xc3 at offset 1 of the text");
    }

    @Test
    void theLongestTokenWinsAndALongerPrefixThatFailsFallsBack() {
        WorldTokenizer tokenizer = of("1 'a' 1", "2 'b' 1", "3 'ab' 2", "9 'abcd' 4", "5 'c' 1");
        assertThat(tokenizer.encode("abcabcdab")).containsExactly(3, 5, 9, 3);
        assertThat(tokenizer.vocabularySize()).isEqualTo(10);
        assertThat(tokenizer.contains(4)).isFalse();
        assertThatThrownBy(() -> tokenizer.bytes(4))
                .hasMessage("token id 4 is not in v.txt, whose largest id is 9");
        assertThatThrownBy(() -> tokenizer.decode(1, -1)).hasMessageContaining("token id -1");
        assertThatThrownBy(() -> tokenizer.bytes(10)).hasMessageContaining("token id 10");
    }

    static Stream<Arguments> literals() {
        return Stream.of(
                Arguments.of("1 'it\\'s' 4", "it's"),
                Arguments.of("1 \"it's\" 4", "it's"),
                Arguments.of("1 '\"' 1", "\""),
                Arguments.of("1 '\\\"' 1", "\""),
                Arguments.of("1 '\\\\n' 2", "\\n"),
                Arguments.of("1 '\\n\\r\\t' 3", "\n\r\t"),
                Arguments.of("1 '   ' 3", "   "),
                Arguments.of("1 ' \\' \\' ' 5", " ' ' "),
                Arguments.of("1 '\\xe9' 2", "é"),
                Arguments.of("1 '\\u20ac' 3", "€"),
                Arguments.of("1 '\\U0001f600' 4", "😀"),
                Arguments.of("1 '😀' 4", "😀"),
                Arguments.of("1 b'a\\x62' 2", "ab"));
    }

    @ParameterizedTest
    @MethodSource("literals")
    void literalsReadAsPythonReadsThem(String line, String expected) {
        assertThat(new String(of(line).bytes(1), StandardCharsets.UTF_8)).isEqualTo(expected);
    }

    @Test
    void bytesLiteralsHoldBytes() {
        assertThat(of("1 b'\\xe9\\x00\\xff' 3").bytes(1)).containsExactly(0xe9, 0, 0xff);
    }

    @Test
    void blankLinesAndIdsOutOfOrderAreFine() {
        WorldTokenizer tokenizer = of("7 'b' 1", "", "2 'a' 1", "\r", "");
        assertThat(tokenizer.encode("ab")).containsExactly(2, 7);
    }

    static Stream<Arguments> wrongLines() {
        return Stream.of(
                Arguments.of("1 'b' 2", "line 2 says 2 bytes but its literal has 1: 1 'b' 2"),
                Arguments.of("0 'b' 1", "line 2 gives id 0 a second time"),
                Arguments.of("-1 'b' 1", "line 2 has id '-1', expected 0 to 2097151"),
                Arguments.of("99999999999 'b' 1", "line 2 has id '99999999999'"),
                Arguments.of("4000000 'b' 1", "line 2 has id '4000000'"),
                Arguments.of("x 'b' 1", "line 2 has id 'x'"),
                Arguments.of("٣ 'b' 1", "line 2 has id '٣'"),
                Arguments.of("1 'b' ", "line 2 has byte length ''"),
                Arguments.of("1 'b'", "line 2 has not three fields"),
                Arguments.of("word", "line 2 has not three fields"),
                Arguments.of("1  1", "line 2 has a literal that is not in quotes"),
                Arguments.of("1 b 1", "line 2 has a literal that is not in quotes"),
                Arguments.of("1 b' 1", "line 2 has a literal that is not in quotes"),
                Arguments.of("1 ' 1", "line 2 has a literal that is not in quotes"),
                Arguments.of("1 'b\" 1", "line 2 has a literal that is not in quotes"),
                Arguments.of("1 '' 0", "line 2 has an empty token"),
                Arguments.of("1 'a'b' 3", "line 2 has a literal with its quote inside"),
                Arguments.of("1 '\\' 1", "line 2 has an escape '\\'"),
                Arguments.of("1 '\\x4' 1", "line 2 has an escape '\\x'"),
                Arguments.of("1 '\\xzz' 1", "expected 2 hexadecimal digits"),
                Arguments.of("1 '\\a' 1", "line 2 has an escape '\\a'"),
                Arguments.of("1 b'\\u0041' 1", "line 2 has an escape '\\u'"),
                Arguments.of("1 b'é' 2", "a bytes literal with a character beyond ASCII"),
                Arguments.of("1 '\\ud800' 3", "line 2 has U+d800, which is no character"),
                Arguments.of("1 '\\Uffffffff' 4", "line 2 has U+ffffffff"));
    }

    @ParameterizedTest
    @MethodSource("wrongLines")
    void aWrongLineIsRefusedWithItsNumber(String line, String message) {
        assertThatThrownBy(() -> of("0 'a' 1", line, "5 'z' 1"))
                .isInstanceOf(TokenizerException.class)
                .hasMessageStartingWith("v.txt: line 2 ")
                .hasMessageContaining(message)
                .message()
                .doesNotContain("\n");
    }

    @Test
    void twoTokensWithTheSameBytesAreRefused() {
        assertThatThrownBy(() -> of("1 'ab' 2", "2 'b' 1", "7 b'\\x61b' 2"))
                .hasMessage("v.txt: tokens 1 and 7 have the same bytes; remove one");
    }

    @Test
    void anEmptyFileAndAFileThatIsNoTextAreRefused() {
        assertThatThrownBy(() -> of("", "\r"))
                .hasMessage("v.txt: has no tokens; expected lines such as: 98 'a' 1");
        byte[] invalid = {'1', ' ', '\'', (byte) 0xff, '\'', ' ', '1'};
        assertThatThrownBy(() -> WorldTokenizer.load("v.bin", invalid))
                .hasMessage("v.bin: line 1 is not UTF-8; expected a text file");
    }

    @Test
    void aFileOverTheLimitAndATokenOverTheLimitAreRefused() {
        byte[] large = new byte[WorldVocabulary.MAX_FILE_BYTES + 1];
        assertThatThrownBy(() -> WorldTokenizer.load("large.txt", large))
                .hasMessageStartingWith("large.txt: is larger than 16 MiB");
        assertThatThrownBy(() -> of("1 '" + "a".repeat(1025) + "' 1025"))
                .hasMessageContaining("has byte length '1025', expected 0 to 1024")
                .message()
                .hasSizeLessThan(300);
    }

    @Test
    void damagedFilesAreRefusedOrRead() {
        String[] lines = new String(VOCABULARY, StandardCharsets.UTF_8).split("\n", -1);
        Random random = new Random(5);
        for (int round = 0; round < 3000; round++) {
            int from = random.nextInt(lines.length - 20);
            String part = String.join("\n", Arrays.copyOfRange(lines, from, from + 20));
            byte[] content = part.getBytes(StandardCharsets.UTF_8);
            for (int i = random.nextInt(4); i >= 0; i--) {
                content[random.nextInt(content.length)] = (byte) random.nextInt(256);
            }
            byte[] cut = Arrays.copyOf(content, random.nextInt(content.length) + 1);
            try {
                WorldTokenizer tokenizer = WorldTokenizer.load("damaged.txt", cut);
                assertThat(tokenizer.vocabularySize()).isPositive();
            } catch (TokenizerException e) {
                assertThat(e.getMessage()).startsWith("damaged.txt: ").doesNotContain("\n");
            }
        }
    }

    @Test
    void aFileIsLoadedAndAMissingOneIsNamed(@TempDir Path folder) throws Exception {
        Path file = folder.resolve("v.txt");
        Files.writeString(file, "1 'a' 1\n2 'b' 1\n");
        assertThat(WorldTokenizer.load(file).encode("ba")).containsExactly(2, 1);
        Path missing = folder.resolve("missing.txt");
        assertThatThrownBy(() -> WorldTokenizer.load(missing))
                .isInstanceOf(TokenizerException.class)
                .hasMessage(
                        missing
                                + ": the vocabulary cannot be read (NoSuchFileException);"
                                + " check the path");
        assertThatThrownBy(() -> WorldTokenizer.load(folder))
                .isInstanceOf(TokenizerException.class);
    }
}
