package dev.anser.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anser.tensor.DType;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RwkvCppTests {
    private static final RwkvCpp.Header HEADER = new RwkvCpp.Header(256, 64, 2, DType.Q5_1);

    @TempDir Path folder;

    static Stream<Path> models() {
        return Goldens.sharedFiles("data/rwkv/rwkv.cpp-tests", ".bin")
                .filter(path -> path.getFileName().toString().startsWith("tiny"));
    }

    @ParameterizedTest
    @MethodSource("models")
    void everyModelIsWrittenAgainByteForByte(Path file) throws IOException {
        Path copy = folder.resolve("copy.bin");
        try (Checkpoint read = Checkpoints.open(file)) {
            DType type = DType.valueOf(header(read, "data_type"));
            assertThat(file.getFileName().toString().replace("FP", "F")).contains(type.name());
            RwkvCpp.write(
                    copy,
                    read.names().stream().map(read::entry).toList(),
                    new RwkvCpp.Header(
                            Integer.parseInt(header(read, "n_vocab")),
                            Integer.parseInt(header(read, "n_embed")),
                            Integer.parseInt(header(read, "n_layer")),
                            type),
                    entry -> read.tensor(entry.name()));
        }
        byte[] expected = Files.readAllBytes(file);
        expected[4] = 101;
        assertThat(Files.readAllBytes(copy)).isEqualTo(expected);
    }

    private static String header(Checkpoint checkpoint, String field) {
        return Objects.requireNonNull(checkpoint.metadata().get(field));
    }

    @Test
    void whatIsWrittenReadsBack() {
        Path path = folder.resolve("out.bin");
        List<Checkpoint.Entry> entries = new ArrayList<>();
        for (DType dtype : DType.values()) {
            if (RwkvCppTable.number(dtype) >= 0) {
                entries.add(new Checkpoint.Entry("w." + dtype, dtype, Shape.of(2, 256)));
            }
        }
        assertThat(entries).hasSize(12);
        entries.add(new Checkpoint.Entry("v", DType.F32, Shape.of(3)));
        try (Arena arena = Arena.ofConfined()) {
            RwkvCpp.write(path, entries, HEADER, entry -> made(arena, entry));
            try (Checkpoint read = Checkpoints.open(path)) {
                assertThat(read.metadata())
                        .containsEntry("version", "101")
                        .containsEntry("n_vocab", "256")
                        .containsEntry("n_embed", "64")
                        .containsEntry("n_layer", "2")
                        .containsEntry("data_type", "Q5_1");
                assertThat(read.names().stream().map(read::entry).toList()).isEqualTo(entries);
                for (Checkpoint.Entry entry : entries) {
                    assertThat(
                                    read.tensor(entry.name())
                                            .segment()
                                            .mismatch(made(arena, entry).segment()))
                            .isEqualTo(-1);
                }
            }
        }
    }

    private static Tensor made(Arena arena, Checkpoint.Entry entry) {
        Tensor tensor = Tensor.allocate(arena, entry.dtype(), entry.shape().sizes());
        tensor.segment().fill((byte) entry.dtype().blockBytes());
        return tensor;
    }

    private String refusal(RwkvCpp.Header header, DType dtype, long... sizes) {
        Path path = folder.resolve("out.bin");
        var entries = List.of(new Checkpoint.Entry("w", dtype, Shape.of(sizes)));
        String message =
                Refusal.of(() ->
                        RwkvCpp.write(
                                path,
                                entries,
                                header,
                                _ -> {
                                    throw new AssertionError();
                                }));
        assertThat(path).doesNotExist();
        return message;
    }

    @Test
    void whatTheFormatCannotHoldIsNotWritten() {
        assertThat(refusal(HEADER, DType.BF16, 2)).contains("no type for BF16", "F16, Q4_0");
        assertThat(refusal(HEADER, DType.F32)).contains("'w' has 0 axes");
        assertThat(refusal(HEADER, DType.F32, 1, 1, 1, 1, 1)).contains("'w' has 5 axes");
        assertThat(refusal(HEADER, DType.Q8_0, 2, 16)).contains("multiple of 32");
        assertThat(refusal(HEADER, DType.F32, 1L << 31)).contains("too long for the format");
        assertThat(refusal(new RwkvCpp.Header(0, 1, 1, DType.F32), DType.F32, 1))
                .contains("at least 1");
    }
}
