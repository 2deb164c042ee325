package dev.anser.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anser.base.AnserException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class BinidxTests {
    /// Two documents, [1, 513, 0] and [65535], by hand from the description of the format.
    private static final String IDX =
            "4d4d494449445800"
                    + "00" // magic
                    + "0100000000000000" // version
                    + "08" // uint16
                    + "0200000000000000" // documents
                    + "0300000000000000" // entries of doc_idx
                    + "03000000"
                    + "01000000" // sizes
                    + "0000000000000000"
                    + "0600000000000000" // pointers
                    + "0000000000000000"
                    + "0100000000000000"
                    + "0200000000000000"; // doc_idx

    private static final String BIN = "0100" + "0102" + "0000" + "ffff";

    @TempDir Path folder;

    private Path write(String bin, byte[] idx) throws IOException {
        Path prefix = folder.resolve("d");
        Files.write(Binidx.binFile(prefix), HexFormat.of().parseHex(bin));
        Files.write(Binidx.idxFile(prefix), idx);
        return prefix;
    }

    @Test
    void theFilesHaveTheOfficialLayoutBitForBit() throws IOException {
        try (Binidx data = Data.binidx(folder, new int[] {1, 513, 0}, new int[] {65535})) {
            assertThat(data.documents()).isEqualTo(2);
        }
        assertThat(HexFormat.of().formatHex(Files.readAllBytes(folder.resolve("data.idx"))))
                .isEqualTo(IDX);
        assertThat(HexFormat.of().formatHex(Files.readAllBytes(folder.resolve("data.bin"))))
                .isEqualTo(BIN);
    }

    @Test
    void filesWrittenByHandAreRead() throws IOException {
        Path prefix = write(BIN, HexFormat.of().parseHex(IDX));
        for (Path name : new Path[] {prefix, Binidx.binFile(prefix), Binidx.idxFile(prefix)}) {
            try (Binidx data = Binidx.open(name)) {
                assertThat(data.size()).isEqualTo(4);
                assertThat(data.type()).isEqualTo(ElementType.UINT16);
                assertThat(data.document(0)).containsExactly(1, 513, 0);
                assertThat(data.document(1)).containsExactly(65535);
                assertThat(data.startOf(1)).isEqualTo(3);
                assertThat(data.largest()).isEqualTo(65535);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(ElementType.class)
    void everyIntegerTypeIsReadAndNegativeNumbersAreNoTokens(ElementType type) throws IOException {
        ByteBuffer bin = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
        for (long token : new long[] {100, -1}) {
            switch (type.bytes()) {
                case 1 -> bin.put((byte) token);
                case 2 -> bin.putShort((short) token);
                case 4 -> bin.putInt((int) token);
                default -> bin.putLong(token);
            }
        }
        byte[] idx =
                ByteBuffer.allocate(34 + 12)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .put(Binidx.MAGIC)
                        .putLong(1)
                        .put((byte) type.code())
                        .putLong(1)
                        .putLong(0)
                        .putInt(2)
                        .putLong(0)
                        .array();
        Path prefix = write(HexFormat.of().formatHex(bin.array(), 0, bin.position()), idx);
        try (Binidx data = Binidx.open(prefix)) {
            int[] ids = new int[2];
            data.read(0, ids, 1, 1);
            assertThat(ids).containsExactly(0, 100);
            if (type == ElementType.UINT8 || type == ElementType.UINT16) {
                assertThat(data.largest()).isEqualTo((1 << 8 * type.bytes()) - 1);
            } else {
                assertThatThrownBy(data::largest)
                        .isInstanceOf(DataException.class)
                        .hasMessageContaining("d.bin: token 1 is -1");
            }
        }
    }

    @Test
    void anIndexThatLiesIsRefusedWithOneLine() throws IOException {
        refuses("begin with MMIDIDX", idx -> idx.put(3, (byte) 'x'));
        refuses("version 2; expected 1", idx -> idx.putLong(9, 2));
        refuses("element type 9; expected 8", idx -> idx.put(17, (byte) 9));
        refuses("element type 6; expected 8", idx -> idx.put(17, (byte) 6));
        refuses("claims 3 documents", idx -> idx.putLong(18, 3));
        refuses("claims -1 documents", idx -> idx.putLong(18, -1));
        refuses(
                "claims 4611686018427387906 documents",
                idx -> idx.putLong(18, 0x4000000000000002L));
        refuses("with 1 group entries", idx -> idx.putLong(26, 1));
        refuses("gives document 0 -3 tokens", idx -> idx.putInt(34, -3));
        refuses("puts document 0, 5 tokens, at byte 0 of a .bin of 8", idx -> idx.putInt(34, 5));
        refuses("puts document 1, 1 tokens, at byte 8 of a", idx -> idx.putLong(50, 8));
        refuses("puts document 1, 1 tokens, at byte 5 of a", idx -> idx.putLong(50, 5));
        refuses("puts document 1, 1 tokens, at byte -2 of a", idx -> idx.putLong(50, -2));
        refuses(
                "puts document 1, 1 tokens, at byte 9223372036854775806",
                idx -> idx.putLong(50, Long.MAX_VALUE - 1));
        refuses("ends at byte 6 of a .bin of 8", idx -> idx.putInt(38, 0));
        refuses("group entry 1 at document 3", idx -> idx.putLong(66, 3));
        refuses("group entry 2 at document 0; expected", idx -> idx.putLong(74, 0));
    }

    private void refuses(String why, Consumer<ByteBuffer> lie) throws IOException {
        byte[] idx = HexFormat.of().parseHex(IDX);
        lie.accept(ByteBuffer.wrap(idx).order(ByteOrder.LITTLE_ENDIAN));
        Path prefix = write(BIN, idx);
        assertThatThrownBy(() -> Binidx.open(prefix))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("d.idx: ")
                .hasMessageContaining(why)
                .hasMessageNotContaining("\n");
    }

    @Test
    void everyCutOfTheIndexIsRefused() throws IOException {
        byte[] idx = HexFormat.of().parseHex(IDX);
        for (int size = 0; size < idx.length; size++) {
            Path prefix = write(BIN, Arrays.copyOf(idx, size));
            assertThatThrownBy(() -> Binidx.open(prefix)).isInstanceOf(DataException.class);
        }
    }

    @Test
    void aBinThatIsCutShortOrMissingIsRefused() throws IOException {
        byte[] idx = HexFormat.of().parseHex(IDX);
        Path odd = write(BIN.substring(0, 14), idx);
        assertThatThrownBy(() -> Binidx.open(odd)).hasMessageContaining("d.bin: has 7 bytes");
        Files.delete(Binidx.binFile(odd));
        assertThatThrownBy(() -> Binidx.open(odd))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("d.bin: there is no such file");
    }

    @Test
    void aTokenThatDoesNotFitLeavesWhatWasThere() throws IOException {
        Path prefix = write(BIN, HexFormat.of().parseHex(IDX));
        for (int token : new int[] {65536, -1}) {
            assertThatThrownBy(() ->
                            BinidxWriter.write(
                                    prefix,
                                    ElementType.UINT16,
                                    writer -> {
                                        writer.add(7);
                                        writer.add(token);
                                    }))
                    .isInstanceOf(AnserException.class)
                    .hasMessageContaining("token id " + token);
        }
        assertThat(HexFormat.of().formatHex(Files.readAllBytes(Binidx.binFile(prefix))))
                .isEqualTo(BIN);
        try (var files = Files.list(folder)) {
            assertThat(files).hasSize(2);
        }
    }

    @Test
    void manyDocumentsAndLargeIdsRoundTrip() {
        Path prefix = folder.resolve("many");
        int documents = 100_000;
        BinidxWriter.write(
                prefix,
                ElementType.INT32,
                writer -> {
                    for (int i = 0; i < documents; i++) {
                        for (int j = 0; j < i % 5; j++) {
                            writer.add(i * 1000 + j);
                        }
                        writer.endDocument();
                    }
                });
        try (Binidx data = Binidx.open(prefix)) {
            assertThat(data.documents()).isEqualTo(documents);
            assertThat(data.size()).isEqualTo(documents * 2L);
            for (int i = 0; i < documents; i++) {
                int[] document = data.document(i);
                assertThat(document.length).isEqualTo(i % 5);
                for (int j = 0; j < document.length; j++) {
                    assertThat(document[j]).isEqualTo(i * 1000 + j);
                }
            }
        }
    }

    @Test
    void theDigestChangesWithTheData() {
        String first;
        try (Binidx data = Data.binidx(folder, new int[] {1, 2}, new int[] {3})) {
            first = data.digest();
            assertThat(first).hasSize(64).isEqualTo(data.digest());
            assertThat(data.part(0, 0.5).digest()).isNotEqualTo(first);
        }
        try (Binidx data = Data.binidx(folder, new int[] {1, 2}, new int[] {4})) {
            assertThat(data.digest()).isNotEqualTo(first);
        }
        try (Binidx data = Data.binidx(folder, new int[] {1}, new int[] {2, 3})) {
            assertThat(data.digest()).isNotEqualTo(first);
        }
    }
}
