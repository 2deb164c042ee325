package dev.anser.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CheckpointsTests {
    @TempDir Path folder;

    static byte[] rwkvCpp(int... words) {
        ByteBuffer bytes = ByteBuffer.allocate(words.length * 4).order(ByteOrder.LITTLE_ENDIAN);
        for (int word : words) {
            bytes.putInt(word);
        }
        return bytes.array();
    }

    /// A header and one F32 tensor `abcd` of axes (3, 2): shape [2, 3].
    static byte[] rwkvCppWithTensor() {
        return rwkvCpp(0x67676d66, 101, 256, 8, 1, 0, 2, 4, 0, 3, 2, 0x64636261, 1, 2, 3, 4, 5, 6);
    }

    @Test
    void rwkvCppReads() {
        Memory.readAll(rwkvCppWithTensor());
        try (Checkpoint checkpoint =
                Checkpoints.open(nativeCopy(rwkvCppWithTensor()), "made.bin")) {
            assertThat(checkpoint.entry("abcd").shape()).hasToString("[2, 3]");
            assertThat(checkpoint.metadata())
                    .containsEntry("version", "101")
                    .containsEntry("n_vocab", "256")
                    .containsEntry("n_embed", "8")
                    .containsEntry("n_layer", "1")
                    .containsEntry("data_type", "F32");
        }
    }

    private static MemorySegment nativeCopy(byte[] bytes) {
        return Arena.ofAuto().allocate(bytes.length).copyFrom(MemorySegment.ofArray(bytes));
    }

    @ParameterizedTest
    @CsvSource({
        "1, 102, version 102",
        "2, 0, n_vocab is 0",
        "3, -1, n_embed is -1",
        "4, 0, n_layer is 0",
        "5, 4, type Q4_1_O at offset 20 is not supported",
        "5, 10, type Q8_1",
        "5, 17, unknown data type 17",
        "6, 0, has 0 axes",
        "6, 5, has 5 axes",
        "6, 2147483647, has 2147483647 axes",
        "7, 0, a name of 0 bytes",
        "7, -1, a name of -1 bytes",
        "7, 2000, a name of 2000 bytes",
        "7, 100, truncated",
        "8, 2, has rows of 3 elements",
        "8, 6, type Q4_3 at offset 32 is not supported",
        "8, 16, type Q8_K",
        "8, 99, unknown data type 99",
        "9, -1, negative size",
        "9, 2147483647, its data ends at",
        "10, 1, type Q4_3 at offset 68 is not supported",
    })
    void rwkvCppFieldsThatLieAreRefused(int word, int lie, String expected) {
        byte[] bytes = rwkvCppWithTensor();
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(4 * word, lie);
        assertThat(Memory.refusal(bytes)).contains(expected);
    }

    @Test
    void quantisedRwkvCppOfVersion100IsRefused() {
        byte[] bytes = rwkvCppWithTensor();
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(4, 100).putInt(20, 2);
        assertThat(Memory.refusal(bytes)).contains("type Q4_0", "another layout in version 100");
    }

    @Test
    void everyTruncationOfRwkvCppIsRefused() {
        byte[] whole = rwkvCppWithTensor();
        for (int length = 0; length < whole.length; length++) {
            if (length != 24) {
                assertThat(Memory.refusal(Arrays.copyOf(whole, length))).isNotEmpty();
            }
        }
    }

    @Test
    void theSameRwkvCppNameTwiceIsRefused() {
        byte[] one = rwkvCppWithTensor();
        byte[] two = Arrays.copyOf(one, one.length + one.length - 24);
        System.arraycopy(one, 24, two, one.length, one.length - 24);
        assertThat(Memory.refusal(two)).contains("two tensors named 'abcd'");
    }

    @ParameterizedTest
    @CsvSource({
        "GGUFxxxxxxxx, the header needs 24 bytes",
        "hello, is not a model file",
        "x, is not a model file",
        "<!DOCTYPE html>, is not a model file",
        "version https://git-lfs.github.com/spec/v1, Git LFS pointer",
        "'', is empty",
    })
    void otherFilesAreRefusedByWhatTheyAre(String content, String expected) throws IOException {
        Path file = folder.resolve("model.pth");
        Files.writeString(file, content, StandardCharsets.ISO_8859_1);
        assertThat(Refusal.of(() -> Checkpoints.open(file)))
                .startsWith(file + ": ")
                .contains(expected);
    }

    @Test
    void theContentDecidesAndNotTheName() throws IOException {
        Path file = folder.resolve("model.safetensors");
        Files.copy(Goldens.local("formats/torture.pth"), file);
        try (Checkpoint checkpoint = Checkpoints.open(file)) {
            assertThat(checkpoint.format()).isEqualTo("pth");
            assertThat(checkpoint.source()).isEqualTo(file.toString());
        }
    }

    @Test
    void whatIsNotAFileIsRefused() throws IOException {
        assertThat(Refusal.of(() -> Checkpoints.open(folder)))
                .contains("is a folder without a model");
        assertThat(Refusal.of(() -> Checkpoints.open(folder.resolve("no"))))
                .contains("there is no such file");
        Path device = Path.of("/dev/zero");
        Assumptions.assumeTrue(Files.exists(device));
        assertThat(Refusal.of(() -> Checkpoints.open(device))).contains("not a regular file");
    }

    @Test
    void anUnreadableFileIsRefused() throws IOException {
        Path file = Files.write(folder.resolve("locked"), new byte[9]);
        Assumptions.assumeTrue(file.toFile().setReadable(false) && !Files.isReadable(file));
        assertThat(Refusal.of(() -> Checkpoints.open(file))).contains("check its permissions");
    }

    @Test
    void memoryOnTheHeapIsRefused() {
        assertThat(Refusal.of(() -> Checkpoints.open(MemorySegment.ofArray(new byte[9]), "a.jar")))
                .contains("a.jar: ", "native memory");
    }
}
