package dev.anser.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class GgufTokensTests {
    private static final String VOCABULARY =
            "1 'a' 1\n2 b'\\xff' 1\n3 '\\n\\n' 2\n4 \"it's\" 4\n5 '\\\\' 1\n7 'é' 2\n";

    private static Tokenizer tokenizer() {
        return WorldTokenizer.load("test", VOCABULARY.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void textsAreTheInsideOfPythonBytesLiterals() {
        assertThat(GgufTokens.texts(tokenizer(), 9))
                .containsExactly(
                        "<s>",
                        "a",
                        "\\xff",
                        "\\n\\n",
                        "it's",
                        "\\\\",
                        "[PAD6]",
                        "\\xc3\\xa9",
                        "[PAD8]");
        assertThat(GgufTokens.types(tokenizer(), 9)).containsExactly(3, 1, 1, 1, 1, 1, 5, 1, 5);
    }

    @Test
    void textsGiveTheSameTokensBack() {
        Tokenizer before = tokenizer();
        List<Long> types =
                IntStream.of(GgufTokens.types(before, 9)).mapToObj(type -> (long) type).toList();
        Tokenizer after = GgufTokens.tokenizer("test", GgufTokens.texts(before, 9), types);
        byte[] text = "aait's\\é\n\na".getBytes(StandardCharsets.UTF_8);
        assertThat(after.encode(text)).containsExactly(before.encode(text));
        assertThat(after.endOfText()).isZero();
        assertThat(after.contains(6)).isFalse();
    }

    @Test
    void everyByteSurvives() {
        byte[] all = new byte[256];
        for (int i = 0; i < all.length; i++) {
            all[i] = (byte) i;
        }
        assertThat(GgufTokens.unescaped(GgufTokens.escaped(all))).containsExactly(all);
    }

    @Test
    void halfAnEscapeIsRefused() {
        assertThatThrownBy(() -> GgufTokens.unescaped("a\\x1"))
                .isInstanceOf(TokenizerException.class)
                .hasMessageContaining("\\x");
    }
}
