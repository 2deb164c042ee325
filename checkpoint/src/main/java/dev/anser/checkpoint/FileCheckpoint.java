package dev.anser.checkpoint;

import dev.anser.tensor.DType;
import dev.anser.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;
import java.util.SequencedSet;

/// A checkpoint over the bytes of one file; what every reader here returns. Safe for many threads.
final class FileCheckpoint implements Checkpoint {
    /// What copies of tensors that are not row-major may take beyond 16 times the file: an expanded
    /// tensor of a few bytes may claim any shape.
    private static final long COPY_FLOOR_BYTES = 64L << 20;

    private final FileBytes file;
    private final String format;
    private final Arena arena;
    private final SequencedMap<String, StoredTensor> table;
    private final SequencedMap<String, String> metadata;
    private final SequencedMap<String, Object> values;
    private final Configuration configuration;
    private final Map<String, Tensor> opened = new HashMap<>();
    private boolean closed;

    /// @param arena closed with this checkpoint; what is copied is allocated in it
    FileCheckpoint(FileBytes file, Arena arena, Table table, Configuration configuration) {
        this.file = file;
        this.format = table.format();
        this.arena = arena;
        this.table = table.tensors();
        this.metadata = Collections.unmodifiableSequencedMap(table.metadata());
        this.values = Collections.unmodifiableSequencedMap(table.values());
        this.configuration = configuration;
        checkCopies();
    }

    /// What a reader found in a file.
    record Table(
            String format,
            SequencedMap<String, StoredTensor> tensors,
            SequencedMap<String, String> metadata,
            SequencedMap<String, Object> values) {
        Table(String format) {
            this(format, new LinkedHashMap<>(), new LinkedHashMap<>(), new LinkedHashMap<>());
        }

        /// Adds a tensor; its name must be new, and there must be room.
        void add(FileBytes file, StoredTensor tensor) {
            String name = tensor.entry().name();
            if (tensors.size() >= FileBytes.MAX_TENSORS) {
                throw file.error("has more than " + FileBytes.MAX_TENSORS + " tensors");
            }
            if (tensors.putIfAbsent(name, tensor) != null) {
                throw file.error("has two tensors named " + FileBytes.quote(name));
            }
        }
    }

    @Override
    public String source() {
        return file.source();
    }

    @Override
    public String format() {
        return format;
    }

    @Override
    public SequencedSet<String> names() {
        return Collections.unmodifiableSequencedSet(table.sequencedKeySet());
    }

    @Override
    public Entry entry(String name) {
        return stored(name).entry();
    }

    @Override
    public synchronized Tensor tensor(String name) {
        StoredTensor stored = stored(name);
        if (closed) {
            throw file.error("is closed; read its tensors before closing it");
        }
        Tensor tensor = opened.get(name);
        if (tensor == null) {
            tensor = stored.rowMajor() ? view(stored) : copy(stored);
            opened.put(name, tensor);
        }
        return tensor;
    }

    @Override
    public Map<String, String> metadata() {
        return metadata;
    }

    @Override
    public Map<String, Object> values() {
        return values;
    }

    @Override
    public Map<String, Object> configuration() {
        return configuration.values();
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            opened.clear();
            arena.close();
        }
    }

    @Override
    public String toString() {
        return source() + " (" + format + ", " + table.size() + " tensors)";
    }

    private StoredTensor stored(String name) {
        StoredTensor stored = table.get(name);
        if (stored == null) {
            throw file.error("has no tensor named " + FileBytes.quote(name));
        }
        return stored;
    }

    private void checkCopies() {
        long limit = 16 * file.size() + COPY_FLOOR_BYTES;
        long total = 0;
        for (StoredTensor stored : table.values()) {
            if (!stored.rowMajor()) {
                long bytes = stored.bytes();
                if (bytes > limit - total) {
                    throw file.error(
                            "tensor "
                                    + FileBytes.quote(stored.entry().name())
                                    + " "
                                    + stored.entry().shape()
                                    + " repeats its storage: with it, copies would take more than "
                                    + limit
                                    + " bytes; save it with contiguous()");
                }
                total += bytes;
            }
        }
    }

    private Tensor view(StoredTensor stored) {
        MemorySegment bytes = file.segment().asSlice(stored.offset(), stored.bytes());
        return new Tensor(bytes, stored.entry().dtype(), stored.entry().shape());
    }

    private Tensor copy(StoredTensor stored) {
        DType dtype = stored.entry().dtype();
        long[] sizes = stored.entry().shape().sizes();
        Tensor copy = Tensor.allocate(arena, dtype, sizes);
        MemorySegment source = file.segment();
        MemorySegment target = copy.segment();
        int width = dtype.blockBytes();
        int inner = sizes.length - 1;
        long innerSize = sizes[inner];
        long innerStep = stored.strides()[inner] * width;
        long[] index = new long[sizes.length];
        long from = stored.offset();
        long to = 0;
        while (to < target.byteSize()) {
            if (innerStep == width) {
                MemorySegment.copy(source, from, target, to, innerSize * width);
                to += innerSize * width;
            } else {
                for (long i = 0; i < innerSize; i++) {
                    MemorySegment.copy(source, from + i * innerStep, target, to, width);
                    to += width;
                }
            }
            for (int axis = inner - 1; axis >= 0; axis--) {
                from += stored.strides()[axis] * width;
                if (++index[axis] < sizes[axis]) {
                    break;
                }
                index[axis] = 0;
                from -= stored.strides()[axis] * width * sizes[axis];
            }
        }
        return copy;
    }
}
