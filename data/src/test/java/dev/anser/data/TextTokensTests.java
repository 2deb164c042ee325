package dev.anser.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anser.text.ByteTokenizer;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TextTokensTests {
    @TempDir Path folder;

    @Test
    void partsOfATextAreItsBytes() {
        Path file = Data.bytes(folder, "a.txt.gz", Data.gzip("0123456789A"));
        try (TextTokens train = TextTokens.read(file, new ByteTokenizer(), 0, 0.9);
                TextTokens valid = TextTokens.read(file, new ByteTokenizer(), 0.9, 1)) {
            assertThat(train.size()).isEqualTo(9);
            assertThat(valid.size()).isEqualTo(2);
            int[] ids = new int[2];
            valid.read(0, ids, 0, 2);
            assertThat(ids).containsExactly('9', 'A');
            assertThat(valid.largest()).isEqualTo('A');
            assertThat(train.largest()).isEqualTo('8');
            assertThat(train.digest()).hasSize(64).isNotEqualTo(valid.digest());
            assertThatThrownBy(() -> valid.read(1, ids, 0, 2))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void noCharacterIsCut() {
        // 3 bytes each: the middle of 9 bytes lies inside the second.
        Path file = Data.text(folder, "a.txt", "一二三");
        assertThat(TextTokens.read(file, new ByteTokenizer(), 0, 0.5).bytes()).isEqualTo(6);
        assertThat(TextTokens.read(file, Data.vocabulary("三"), 0.5, 1).size()).isEqualTo(1);
    }

    @Test
    void aPartThatIsEmptyOrNoPartIsRefused() {
        Path file = Data.text(folder, "a.txt", "abc");
        assertThatThrownBy(() -> TextTokens.read(file, new ByteTokenizer(), 0.9, 0.95))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("0.9 to 0.95 of its 3 bytes");
        for (double[] part : new double[][] {{-0.1, 1}, {0, 1.1}, {1, 0}, {Double.NaN, 1}}) {
            assertThatThrownBy(() -> TextTokens.read(file, new ByteTokenizer(), part[0], part[1]))
                    .isInstanceOf(DataException.class);
        }
        assertThatThrownBy(() -> TextTokens.read(folder.resolve("no"), new ByteTokenizer(), 0, 1))
                .hasMessageContaining("no: cannot be read");
    }
}
