package dev.anser.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class Utf8StreamTests {
    private final Utf8Stream stream = new Utf8Stream();

    @Test
    void noCharacterIsSplit() {
        byte[] bytes = "aé€😀".getBytes(StandardCharsets.UTF_8);
        String[] expected = {"a", "", "é", "", "", "€", "", "", "", "😀"};
        for (int i = 0; i < bytes.length; i++) {
            assertThat(stream.accept(bytes, i, 1)).isEqualTo(expected[i]);
        }
        assertThat(stream.pending()).isFalse();
        assertThat(stream.flush()).isEmpty();
    }

    @Test
    void anUnfinishedCharacterBecomesOneReplacementAtTheEnd() {
        assertThat(stream.accept(new byte[] {'x', (byte) 0xf0, (byte) 0x9f, (byte) 0x98}))
                .isEqualTo("x");
        assertThat(stream.pending()).isTrue();
        assertThat(stream.flush()).isEqualTo("\ufffd");
        assertThat(stream.accept(new byte[] {'y'})).isEqualTo("y");
    }

    @Test
    void whatIsMalformedIsReplacedAtOnce() {
        assertThat(stream.accept(new byte[] {(byte) 0xe2, (byte) 0x82})).isEmpty();
        assertThat(stream.accept(new byte[] {'z'})).isEqualTo("\ufffdz");
    }

    @Test
    void replacementsAreThoseOfPythonHoweverTheBytesAreCut() {
        Random random = new Random(3);
        for (String line : Goldens.lines("utf8_replace.tsv")) {
            String[] fields = line.split("\t", -1);
            byte[] bytes = Base64.getDecoder().decode(fields[0]);
            String expected =
                    Arrays.stream(fields[1].split(",", -1))
                            .map(hex -> Character.toString(Integer.parseInt(hex, 16)))
                            .collect(Collectors.joining());
            assertThat(decodeInPieces(bytes, random)).as(fields[0]).isEqualTo(expected);
        }
    }

    @Test
    void anEncodedSurrogateIsOneReplacementAsInJava() {
        byte[] surrogate = {(byte) 0xed, (byte) 0xa0, (byte) 0x80};
        assertThat(decodeInPieces(surrogate, new Random(1))).isEqualTo("\ufffd");
    }

    @Test
    void randomBytesDecodeAsAWholeHoweverTheyAreCut() {
        Random random = new Random(4);
        for (int round = 0; round < 5000; round++) {
            byte[] bytes = new byte[random.nextInt(300)];
            random.nextBytes(bytes);
            for (int i = 0; i < bytes.length; i++) {
                // Half of them lead or continue a character, or few sequences would be long.
                bytes[i] |= (byte) (random.nextBoolean() ? 0x80 : 0);
            }
            assertThat(decodeInPieces(bytes, random))
                    .isEqualTo(new String(bytes, StandardCharsets.UTF_8));
        }
    }

    private String decodeInPieces(byte[] bytes, Random random) {
        StringBuilder text = new StringBuilder();
        for (int at = 0; at < bytes.length; ) {
            int length = Math.min(bytes.length - at, random.nextInt(random.nextBoolean() ? 3 : 90));
            text.append(stream.accept(bytes, at, length));
            at += length;
        }
        return text.append(stream.flush()).toString();
    }
}
