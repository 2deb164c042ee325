package dev.anser.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anser.tensor.DType;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsTests {
    @TempDir Path folder;

    static byte[] file(String header, int dataBytes) {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(8 + json.length + dataBytes)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(json.length)
                .put(json)
                .array();
    }

    private static String tensor(String name, String dtype, String shape, long begin, long end) {
        return "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                .formatted(name, dtype, shape, begin, end);
    }

    @Test
    void whatIsWrittenReadsBackInOrderAndAligned() throws IOException {
        Path path = folder.resolve("out.safetensors");
        try (Arena arena = Arena.ofConfined()) {
            SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
            tensors.put("z \"quoted\"\n", Tensor.of(arena, new float[] {1, -2, 3}, 3));
            tensors.put("empty", Tensor.allocate(arena, DType.BF16, 0, 4));
            tensors.put("scalar", Tensor.of(arena, new float[] {7}));
            for (DType dtype : DType.values()) {
                if (dtype.quantised()) {
                    continue;
                }
                Tensor tensor = Tensor.allocate(arena, dtype, 2, 3);
                tensor.segment().fill((byte) 1);
                tensors.put("权重." + dtype, tensor);
            }
            Safetensors.write(path, tensors, Map.of("b", "2\\", "a", "é"));
            try (Checkpoint read = Checkpoints.open(path)) {
                assertThat(read.names()).containsExactlyElementsOf(tensors.keySet());
                assertThat(read.metadata()).isEqualTo(Map.of("b", "2\\", "a", "é"));
                tensors.forEach((name, tensor) -> {
                    assertThat(read.entry(name))
                            .isEqualTo(new Checkpoint.Entry(name, tensor.dtype(), tensor.shape()));
                    assertThat(read.tensor(name).segment().mismatch(tensor.segment()))
                            .isEqualTo(-1);
                });
            }
        }
        long header =
                ByteBuffer.wrap(Files.readAllBytes(path)).order(ByteOrder.LITTLE_ENDIAN).getLong();
        assertThat(header % 8).isZero();
    }

    @Test
    void tensorsCanBeMadeOneAtATime() {
        Path path = folder.resolve("out.safetensors");
        List<Checkpoint.Entry> entries =
                Stream.of("a", "b")
                        .map(name -> new Checkpoint.Entry(name, DType.F32, Shape.of(2)))
                        .toList();
        try (Arena arena = Arena.ofConfined()) {
            Tensor reused = Tensor.allocate(arena, DType.F32, 2);
            Safetensors.write(
                    path,
                    entries,
                    Map.of(),
                    entry -> {
                        reused.set(0, entry.name().charAt(0));
                        return reused;
                    });
        }
        try (Checkpoint read = Checkpoints.open(path)) {
            assertThat(read.tensor("a").get(0)).isEqualTo('a');
            assertThat(read.tensor("b").get(0)).isEqualTo('b');
        }
    }

    @Test
    void aTensorThatIsNotWhatWasPromisedLeavesNothing() throws IOException {
        Path path = folder.resolve("out.safetensors");
        var entries = List.of(new Checkpoint.Entry("a", DType.F32, Shape.of(2)));
        try (Arena arena = Arena.ofConfined()) {
            Tensor other = Tensor.allocate(arena, DType.F32, 3);
            assertThat(Refusal.of(() -> Safetensors.write(path, entries, Map.of(), _ -> other)))
                    .contains("'a'", "F32 [3]", "F32 [2]");
        }
        try (Stream<Path> left = Files.list(folder)) {
            assertThat(left).isEmpty();
        }
    }

    @Test
    void unusableNamesAreNotWritten() {
        Path path = folder.resolve("out.safetensors");
        try (Arena arena = Arena.ofConfined()) {
            Tensor tensor = Tensor.allocate(arena, DType.F32, 1);
            for (String name : List.of("__metadata__", "half \ud800", "x".repeat(2000))) {
                SequencedMap<String, Tensor> tensors = new LinkedHashMap<>(Map.of(name, tensor));
                assertThat(Refusal.of(() -> Safetensors.write(path, tensors, Map.of())))
                        .contains("out.safetensors: cannot be written");
            }
        }
        assertThat(path).doesNotExist();
    }

    @Test
    void aTensorBeyondFourGibibytesReadsLazily() throws IOException {
        long gap = 5L << 30;
        String header =
                "{"
                        + tensor("big", "U8", "[" + gap + "]", 0, gap)
                        + ","
                        + tensor("last", "F32", "[2]", gap, gap + 8)
                        + "}";
        byte[] head = file(header, 0);
        Path path = folder.resolve("sparse.safetensors");
        try (FileChannel channel =
                FileChannel.open(
                        path,
                        StandardOpenOption.CREATE_NEW,
                        StandardOpenOption.SPARSE,
                        StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap(head));
            ByteBuffer values = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
            channel.write(values.putFloat(1.5f).putFloat(-2).flip(), head.length + gap);
        }
        try (Checkpoint checkpoint = Checkpoints.open(path)) {
            assertThat(checkpoint.tensor("last").toFloats()).containsExactly(1.5f, -2);
            assertThat(checkpoint.tensor("big").bytes()).isEqualTo(gap);
            assertThat(checkpoint.tensor("big").segment().get(ValueLayout.JAVA_BYTE, gap - 1))
                    .isZero();
        }
    }

    @Test
    void aClosedCheckpointSaysSo() {
        Checkpoint checkpoint = Checkpoints.open(Goldens.local("formats/torture.safetensors"));
        checkpoint.close();
        checkpoint.close();
        assertThat(Refusal.of(() -> checkpoint.tensor("scalar"))).contains("is closed");
    }

    @Test
    void anUnknownTensorIsNamed() {
        try (Checkpoint checkpoint =
                Checkpoints.open(Goldens.local("formats/torture.safetensors"))) {
            assertThat(Refusal.of(() -> checkpoint.entry("no\nsuch")))
                    .contains("no tensor named 'no\\u000asuch'");
            assertThatThrownBy(() -> checkpoint.names().clear())
                    .isInstanceOf(UnsupportedOperationException.class);
        }
    }

    @Test
    void everyTruncationIsRefused() {
        byte[] whole = Goldens.bytes("formats/torture.safetensors");
        for (int length = 0; length < whole.length; length++) {
            byte[] cut = Arrays.copyOf(whole, length);
            assertThat(Memory.refusal(cut)).as("cut at " + length).isNotEmpty();
        }
    }

    @Test
    void theHeaderLengthMayNotLie() {
        for (long length : new long[] {0, 1, 50, 1L << 40, 100_000_001, Long.MAX_VALUE, -1}) {
            byte[] bytes = file("{" + tensor("a", "F32", "[1]", 0, 4) + "}", 4);
            ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(length);
            assertThat(Memory.refusal(bytes)).isNotEmpty();
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]}} x   | expected the end",
                "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,8]}}     | expected begin <= end"
                        + " <= 4",
                "{'a':{'dtype':'F32','shape':[1],'data_offsets':[4,0]}}     | expected begin <="
                        + " end",
                "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,4]}}     | 8 bytes",
                "{'a':{'dtype':'F16','shape':[1],'data_offsets':[0,4]}}     | span 4",
                "{'a':{'dtype':'F16','shape':[1],'data_offsets':[2,4]}}     | overlap or leave a"
                        + " gap",
                "{'a':{'dtype':'F16','shape':[1],'data_offsets':[0,2]}}     | after its last"
                        + " tensor",
                "{'a':{'dtype':'F8_E4M3','shape':[4],'data_offsets':[0,4]}} | 'F8_E4M3', expected"
                        + " F64",
                "{'a':{'dtype':'F32','shape':[-1],'data_offsets':[0,4]}}    | needs whole numbers",
                "{'a':{'dtype':'F32','shape':[1.0],'data_offsets':[0,4]}}   | expected ']'",
                "{'a':{'dtype':'F32','shape':[01],'data_offsets':[0,4]}}    | leading zero",
                "{'a':{'dtype':'F32','shape':[9999999999999999999],'data_offsets':[0,4]}} | 18"
                        + " digits",
                "{'a':{'dtype':'F32','shape':[999999999999,999999999999],'data_offsets':[0,4]}} |"
                        + " 2^63",
                "{'a':{'dtype':'F64','shape':[2000000000000000000],'data_offsets':[0,4]}}| 18"
                        + " digits",
                "{'a':{'dtype':'F32','shape':[[1]],'data_offsets':[0,4]}}   | found '['",
                "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4,5]}}   | more than 2 numbers",
                "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0]}}       | [0], expected begin",
                "{'a':{'dtype':'F32','shape':[1]}}                          | needs the fields",
                "{'a':{}}                                                   | in quotes",
                "{'a':{'dtype':'F32','dtype':'F32'}}                        | dtype twice",
                "{'a':{'kind':'F32'}}                                       | unknown field 'kind'",
                "{'a':[1]}                                                  | expected '{'",
                "{'a\\u000a':1,'a\\n':1}                                    | expected '{'",
                "{'__metadata__':{'a':1}}                                   | in quotes",
                "{'__metadata__':{'a':'1','a':'2'}}                         | comes twice",
                "{'__metadata__':{},'__metadata__':{}}                      | comes twice",
                "{'\\ud800':1}                                              | surrogate",
                "{'\\x':1}                                                  | unknown escape",
                "{'\\u00g0':1}                                              | hexadecimal",
                "{'a                                                        | cut off",
                "{                                                          | 1 bytes, expected 2"
                        + " to",
            })
    void badHeadersAreRefusedWithTheirPlace(String header, String expected) {
        assertThat(Memory.refusal(file(header.replace('\'', '"'), 4))).contains(expected);
    }

    @Test
    void theSameNameTwiceIsRefused() {
        String header =
                "{" + tensor("a", "F32", "[1]", 0, 4) + "," + tensor("a", "F32", "[1]", 4, 8) + "}";
        assertThat(Memory.refusal(file(header, 8))).contains("'a' comes twice");
    }

    @Test
    void overlappingTensorsAreRefused() {
        String header =
                "{" + tensor("a", "F32", "[2]", 0, 8) + "," + tensor("b", "F32", "[1]", 4, 8) + "}";
        assertThat(Memory.refusal(file(header, 8))).contains("'b'", "overlap");
    }

    @Test
    void deepNestingIsRefusedAtItsFirstBracket() {
        String header = "{\"a\":" + "[".repeat(1_000_000);
        assertThat(Memory.refusal(file(header, 4))).contains("expected '{'");
    }

    @Test
    void tooManyTensorsAreRefused() {
        StringBuilder header = new StringBuilder("{");
        for (int i = 0; i <= FileBytes.MAX_TENSORS; i++) {
            header.append(i == 0 ? "" : ",").append(tensor("t" + i, "F32", "[0]", 0, 0));
        }
        assertThat(Memory.refusal(file(header.append('}').toString(), 0)))
                .contains("more than " + FileBytes.MAX_TENSORS);
    }

    @Test
    void textThatIsNotUtf8IsRefused() {
        byte[] bytes = file("{\"??\":1}", 4);
        bytes[10] = (byte) 0xc0;
        bytes[11] = (byte) 0x80;
        assertThat(Memory.refusal(bytes)).contains("not valid UTF-8");
    }
}
