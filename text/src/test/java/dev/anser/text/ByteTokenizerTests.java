package dev.anser.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class ByteTokenizerTests {
    private final ByteTokenizer tokenizer = new ByteTokenizer();

    @Test
    void tokenizerRoundTripsEveryByte() {
        byte[] bytes = new byte[256];
        int[] ids = new int[256];
        for (int i = 0; i < 256; i++) {
            bytes[i] = (byte) i;
            ids[i] = i;
        }
        assertThat(tokenizer.encode(bytes)).isEqualTo(ids);
        assertThat(tokenizer.decode(ids)).isEqualTo(bytes);
        assertThat(tokenizer.bytes(200)).containsExactly(200);
    }

    @Test
    void textIsEncodedAsUtf8() {
        assertThat(tokenizer.encode("é")).containsExactly(0xc3, 0xa9);
    }

    @Test
    void anIdThatIsNoByteIsRefused() {
        assertThatThrownBy(() -> tokenizer.decode(1, 256))
                .isInstanceOf(TokenizerException.class)
                .hasMessage("token id 256 at position 1 is not a byte, expected 0 to 255");
        assertThatThrownBy(() -> tokenizer.bytes(-1)).isInstanceOf(TokenizerException.class);
    }

    @Test
    void hasNoEndOfText() {
        assertThat(tokenizer.endOfText()).isEqualTo(-1);
        assertThat(tokenizer.vocabularySize()).isEqualTo(256);
    }
}
