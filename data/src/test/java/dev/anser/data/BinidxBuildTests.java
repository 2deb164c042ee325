package dev.anser.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anser.base.AnserException;
import dev.anser.text.ByteTokenizer;
import dev.anser.text.Tokenizer;
import dev.anser.text.WorldTokenizer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BinidxBuildTests {
    @TempDir Path folder;

    private List<String> decoded(Tokenizer tokenizer) {
        try (Binidx data = Binidx.open(folder.resolve("out"))) {
            List<String> texts = new ArrayList<>();
            for (long i = 0; i < data.documents(); i++) {
                int[] ids = data.document(i);
                assertThat(ids[ids.length - 1]).isZero();
                byte[] bytes = tokenizer.decode(Arrays.copyOf(ids, ids.length - 1));
                texts.add(new String(bytes, StandardCharsets.UTF_8));
            }
            return texts;
        }
    }

    @Test
    void textBecomesTokensAndTextAgain() {
        WorldTokenizer tokenizer = Data.vocabulary("ab", "abc", "é", "\n\n");
        List<String> texts = List.of("abcab\n\né", "", "x");
        Path first = Data.text(folder, "a.jsonl", "{\"text\":\"abcab\\n\\né\"}\n{\"text\":\"\"}");
        Path second = Data.text(folder, "b.txt", "x");
        new BinidxBuild(tokenizer, Documents.DEFAULT)
                .write(folder.resolve("out"), List.of(first, second), _ -> {});
        assertThat(decoded(tokenizer)).isEqualTo(texts);
        try (Binidx data = Binidx.open(folder.resolve("out"))) {
            assertThat(data.type()).isEqualTo(ElementType.UINT16);
            assertThat(data.document(0)).containsExactly(258, 257, 260, 259, 0);
        }
    }

    @Test
    void aLongTextIsEncodedAsIfInOnePiece() throws IOException {
        // Tokens that overlap themselves make every cut matter.
        WorldTokenizer tokenizer =
                Data.vocabulary(
                        "ab", "aba", "abab", "ababababa", "ba", "bab", "aa", "aaaaaaaaaaaaaaa");
        Random random = new Random(5);
        byte[] text = new byte[(1 << 20) * 2 + 12_345];
        for (int i = 0; i < text.length; i++) {
            text[i] = (byte) (random.nextInt(8) == 0 ? 'b' : i % 2 == 0 ? 'a' : 'b');
        }
        Data.bytes(folder, "long.txt", text);
        new BinidxBuild(tokenizer, Documents.DEFAULT)
                .write(folder.resolve("out"), List.of(folder.resolve("long.txt")), _ -> {});
        int[] whole = tokenizer.encode(text);
        try (Binidx data = Binidx.open(folder.resolve("out"))) {
            int[] pieces = data.document(0);
            assertThat(pieces.length).isEqualTo(whole.length + 1);
            assertThat(Arrays.mismatch(pieces, whole)).isEqualTo(whole.length);
        }
        Tokens inMemory = TextTokens.read(folder.resolve("long.txt"), tokenizer, 0, 1);
        assertThat(inMemory.size()).isEqualTo(whole.length);
    }

    @Test
    void shufflingWritesEveryDocumentOnceAnEpochInOrdersThatFollowFromTheSeed() {
        StringBuilder lines = new StringBuilder();
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            texts.add("story " + i);
            lines.append("{\"text\":\"story ").append(i).append("\"}\n");
        }
        List<Path> inputs = List.of(Data.text(folder, "a.jsonl", lines.toString()));
        ByteTokenizer tokenizer = new ByteTokenizer();
        BinidxBuild build = new BinidxBuild(tokenizer, Documents.DEFAULT);
        build.writeShuffled(folder.resolve("out"), inputs, 3, 7, _ -> {});
        List<String> order = decoded(tokenizer);
        assertThat(order).hasSize(150);
        for (int epoch = 0; epoch < 3; epoch++) {
            assertThat(order.subList(epoch * 50, epoch * 50 + 50))
                    .containsExactlyInAnyOrderElementsOf(texts)
                    .isNotEqualTo(texts);
        }
        assertThat(order.subList(0, 50)).isNotEqualTo(order.subList(50, 100));
        build.writeShuffled(folder.resolve("out"), inputs, 3, 7, _ -> {});
        assertThat(decoded(tokenizer)).isEqualTo(order);
        build.writeShuffled(folder.resolve("out"), inputs, 3, 8, _ -> {});
        assertThat(decoded(tokenizer)).isNotEqualTo(order);
    }

    @Test
    void whatGoesWrongLeavesNothingBehind() throws IOException {
        Path bad = Data.text(folder, "bad.jsonl", "{\"text\":\"a\"}\n{\"text\":\"b\\u0000\"}\n");
        BinidxBuild build = new BinidxBuild(new ByteTokenizer(), Documents.DEFAULT);
        assertThatThrownBy(() ->
                        build.writeShuffled(folder.resolve("out"), List.of(bad), 1, 0, _ -> {}))
                .isInstanceOf(AnserException.class)
                .hasMessageContaining("bad.jsonl: document 1: the text has a zero byte");
        Path empty = Data.text(folder, "empty.txt", "");
        assertThatThrownBy(() -> build.write(folder.resolve("out"), List.of(empty), _ -> {}))
                .hasMessageContaining("no documents");
        WorldTokenizer few =
                WorldTokenizer.load("few", "1 'a' 1\n".getBytes(StandardCharsets.UTF_8));
        assertThatThrownBy(() ->
                        new BinidxBuild(few, Documents.DEFAULT)
                                .write(folder.resolve("out"), List.of(bad), _ -> {}))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("bad.jsonl: document 1: no token of few covers byte 0x62");
        try (var files = Files.list(folder)) {
            assertThat(files).containsExactlyInAnyOrder(bad, empty);
        }
    }

    @Test
    void aVocabularyThatUsesIdZeroForATextIsRefused() {
        WorldTokenizer zero =
                WorldTokenizer.load("zero", "0 'a' 1\n".getBytes(StandardCharsets.UTF_8));
        assertThatThrownBy(() -> new BinidxBuild(zero, Documents.DEFAULT))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("id 0");
    }
}
