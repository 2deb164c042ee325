package dev.anser.cli;

import dev.anser.tensor.Backend;
import dev.anser.tensor.Backends;
import dev.anser.tensor.DType;
import dev.anser.tensor.EagerOps;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/// Measures how fast this machine reads memory that is far larger than its caches: the limit for
/// decoding, which reads every weight once per token.
final class ReadBandwidth implements AutoCloseable {
    private static final long BYTES = 1L << 30;
    private static final int PART_BYTES = 1 << 22;
    private static final int ROWS = 64;
    private static final int REPETITIONS = 7;

    private final Arena arena = Arena.ofShared();
    private final Tensor[] parts;
    private final Backend reader;

    /// Allocates the memory to read: 1 GiB, or a quarter of what is free when that is less.
    ReadBandwidth() {
        long bytes = BYTES;
        Optional<Long> available = Machine.availableMemory();
        if (available.isPresent()) {
            bytes = Math.clamp(available.get() / 4, PART_BYTES, BYTES);
        }
        MemorySegment memory = arena.allocate(bytes / PART_BYTES * PART_BYTES, 4096);
        parts = new Tensor[(int) (bytes / PART_BYTES)];
        Shape shape = Shape.of(ROWS, PART_BYTES / 4 / ROWS);
        for (int i = 0; i < parts.length; i++) {
            parts[i] =
                    new Tensor(memory.asSlice((long) i * PART_BYTES, PART_BYTES), DType.F32, shape);
        }
        // Whatever computes otherwise: only the widest loads can ask for all that the memory gives.
        reader =
                Backends.all().stream()
                        .filter(backend -> backend.name().equals("vector"))
                        .filter(backend -> backend.unavailable().isEmpty())
                        .findFirst()
                        .orElseGet(() -> Backends.named("scalar"));
    }

    /// The best of several readings by the team, in GB/s.
    double gigabytesPerSecond(Threads team) {
        EagerOps[] readers = new EagerOps[team.count()];
        try {
            for (int i = 0; i < readers.length; i++) {
                readers[i] = reader.newOps(team);
            }
            double best = 0;
            for (int i = 0; i < REPETITIONS; i++) {
                long start = System.nanoTime();
                team.run(
                        (part, worker) -> readers[worker].firstNonFiniteRow(parts[part]),
                        parts.length);
                double nanos = System.nanoTime() - start;
                best = Math.max(best, parts.length * (double) PART_BYTES / nanos);
            }
            return best;
        } finally {
            for (EagerOps ops : readers) {
                if (ops != null) {
                    ops.close();
                }
            }
        }
    }

    @Override
    public void close() {
        arena.close();
    }
}
