package dev.anser.checkpoint;

import java.util.AbstractList;
import java.util.Objects;
import java.util.RandomAccess;
import org.jspecify.annotations.Nullable;

/// An array of GGUF's metadata, each value read from the mapped file when it is asked for. Safe for
/// many threads; ends with its checkpoint.
final class GgufArray extends AbstractList<Object> implements RandomAccess {
    private final FileBytes file;
    private final String what;
    private final GgufType type;
    private final long start;
    private final int size;
    // Where each text begins, found at the first question: most readers never ask.
    private volatile long @Nullable [] offsets;

    /// @param start where the first value stands; all values have been checked to lie inside the
    ///   file
    GgufArray(FileBytes file, String what, GgufType type, long start, int size) {
        this.file = file;
        this.what = what;
        this.type = type;
        this.start = start;
        this.size = size;
    }

    @Override
    public Object get(int index) {
        Objects.checkIndex(index, size);
        long offset = start + (long) index * type.bytes();
        if (type == GgufType.TEXT) {
            long[] known = offsets;
            if (known == null) {
                known = findTexts();
                offsets = known;
            }
            offset = known[index];
        }
        return type.read(file, offset, what);
    }

    @Override
    public int size() {
        return size;
    }

    private long[] findTexts() {
        long[] found = new long[size];
        long offset = start;
        for (int i = 0; i < size; i++) {
            found[i] = offset;
            offset += 8 + GgufType.textBytes(file, offset, what);
        }
        return found;
    }
}
