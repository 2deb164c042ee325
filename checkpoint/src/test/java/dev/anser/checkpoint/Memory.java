package dev.anser.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Objects;

/// Opens files that tests make in memory, and reads everything in them.
final class Memory {
    private Memory() {}

    /// Opens `file` under the name `made.bin` and reads every tensor in it.
    static void readAll(byte[] file) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(Math.max(1, file.length)).asSlice(0, file.length);
            MemorySegment.copy(MemorySegment.ofArray(file), 0, bytes, 0, file.length);
            try (Checkpoint checkpoint = Checkpoints.open(bytes, "made.bin")) {
                for (String name : checkpoint.names()) {
                    touch(checkpoint.tensor(name).segment());
                }
                assertThat(checkpoint.metadata()).isNotNull();
                for (Object value : checkpoint.values().values()) {
                    if (value instanceof List<?> list) {
                        assertThat(list.stream().filter(Objects::nonNull).count())
                                .isEqualTo(list.size());
                    }
                }
            }
        }
    }

    /// The one line that `file` is refused with; it names the file.
    static String refusal(byte[] file) {
        String message = Refusal.of(() -> readAll(file));
        assertThat(message).startsWith("made.bin: ");
        return message;
    }

    private static void touch(MemorySegment bytes) {
        if (bytes.byteSize() > 0) {
            bytes.get(ValueLayout.JAVA_BYTE, 0);
            bytes.get(ValueLayout.JAVA_BYTE, bytes.byteSize() - 1);
        }
    }
}
