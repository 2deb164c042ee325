package dev.anser.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizeCommandTests {
    @TempDir Path folder;
    private Path vocabulary;

    @BeforeEach
    void writeVocabulary() throws IOException {
        vocabulary =
                Files.writeString(
                        folder.resolve("v.txt"),
                        "1 'a' 1\n2 'b' 1\n3 'ab' 2\n4 b'\\xff' 1\n5 '@a' 2\n6 ' ' 1\n7 '\\n' 1\n");
    }

    @Test
    void textBecomesIds() {
        assertThat(Run.of("tokenize", "--vocab", vocabulary, "abba").out()).isEqualTo("3 2 1\n");
        assertThat(Run.of("tokenize", "--vocab", vocabulary, "--json", "abba").out())
                .isEqualTo("{\"ids\":[3,2,1]}\n");
    }

    @Test
    void aTextThatBeginsWithAnAtSignIsNoFile() {
        assertThat(Run.of("tokenize", "--vocab", vocabulary, "@a").out()).isEqualTo("5\n");
    }

    @Test
    void standardInputIsTakenByteForByte() {
        byte[] input = {'a', (byte) 0xff, '\n'};
        assertThat(Run.with(input, "tokenize", "--vocab", vocabulary).out()).isEqualTo("1 4 7\n");
        String base64 = Base64.getEncoder().encodeToString(input);
        assertThat(Run.with(base64, "tokenize", "--vocab", vocabulary, "--base64", "--json").out())
                .isEqualTo("{\"ids\":[1,4,7]}\n");
        assertThat(Run.with("", "tokenize", "--vocab", vocabulary, "--json").out())
                .isEqualTo("{\"ids\":[]}\n");
    }

    @Test
    void idsBecomeBytes() {
        assertThat(Run.of("tokenize", "--vocab", vocabulary, "--decode", "3", "4").bytes())
                .isEqualTo(new byte[] {'a', 'b', (byte) 0xff});
        assertThat(Run.with("3,2 1\n", "tokenize", "--vocab", vocabulary, "--decode").out())
                .isEqualTo("abba");
        assertThat(Run.of("tokenize", "--vocab", vocabulary, "--decode", "--base64", "3").out())
                .isEqualTo(
                        Base64.getEncoder().encodeToString("ab".getBytes(StandardCharsets.UTF_8))
                                + "\n");
        assertThat(Run.of("tokenize", "--vocab", vocabulary, "--decode", "--json", "4").out())
                .isEqualTo("{\"text\":null,\"base64\":\"/w==\"}\n");
    }

    @Test
    void badInputIsNamed() {
        Run id = Run.of("tokenize", "--vocab", vocabulary, "--decode", "3", "x7");
        assertThat(id.code()).isEqualTo(1);
        assertThat(id.err()).contains("token id 1 is 'x7'");
        assertThat(Run.of("tokenize", "--vocab", vocabulary, "--decode", "99").err())
                .contains("99");
        assertThat(Run.of("tokenize", "--vocab", vocabulary, "--base64", "%%").err())
                .contains("not base64");
        Run words = Run.of("tokenize", "--vocab", vocabulary, "a", "b");
        assertThat(words.code()).isEqualTo(2);
        assertThat(words.err()).contains("2 arguments", "quotes");
        Run unknown = Run.of("tokenize", "--vocab", vocabulary, "xyz");
        assertThat(unknown.code()).isEqualTo(1);
        Run missing = Run.of("tokenize", "--vocab", folder.resolve("none.txt"), "a");
        assertThat(missing.code()).isEqualTo(1);
        assertThat(missing.err()).contains("none.txt");
    }
}
