package dev.anser.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NpyTests {
    @TempDir Path folder;

    static byte[] npy(int version, String header, byte... data) {
        byte[] text = header.getBytes(StandardCharsets.ISO_8859_1);
        ByteBuffer bytes =
                ByteBuffer.allocate((version == 1 ? 10 : 12) + text.length + data.length)
                        .order(ByteOrder.LITTLE_ENDIAN);
        bytes.put((byte) 0x93).put("NUMPY".getBytes(StandardCharsets.US_ASCII));
        bytes.put((byte) version).put((byte) 0);
        if (version == 1) {
            bytes.putShort((short) text.length);
        } else {
            bytes.putInt(text.length);
        }
        return bytes.put(text).put(data).array();
    }

    private static NpyArray read(byte[] bytes) {
        return Npy.read(MemorySegment.ofArray(bytes), "made.npy");
    }

    private static String header(String type, String shape) {
        return "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }  \n";
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void everyHeaderVersionReads(int version) {
        NpyArray array =
                read(
                        npy(
                                version,
                                header("<i2", "(2, 1)"),
                                (byte) 1,
                                (byte) 0,
                                (byte) 0xff,
                                (byte) 0xff));
        assertThat(array.shape()).isEqualTo(Shape.of(2, 1));
        assertThat(array.type()).isEqualTo("i2");
        assertThat(array.ints()).containsExactly(1, -1);
        assertThat(array.doubles()).containsExactly(1, -1);
        assertThat(array.floats()).containsExactly(1, -1);
    }

    @ParameterizedTest
    @CsvSource({
        "|i1, -1, 8",
        "|u1, 255, 8",
        "|b1, 1, 8",
        "<i2, -1, 4",
        "<u2, 65535, 4",
        "<i4, -1, 2",
        "<i8, -1, 1",
    })
    void everyIntegerTypeReads(String type, long expected, int count) {
        byte[] data = new byte[8];
        Arrays.fill(data, (byte) -1);
        long[] values = read(npy(1, header(type, "(" + count + ",)"), data)).longs();
        assertThat(values).hasSize(count).containsOnly(expected);
    }

    @Test
    void aScalarHasNoAxes() {
        byte[] data = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putDouble(0.1).array();
        NpyArray array = read(npy(1, header("<f8", "()"), data));
        assertThat(array.shape().rank()).isZero();
        assertThat(array.doubles()).containsExactly(0.1);
        assertThat(array.floats()).containsExactly(0.1f);
        assertThat(Refusal.of(array::ints)).contains("holds f8 values, expected whole numbers");
    }

    @Test
    void aNumberBeyondAnIntIsRefused() {
        byte[] data =
                ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(1L << 40).array();
        NpyArray array = read(npy(1, header("<i8", "(1,)"), data));
        assertThat(Refusal.of(array::ints)).contains("element 0 is 1099511627776");
    }

    @Test
    void whatIsWrittenReadsBack() {
        Path path = folder.resolve("logits.npy");
        float[] row = new float[40_000];
        for (int i = 0; i < row.length; i++) {
            row[i] = i * 0.5f;
        }
        try (Arena arena = Arena.ofConfined()) {
            Tensor tensor = Tensor.of(arena, row, 2, 20_000);
            Npy.write(
                    path,
                    Shape.of(3, 40_000),
                    writer -> {
                        writer.append(row);
                        writer.append(tensor);
                        writer.append(row);
                    });
        }
        NpyArray read = Npy.read(path);
        assertThat(read.shape()).isEqualTo(Shape.of(3, 40_000));
        float[] values = read.floats();
        for (int i = 0; i < 3; i++) {
            assertThat(Arrays.copyOfRange(values, i * 40_000, (i + 1) * 40_000))
                    .containsExactly(row);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 3})
    void fewerOrMoreRowsThanPromisedLeaveNothing(int rows) throws IOException {
        Path path = folder.resolve("logits.npy");
        String message =
                Refusal.of(() ->
                        Npy.write(
                                path,
                                Shape.of(2, 4),
                                writer -> {
                                    for (int i = 0; i < rows; i++) {
                                        writer.append(new float[4]);
                                    }
                                }));
        assertThat(message).contains("logits.npy", "[2, 4]");
        try (Stream<Path> left = Files.list(folder)) {
            assertThat(left).isEmpty();
        }
    }

    @Test
    void theWriterPadsItsHeaderTo64Bytes() throws IOException {
        for (Shape shape :
                new Shape[] {Shape.of(), Shape.of(2), Shape.of(1, 2), Shape.of(2, 1, 3)}) {
            Path path = folder.resolve("a.npy");
            Npy.write(path, shape, writer -> writer.append(new float[(int) shape.elements()]));
            assertThat(Files.size(path) - 4 * shape.elements()).isEqualTo(128);
            assertThat(Npy.read(path).shape()).isEqualTo(shape);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}           | '>f4',"
                        + " expected",
                "{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}           | '<c8',"
                        + " expected",
                "{'descr': '<O', 'fortran_order': False, 'shape': (1,)}            | '|O',"
                        + " expected",
                "{'descr': '<f4', 'fortran_order': True, 'shape': (1,)}            | Fortran order",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}           | shape [2] of"
                        + " f4",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (0,)}           | shape [0] of"
                        + " f4",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}          | whole number",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999,99999999999)} |"
                        + " 2^63",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387905,)} | 18"
                        + " digits",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (461168601842738790,)} |"
                        + " truncated",
                "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}               | True or False",
                "{'descr': '<f4', 'fortran_order': False}                          | needs the"
                        + " fields",
                "{'descr': '<f4', 'descr': '<f4'}                                  | descr twice",
                "{'descr': '<f4', 'x': 1}                                          | unknown field"
                        + " 'x'",
                "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}  | in quotes",
                "{'descr': '<f4                                                    | without an"
                        + " end",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x         | goes on",
                "()                                                                | needs '{'",
            })
    void badHeadersAreRefused(String header, String expected) {
        assertThat(Refusal.of(() -> read(npy(1, header, new byte[4]))))
                .startsWith("made.npy: ")
                .contains(expected);
    }

    @Test
    void everyTruncationIsRefused() {
        byte[] whole = npy(1, header("<f4", "(2,)"), new byte[8]);
        for (int length = 0; length < whole.length; length++) {
            byte[] cut = Arrays.copyOf(whole, length);
            assertThat(Refusal.of(() -> read(cut))).startsWith("made.npy: ");
        }
    }

    @Test
    void anUnknownVersionAndAMissingFileAreRefused() {
        assertThat(Refusal.of(() -> read(npy(4, header("<f4", "(1,)"), new byte[4]))))
                .contains("version 4, expected 1 to 3");
        assertThat(Refusal.of(() -> Npy.read(folder.resolve("no.npy")))).contains("no such file");
        assertThat(Refusal.of(() -> Npy.read(folder))).contains("not a regular file");
    }

    @Test
    void anArrayBeyondTheHeapIsRefusedBeforeItIsAllocated() throws IOException {
        long bytes = 1L << 40;
        byte[] head = npy(1, header("|u1", "(" + bytes + ",)"));
        Path path = folder.resolve("huge.npy");
        try (var channel =
                FileChannel.open(
                        path,
                        StandardOpenOption.CREATE_NEW,
                        StandardOpenOption.SPARSE,
                        StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap(head));
            channel.write(ByteBuffer.allocate(1), head.length + bytes - 1);
        }
        assertThat(Refusal.of(() -> Npy.read(path))).contains("huge.npy", "Java heap");
    }
}
