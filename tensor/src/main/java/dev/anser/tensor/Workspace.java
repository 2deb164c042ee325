package dev.anser.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// The temporaries of one pass: a bump allocator whose memory is all freed at once.
///
/// Passes repeat: decoding asks for the same tensors in the same order at every token. So the
/// workspace remembers the tensors it handed out, and hands out the same objects as long as the
/// requests are the same: a steady loop allocates nothing, neither here nor on the Java heap.
///
/// F32 only. The content of a new tensor is undefined. For one thread.
final class Workspace implements AutoCloseable {
    private static final long ALIGNMENT = 64;
    private static final long FIRST_BLOCK = 1 << 20;

    private record Block(MemorySegment memory, long start) {
        long end() {
            return start + memory.byteSize();
        }
    }

    private record Entry(Tensor tensor, long start, long end) {}

    private final Arena arena = Arena.ofShared();
    private final List<Block> blocks = new ArrayList<>();
    private final List<Entry> entries = new ArrayList<>();
    private int next;
    private long position;

    /// Starts a new pass: all tensors handed out become free.
    void begin() {
        next = 0;
        position = 0;
    }

    /// Where the next tensor will be; [#release(long)] frees everything after it.
    long mark() {
        return position;
    }

    /// Frees every tensor handed out since `mark` was taken.
    void release(long mark) {
        position = mark;
    }

    /// Whether `tensor` lies in this memory.
    boolean holds(Tensor tensor) {
        for (Block block : blocks) {
            long start = block.memory().address();
            if (tensor.address() >= start && tensor.address() < start + block.memory().byteSize()) {
                return true;
            }
        }
        return false;
    }

    /// A tensor (rows, columns).
    Tensor allocate(int rows, int columns) {
        return allocate(0, rows, columns);
    }

    /// A tensor (parts, rows, columns), or (rows, columns) when `parts` is 0.
    Tensor allocate(int parts, int rows, int columns) {
        if (next < entries.size()) {
            Entry entry = entries.get(next);
            if (entry.start() == position && fits(entry, parts, rows, columns)) {
                next++;
                position = entry.end();
                return entry.tensor();
            }
            // Another kind of pass: what was remembered from here on is of no use.
            entries.subList(next, entries.size()).clear();
        }
        Shape shape = parts == 0 ? Shape.of(rows, columns) : Shape.of(parts, rows, columns);
        long bytes = DType.F32.bytes(shape.elements());
        long start = position;
        MemorySegment memory = reserve(bytes);
        Entry entry = new Entry(new Tensor(memory, DType.F32, shape), start, position);
        entries.add(entry);
        next++;
        return entry.tensor();
    }

    private boolean fits(Entry entry, int parts, int rows, int columns) {
        Shape shape = entry.tensor().shape();
        boolean sameShape =
                parts == 0
                        ? shape.rank() == 2 && shape.size(0) == rows && shape.size(1) == columns
                        : shape.rank() == 3
                                && shape.size(0) == parts
                                && shape.size(1) == rows
                                && shape.size(2) == columns;
        return sameShape;
    }

    private MemorySegment reserve(long bytes) {
        long size = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        for (Block block : blocks) {
            long start = Math.max(position, block.start());
            if (start + size <= block.end()) {
                position = start + size;
                return block.memory().asSlice(start - block.start(), bytes);
            }
        }
        Block last = blocks.isEmpty() ? null : blocks.getLast();
        long start = last == null ? 0 : last.end();
        long blockSize =
                Math.max(
                        size,
                        last == null
                                ? FIRST_BLOCK
                                : Math.min(last.memory().byteSize() * 2, 1L << 28));
        Block block = new Block(arena.allocate(blockSize, ALIGNMENT), start);
        blocks.add(block);
        position = start + size;
        return block.memory().asSlice(0, bytes);
    }

    @Override
    public void close() {
        arena.close();
    }
}
