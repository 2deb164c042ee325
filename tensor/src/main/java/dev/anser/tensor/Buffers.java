package dev.anser.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/// Native memory that is given back in any order and used again, the last given first: it is still
/// in the caches.
///
/// The content of a tensor taken is undefined. For one thread.
final class Buffers implements AutoCloseable {
    private static final long ALIGNMENT = 64;

    private final Arena arena = Arena.ofShared();
    private final NavigableMap<Long, Deque<MemorySegment>> free = new TreeMap<>();
    private final Map<Long, MemorySegment> taken = new HashMap<>();
    private long bytes;

    /// An F32 tensor of `shape`. A free buffer serves when it is at most twice as large.
    Tensor take(Shape shape) {
        long needed = DType.F32.bytes(shape.elements());
        long size = Math.max(1, (needed + ALIGNMENT - 1) / ALIGNMENT) * ALIGNMENT;
        Map.Entry<Long, Deque<MemorySegment>> fitting = free.ceilingEntry(size);
        MemorySegment buffer;
        if (fitting != null && fitting.getKey() <= 2 * size) {
            buffer = fitting.getValue().pop();
            if (fitting.getValue().isEmpty()) {
                free.remove(fitting.getKey());
            }
        } else {
            buffer = arena.allocate(size, ALIGNMENT);
            bytes += size;
        }
        taken.put(buffer.address(), buffer);
        return new Tensor(buffer.asSlice(0, needed), DType.F32, shape);
    }

    /// Takes back what [#take(Shape)] handed out.
    void giveBack(Tensor tensor) {
        MemorySegment buffer = taken.remove(tensor.address());
        if (buffer == null) {
            throw new IllegalStateException(tensor + " was not taken from here");
        }
        free.computeIfAbsent(buffer.byteSize(), _ -> new ArrayDeque<>()).push(buffer);
    }

    /// All memory, taken or free.
    long bytes() {
        return bytes;
    }

    @Override
    public void close() {
        arena.close();
    }
}
