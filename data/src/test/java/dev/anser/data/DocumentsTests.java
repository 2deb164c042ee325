package dev.anser.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DocumentsTests {
    private static final Documents BLANK = new Documents(new Documents.Split.BlankLines(), "text");
    private static final Documents END =
            new Documents(new Documents.Split.Separator("<|end|>"), "text");

    @TempDir Path folder;

    @Test
    void aTextFileIsOneDocumentByteForByte() {
        String text = "a\r\n\n\n<|end|>\nb\n";
        assertThat(Data.documents(Documents.DEFAULT, Data.text(folder, "a.txt", text)))
                .containsExactly(text);
        assertThat(
                        Data.documents(
                                Documents.DEFAULT,
                                Data.bytes(folder, "a.txt.gz", Data.gzip(text)),
                                Data.text(folder, "empty.txt", "")))
                .containsExactly(text);
    }

    @Test
    void blankLinesSplitATextFile() {
        Path file = Data.text(folder, "a.txt", "\n\na\nb\n\nc\r\n\r\n\n\n d\n\n");
        assertThat(Data.documents(BLANK, file)).containsExactly("a\nb", "c\r", " d");
    }

    @Test
    void onlyWholeLinesThatAreTheSeparatorSplit() {
        Path file =
                Data.text(
                        folder,
                        "a.txt",
                        "a\n\nb\n<|end|>\n<|end|>\n<|end|> c\n <|end|>\n<|end\n<|end|>\r\n\nd\n<|end|>");
        assertThat(Data.documents(END, file))
                .containsExactly("a\n\nb", "<|end|> c\n <|end|>\n<|end", "\nd");
        assertThat(Data.documents(END, Data.text(folder, "b.txt", "x<|end|>")))
                .containsExactly("x<|end|>");
        assertThat(Data.documents(END, Data.text(folder, "c.txt", "<|end")))
                .containsExactly("<|end");
        assertThat(Data.documents(END, Data.text(folder, "d.txt", "x\n"))).containsExactly("x");
    }

    @Test
    void separatorsAreFoundWhereverTheReadingBufferEnds() {
        for (int size = 65_520; size < 65_545; size++) {
            String first = "x".repeat(size);
            Path file = Data.text(folder, "a.txt", first + "\n<|end|>\nsecond\n");
            assertThat(Data.documents(END, file)).containsExactly(first, "second");
        }
    }

    @Test
    void aLineOfJsonIsADocument() {
        Path file =
                Data.text(
                        folder,
                        "a.jsonl",
                        "{\"id\": [1, {\"text\": 2}], \"text\": \"a\\n\\u00e9\\ud83d\\ude00\"}\n\n"
                                + "{\"text\": \"\"}\r\n{\"text\": \"no line break\"}");
        assertThat(Data.documents(Documents.DEFAULT, file))
                .containsExactly("a\né😀", "", "no line break");
        Documents other = new Documents(new Documents.Split.None(), "story");
        assertThat(
                        Data.documents(
                                other,
                                Data.bytes(folder, "b.jsonl.gz", Data.gzip("{\"story\":\"x\"}"))))
                .containsExactly("x");
    }

    @Test
    void wrongLinesAreNamed() {
        refuses("{\"text\": \"a\"}\n{\"text\": \"b\"\n", "a.jsonl: line 2 is not JSON");
        refuses("\n{\"txt\": \"a\"}", "a.jsonl: line 2 has no \"text\"; name the field");
        refuses("{\"text\": 5}", "line 1 has \"text\" that is no string");
        refuses("[\"text\"]", "line 1 is no JSON object");
        refuses("{\"text\": \"a\"} {}", "line 1 goes on after its JSON object");
        refuses("{\"text\": \"\\ud800\"}", "line 1 has half a surrogate pair");
    }

    private void refuses(String lines, String why) {
        Path file = Data.text(folder, "a.jsonl", lines);
        assertThatThrownBy(() -> Data.documents(Documents.DEFAULT, file))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(why);
    }

    @Test
    void filesThatAreMissingOrNotWhatTheirNamesSayAreRefused() {
        assertThatThrownBy(() -> Data.documents(Documents.DEFAULT, folder.resolve("no.txt")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("no.txt: there is no such file");
        assertThatThrownBy(() ->
                        Data.documents(Documents.DEFAULT, Data.text(folder, "a.txt.gz", "plain")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("a.txt.gz: cannot be read");
        assertThatThrownBy(() ->
                        Data.documents(Documents.DEFAULT, Data.text(folder, "a.parquet", "plain")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("a.parquet: is no Parquet file");
        assertThatThrownBy(() -> new Documents.Split.Separator("a\nb"))
                .isInstanceOf(DataException.class);
    }

    private Path parquet(String name) throws IOException {
        try (InputStream in = getClass().getResourceAsStream("/parquet/" + name)) {
            if (in == null) {
                throw new AssertionError(name + " is missing");
            }
            return Files.write(folder.resolve(name), in.readAllBytes());
        }
    }

    /// Written by PyArrow: two row groups, columns id, text and title.
    @ParameterizedTest
    @ValueSource(strings = {"none.parquet", "gzip.parquet"})
    void aRowOfParquetIsADocument(String name) throws IOException {
        assertThat(Data.documents(Documents.DEFAULT, parquet(name)))
                .containsExactly("Once upon a time", "", "naïve — “quotes”\n\nnew line", "last");
        Documents titles = new Documents(new Documents.Split.None(), "title");
        assertThat(Data.documents(titles, parquet(name))).containsExactly("a", "b", "c", "d");
    }

    @Test
    void parquetWithoutTheTextIsRefused() throws IOException {
        Path file = parquet("none.parquet");
        Documents missing = new Documents(new Documents.Split.None(), "story");
        assertThatThrownBy(() -> Data.documents(missing, file))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("no column story, only [id, text, title]");
        Path number = parquet("number.parquet");
        assertThatThrownBy(() -> Data.documents(Documents.DEFAULT, number))
                .hasMessageContaining("column text of INT64");
        Path empty = parquet("null.parquet");
        assertThatThrownBy(() -> Data.documents(Documents.DEFAULT, empty))
                .hasMessageContaining("no text in row 1");
        Path cut = Data.bytes(folder, "cut.parquet", Arrays.copyOf(Files.readAllBytes(file), 700));
        assertThatThrownBy(() -> Data.documents(Documents.DEFAULT, cut))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("cut.parquet: is no Parquet file");
    }
}
