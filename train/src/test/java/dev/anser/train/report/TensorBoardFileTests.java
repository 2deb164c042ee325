package dev.anser.train.report;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anser.train.TrainingObserver;
import dev.anser.train.TrainingObserver.Evaluation;
import dev.anser.train.TrainingObserver.Run;
import dev.anser.train.TrainingObserver.Step;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TensorBoardFileTests {
    private static final InstantSource CLOCK = () -> Instant.ofEpochSecond(1_700_000_000);

    @TempDir private Path folder;

    @Test
    void theFirstRecordHasTheBytesOfTensorFlow() throws IOException {
        try (TrainingObserver events = new TensorBoardFile(folder, CLOCK)) {
            events.started(run(0));
        }
        // The length 24, its checksum, then wall time and version, and their checksum.
        assertThat(Files.readAllBytes(only()))
                .startsWith(
                        hex(
                                "1800000000000000 a37f4b22 09 00000040fc54d941"
                                        + " 1a 0d 627261696e2e4576656e743a32 eced8f9d"));
    }

    @Test
    void anEvaluationHasTheseBytes() throws IOException {
        try (TrainingObserver events = new TensorBoardFile(folder, CLOCK)) {
            events.started(run(0));
            events.evaluated(new Evaluation(300, 1.5, 2.25, 7));
        }
        assertThat(Files.readAllBytes(only()))
                .endsWith(
                        hex(
                                "4700000000000000 bac3fb9b 09 00000040fc54d941 10ac02 2a39"
                                        + " 0a16 0a0f 76616c69646174696f6e2f6c6f7373"
                                        + " 15 0000c03f"
                                        + " 0a1f 0a18"
                                        + " 76616c69646174696f6e2f626974735f7065725f62797465"
                                        + " 15 00001040 5d38ba61"));
    }

    @Test
    void aReaderOfRecordsFindsEveryValue() throws IOException {
        int steps = 1021;
        try (TrainingObserver events = new TensorBoardFile(folder)) {
            events.started(run(0));
            for (int i = 1; i <= steps; i++) {
                events.stepped(new Step(i, i, 1.0 / i, 2, i == 7 ? Double.NaN : 3, 4, 5, 6));
            }
            events.sampled(steps, "Once", " upon".repeat(30_000));
            events.finished("done");
        }
        List<String> found = new ArrayList<>();
        for (ByteBuffer event : records(only())) {
            describe(event, "", found);
        }
        assertThat(found)
                .contains("3:brain.Event:2")
                .contains("5.1.1:run", "5.1.1:sample", "5.1.9.1.1:text")
                .contains("5.1.8.8:    version: 1\n    parameters: 99\n    seed: 1");
        assertThat(found.stream().filter("5.1.1:train/loss"::equals)).hasSize(steps);
        assertThat(found)
                .containsSequence(
                        "2:7",
                        "5.1.1:train/loss",
                        "5.1.2:" + (float) (1.0 / 7),
                        "5.1.1:train/learning_rate",
                        "5.1.2:2.0",
                        "5.1.1:train/gradient_norm",
                        "5.1.2:NaN",
                        "5.1.1:train/tokens_per_second",
                        "5.1.2:4.0",
                        "5.1.1:train/gigaflops_per_second",
                        "5.1.2:5.0");
        assertThat(found.getLast()).isEqualTo("5.1.9.4:2");
    }

    @Test
    void aResumedRunTellsFromWhichStep() throws IOException {
        for (long first : new long[] {0, 200}) {
            try (TrainingObserver events = new TensorBoardFile(folder, CLOCK)) {
                events.started(run(first));
            }
        }
        List<String> found = new ArrayList<>();
        for (ByteBuffer event : records(folder.resolve("events.out.tfevents.1700000000.anser.1"))) {
            describe(event, "", found);
        }
        assertThat(found).containsSequence("3:brain.Event:2", "1:1.7E9", "2:201", "7.1:1");
    }

    private static Run run(long firstStep) {
        return new Run("small", Map.of("seed", "1"), 99, firstStep, 10, 64, "1");
    }

    private Path only() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.reduce(
                            (_, b) -> {
                                throw new AssertionError("a second file, " + b);
                            })
                    .orElseThrow();
        }
    }

    private static byte[] hex(String digits) {
        return HexFormat.of().parseHex(digits.replace(" ", ""));
    }

    private static List<ByteBuffer> records(Path file) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        List<ByteBuffer> records = new ArrayList<>();
        while (bytes.hasRemaining()) {
            int start = bytes.position();
            int length = Math.toIntExact(bytes.getLong());
            assertThat(bytes.getInt()).isEqualTo(masked(bytes.slice(start, 8)));
            ByteBuffer data = bytes.slice(bytes.position(), length).order(ByteOrder.LITTLE_ENDIAN);
            bytes.position(bytes.position() + length);
            assertThat(bytes.getInt()).isEqualTo(masked(data.duplicate()));
            records.add(data);
        }
        return records;
    }

    private static int masked(ByteBuffer bytes) {
        CRC32C checksum = new CRC32C();
        checksum.update(bytes);
        long crc = checksum.getValue();
        return (int) (((crc >>> 15) | (crc << 17)) + 0xa282ead8L);
    }

    /// Adds `field.field…:value` for each value of a message.
    private static void describe(ByteBuffer message, String path, List<String> found) {
        while (message.hasRemaining()) {
            long key = variable(message);
            String field = path + (key >>> 3);
            switch ((int) (key & 7)) {
                case 0 -> found.add(field + ":" + variable(message));
                case 1 -> found.add(field + ":" + message.getDouble());
                case 5 -> found.add(field + ":" + message.getFloat());
                case 2 -> {
                    int length = Math.toIntExact(variable(message));
                    ByteBuffer value =
                            message.slice(message.position(), length)
                                    .order(ByteOrder.LITTLE_ENDIAN);
                    message.position(message.position() + length);
                    if (List.of("5", "5.1", "5.1.8", "5.1.9", "5.1.9.1", "7").contains(field)) {
                        describe(value, field + ".", found);
                    } else {
                        found.add(field + ":" + StandardCharsets.UTF_8.decode(value));
                    }
                }
                default -> throw new AssertionError("wire type of key " + key);
            }
        }
    }

    private static long variable(ByteBuffer message) {
        long value = 0;
        for (int shift = 0; ; shift += 7) {
            byte next = message.get();
            value |= (next & 0x7FL) << shift;
            if (next >= 0) {
                return value;
            }
        }
    }
}
