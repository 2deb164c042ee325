package dev.anser.checkpoint;

import dev.anser.tensor.DType;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// Reads the table of a GGUF file, versions 2 and 3.
///
/// Layout, all little-endian: the magic, uint32 version, uint64 number of tensors, uint64 number of
/// metadata values; the values, each a name, a type and what that type says; the tensors, each a
/// name, its axes (fastest first), a type and an offset into the data; the data, aligned. Texts are
/// a uint64 length and UTF-8. Tensors keep their names, and get their axes reversed into row-major
/// order.
final class GgufTable {
    /// Where each tensor begins, unless the file says otherwise.
    static final int DEFAULT_ALIGNMENT = 32;

    static final String ALIGNMENT = "general.alignment";
    static final int MAX_AXES = 4;

    private static final int MAGIC = 0x46554747;
    private static final int HEADER_BYTES = 24;
    private static final int MAX_ALIGNMENT = 1 << 21;
    private static final int MAX_VALUES = 100_000;
    private static final int MAX_ITEMS = 1 << 24;
    private static final int MIN_VALUE_BYTES = 14;
    private static final int MIN_TENSOR_BYTES = 25;
    private static final long MAX_TEXT_BYTES_SUM = 32L << 20;

    private record Found(String name, DType dtype, long[] sizes, long offset) {}

    private final FileBytes file;
    private final FileCheckpoint.Table table = new FileCheckpoint.Table("gguf");
    private long position = HEADER_BYTES;
    private long textBytes;

    private GgufTable(FileBytes file) {
        this.file = file;
    }

    static boolean matches(FileBytes file) {
        return file.size() >= 4 && file.i32(0, "the magic number") == MAGIC;
    }

    static FileCheckpoint.Table read(FileBytes file) {
        return new GgufTable(file).read();
    }

    private FileCheckpoint.Table read() {
        file.check(0, HEADER_BYTES, "the header");
        int version = file.i32(4, "the version");
        if (version != 2 && version != 3) {
            throw file.error(
                    version != 0 && (version & 0xffff) == 0
                            ? "is a big-endian GGUF file, expected little-endian; convert it with"
                                    + " llama.cpp's gguf_convert_endian.py"
                            : "is GGUF version "
                                    + Integer.toUnsignedString(version)
                                    + ", expected 2 or 3; convert the model again");
        }
        int tensors = count(8, FileBytes.MAX_TENSORS, MIN_TENSOR_BYTES, "tensors");
        int values = count(16, MAX_VALUES, MIN_VALUE_BYTES, "metadata values");
        for (int i = 0; i < values; i++) {
            readValue();
        }
        checkWhole();
        long alignment = alignment();
        List<Found> found = new ArrayList<>();
        for (int i = 0; i < tensors; i++) {
            found.add(readTensor(alignment));
        }
        place(found, align(position, alignment));
        return table;
    }

    private int count(long offset, int max, int leastBytes, String what) {
        long count = file.i64(offset, "the number of " + what);
        if (count < 0 || count > max || count > (file.size() - HEADER_BYTES) / leastBytes) {
            throw file.error(
                    "the header claims "
                            + Long.toUnsignedString(count)
                            + " "
                            + what
                            + " in a file of "
                            + file.size()
                            + " bytes (at most "
                            + max
                            + " are read); the file is truncated or damaged");
        }
        return (int) count;
    }

    private String name(String what) {
        long length = file.i64(position, what);
        if (length < 1 || length > FileBytes.MAX_NAME_BYTES) {
            throw file.error(
                    what
                            + " at offset "
                            + position
                            + " has "
                            + Long.toUnsignedString(length)
                            + " bytes, expected 1 to "
                            + FileBytes.MAX_NAME_BYTES);
        }
        String name = file.utf8(position + 8, (int) length, what);
        position += 8 + length;
        countText(length);
        return name;
    }

    private void countText(long bytes) {
        textBytes += bytes;
        if (textBytes > MAX_TEXT_BYTES_SUM) {
            throw file.error(
                    "has more than "
                            + MAX_TEXT_BYTES_SUM
                            + " bytes of names and texts outside arrays; the file is damaged");
        }
    }

    private void readValue() {
        String name = name("a metadata name");
        String what = "the value of " + FileBytes.quote(name);
        GgufType type = GgufType.of(file, position, what);
        position += 4;
        Object value;
        if (type == GgufType.ARRAY) {
            value = array(what);
        } else {
            if (type == GgufType.TEXT) {
                countText(GgufType.textBytes(file, position, what));
            }
            value = type.read(file, position, what);
            position += bytes(type, what);
            String text =
                    type == GgufType.F32 && value instanceof Double number
                            ? Float.toString(number.floatValue())
                            : value.toString();
            table.metadata().put(name, text);
        }
        if (table.values().putIfAbsent(name, value) != null) {
            throw file.error("has two metadata values named " + FileBytes.quote(name));
        }
    }

    private long bytes(GgufType type, String what) {
        return type == GgufType.TEXT ? 8 + GgufType.textBytes(file, position, what) : type.bytes();
    }

    private GgufArray array(String what) {
        GgufType type = GgufType.of(file, position, what);
        if (type == GgufType.ARRAY) {
            throw file.error(what + " is an array of arrays, which is not supported");
        }
        long count = file.i64(position + 4, what);
        position += 12;
        if (count < 0 || count > MAX_ITEMS) {
            throw file.error(
                    what
                            + " is an array of "
                            + Long.toUnsignedString(count)
                            + " values, at most "
                            + MAX_ITEMS
                            + " are read; the file is damaged");
        }
        GgufArray array = new GgufArray(file, what, type, position, (int) count);
        if (type == GgufType.TEXT) {
            for (long i = 0; i < count; i++) {
                position += bytes(type, what);
            }
        } else {
            file.check(position, count * type.bytes(), what);
            position += count * type.bytes();
        }
        return array;
    }

    private void checkWhole() {
        if (table.values().get("split.count") instanceof Long parts && parts > 1) {
            throw file.error(
                    "is one of "
                            + parts
                            + " parts of a model; join them with 'llama-gguf-split --merge'");
        }
    }

    private long alignment() {
        Object value = table.values().getOrDefault(ALIGNMENT, (long) DEFAULT_ALIGNMENT);
        if (!(value instanceof Long alignment)
                || alignment < 1
                || alignment > MAX_ALIGNMENT
                || Long.bitCount(alignment) != 1) {
            throw file.error(
                    ALIGNMENT
                            + " is "
                            + (value instanceof List ? "an array" : value)
                            + ", expected a power of two of at most "
                            + MAX_ALIGNMENT);
        }
        return alignment;
    }

    private Found readTensor(long alignment) {
        String name = name("a tensor name");
        String tensor = "tensor " + FileBytes.quote(name);
        long axes = file.u32(position, tensor);
        if (axes > MAX_AXES) {
            throw file.error(tensor + " has " + axes + " axes, expected at most " + MAX_AXES);
        }
        position += 4;
        long[] sizes = new long[(int) axes];
        for (int axis = sizes.length - 1; axis >= 0; axis--) {
            sizes[axis] = file.i64(position, tensor);
            position += 8;
        }
        DType dtype = GgmlType.dtype(file, name, file.i32(position, tensor));
        long offset = file.i64(position + 4, tensor);
        position += 12;
        if (offset < 0 || offset > file.size() || offset % alignment != 0) {
            throw file.error(
                    tensor
                            + " begins at byte "
                            + Long.toUnsignedString(offset)
                            + " of the data, expected a multiple of "
                            + alignment
                            + " inside the file");
        }
        return new Found(name, dtype, sizes, offset);
    }

    private void place(List<Found> found, long dataStart) {
        List<StoredTensor> tensors = new ArrayList<>();
        for (Found f : found) {
            StoredTensor stored =
                    StoredTensor.rowMajor(
                            file,
                            f.name(),
                            f.dtype(),
                            f.sizes(),
                            dataStart + f.offset(),
                            file.size());
            table.add(file, stored);
            tensors.add(stored);
        }
        tensors.sort(
                Comparator.comparingLong(StoredTensor::offset)
                        .thenComparingLong(StoredTensor::bytes));
        long free = dataStart;
        for (StoredTensor tensor : tensors) {
            if (tensor.offset() < free) {
                throw file.error(
                        "tensor "
                                + FileBytes.quote(tensor.entry().name())
                                + " at offset "
                                + tensor.offset()
                                + " overlaps the one before it");
            }
            free = tensor.offset() + tensor.bytes();
        }
    }

    /// The first multiple of `alignment`, a power of two, from `position` on.
    static long align(long position, long alignment) {
        return position + alignment - 1 & -alignment;
    }
}
