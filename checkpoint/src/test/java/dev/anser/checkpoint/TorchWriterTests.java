package dev.anser.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anser.base.WholeFile;
import dev.anser.tensor.DType;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TorchWriterTests {
    @TempDir Path folder;

    private static List<Checkpoint.Entry> everyType() {
        List<Checkpoint.Entry> entries = new ArrayList<>();
        for (DType dtype : DType.values()) {
            if (!dtype.quantised()) {
                entries.add(new Checkpoint.Entry("权重." + dtype, dtype, Shape.of(2, 300)));
            }
        }
        entries.add(new Checkpoint.Entry("scalar", DType.F32, Shape.of()));
        entries.add(new Checkpoint.Entry("empty", DType.BF16, Shape.of(0, 4)));
        entries.add(new Checkpoint.Entry("long", DType.F16, Shape.of(1, 1, 70_000)));
        return entries;
    }

    private static Tensor made(Arena arena, Checkpoint.Entry entry) {
        Tensor tensor = Tensor.allocate(arena, entry.dtype(), entry.shape().sizes());
        tensor.segment().fill((byte) (entry.dtype() == DType.BOOL ? 1 : 3));
        return tensor;
    }

    @Test
    void whatIsWrittenReadsBackInOrderAndAligned() throws IOException {
        Path path = folder.resolve("out.pth");
        List<Checkpoint.Entry> entries = everyType();
        try (Arena arena = Arena.ofConfined()) {
            Torch.write(path, entries, entry -> made(arena, entry));
            try (Checkpoint read = Checkpoints.open(path)) {
                assertThat(read.format()).isEqualTo("pth");
                assertThat(read.names().stream().map(read::entry).toList()).isEqualTo(entries);
                for (Checkpoint.Entry entry : entries) {
                    Tensor tensor = read.tensor(entry.name());
                    assertThat(tensor.address() % 64).isZero();
                    assertThat(tensor.segment().mismatch(made(arena, entry).segment()))
                            .isEqualTo(-1);
                }
            }
            Path again = folder.resolve("another name.pth");
            Torch.write(again, entries, entry -> made(arena, entry));
            assertThat(Files.mismatch(path, again)).isEqualTo(-1);
        }
    }

    @Test
    void theRecordsAreThoseOfTorchAndTheirSumsHold() throws IOException {
        Path path = folder.resolve("out.pth");
        try (Arena arena = Arena.ofConfined()) {
            Torch.write(path, everyType(), entry -> made(arena, entry));
        }
        List<String> names = new ArrayList<>();
        try (ZipFile zip = new ZipFile(path.toFile())) {
            for (ZipEntry entry : zip.stream().toList()) {
                names.add(entry.getName().replaceFirst("^archive/", ""));
                assertThat(entry.getMethod()).isEqualTo(ZipEntry.STORED);
                // Reading to the end compares the checksum.
                assertThat(zip.getInputStream(entry).readAllBytes()).hasSize((int) entry.getSize());
            }
        }
        MemorySegment golden = MemorySegment.ofArray(Goldens.bytes("formats/torture.pth"));
        List<String> official =
                ZipDirectory.read(new FileBytes("torture.pth", golden)).keySet().stream()
                        .map(name -> name.replaceFirst("^torture/", ""))
                        .filter(name -> !name.startsWith("."))
                        .filter(name -> !name.matches("data/(1[3-9]|20)"))
                        .toList();
        assertThat(names).isEqualTo(official);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 100, 300})
    void zip64FieldsReadBack(long wideFrom) throws IOException {
        Path path = folder.resolve("out.zip");
        WholeFile.write(
                path,
                channel -> {
                    ZipWriter zip = new ZipWriter(channel, wideFrom);
                    for (int i = 0; i < 5; i++) {
                        zip.add("a/" + i, MemorySegment.ofArray(new byte[50 * i]));
                    }
                    zip.finish();
                });
        MemorySegment bytes = MemorySegment.ofArray(Files.readAllBytes(path));
        SequencedMap<String, ZipDirectory.Item> items =
                ZipDirectory.read(new FileBytes("out.zip", bytes));
        try (ZipFile zip = new ZipFile(path.toFile())) {
            for (int i = 0; i < 5; i++) {
                ZipDirectory.Item item = Objects.requireNonNull(items.get("a/" + i));
                assertThat(item.size()).isEqualTo(50L * i);
                assertThat(item.offset() % 64).isZero();
                assertThat(zip.getInputStream(zip.getEntry("a/" + i)).readAllBytes())
                        .hasSize(50 * i);
            }
        }
    }

    @Test
    void quantisedTensorsAreNotWritten() {
        Path path = folder.resolve("out.pth");
        var entries = List.of(new Checkpoint.Entry("w", DType.Q8_0, Shape.of(32)));
        assertThat(
                        Refusal.of(() ->
                                Torch.write(
                                        path,
                                        entries,
                                        _ -> {
                                            throw new AssertionError();
                                        })))
                .contains("out.pth: cannot be written, tensor 'w' is Q8_0");
        assertThat(path).doesNotExist();
    }
}
