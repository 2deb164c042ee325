package dev.anser.checkpoint;

import dev.anser.tensor.DType;
import java.util.List;

/// Reads the table of an rwkv.cpp `.bin` file, versions 100 and 101.
///
/// Layout, all little-endian: six int32 (magic, version, n_vocab, n_embed, n_layer, data type),
/// then tensors until the end of the file: int32 number of axes, int32 name length, int32 type, one
/// int32 per axis (fastest first), the name, the data without padding. Tensors are given as stored,
/// with their axes reversed into row-major order.
final class RwkvCppTable {
    static final int MAGIC = 0x67676d66;
    static final int MAX_AXES = 4;

    private static final int HEADER_BYTES = 24;
    // In the order of their numbers.
    private static final List<String> TYPES =
            List.of(
                    "F32", "F16", "Q4_0", "Q4_1", "Q4_1_O", "Q4_2", "Q4_3", "Q5_0", "Q5_1", "Q8_0",
                    "Q8_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "Q8_K");
    private static final List<String> UNUSED = List.of("Q4_1_O", "Q4_2", "Q4_3", "Q8_1", "Q8_K");

    private RwkvCppTable() {}

    static boolean matches(FileBytes file) {
        return file.size() >= 4 && file.i32(0, "the magic number") == MAGIC;
    }

    static FileCheckpoint.Table read(FileBytes file) {
        file.check(0, HEADER_BYTES, "the header");
        int version = file.i32(4, "the version");
        if (version != 100 && version != 101) {
            throw file.error("is rwkv.cpp version " + version + ", expected 100 or 101");
        }
        FileCheckpoint.Table table = new FileCheckpoint.Table("rwkv.cpp");
        table.metadata().put("version", Integer.toString(version));
        String[] fields = {"n_vocab", "n_embed", "n_layer"};
        for (int i = 0; i < fields.length; i++) {
            int value = file.i32(8 + 4L * i, fields[i]);
            if (value <= 0) {
                throw file.error(
                        "header field " + fields[i] + " is " + value + ", expected at least 1");
            }
            table.metadata().put(fields[i], Integer.toString(value));
        }
        table.metadata().put("data_type", dtype(file, version, 20).name());
        long offset = HEADER_BYTES;
        while (offset < file.size()) {
            offset = readTensor(file, table, version, offset);
        }
        return table;
    }

    private static long readTensor(
            FileBytes file, FileCheckpoint.Table table, int version, long start) {
        String what = "the tensor header at offset " + start;
        int axes = file.i32(start, what);
        int nameBytes = file.i32(start + 4, what);
        if (axes < 1 || axes > MAX_AXES) {
            throw file.error(what + " has " + axes + " axes, expected 1 to " + MAX_AXES);
        }
        if (nameBytes < 1 || nameBytes > FileBytes.MAX_NAME_BYTES) {
            throw file.error(
                    what
                            + " has a name of "
                            + nameBytes
                            + " bytes, expected 1 to "
                            + FileBytes.MAX_NAME_BYTES);
        }
        DType dtype = dtype(file, version, start + 8);
        long[] sizes = new long[axes];
        long offset = start + 12;
        for (int i = axes - 1; i >= 0; i--) {
            sizes[i] = file.i32(offset, what);
            offset += 4;
        }
        String name = file.utf8(offset, nameBytes, "a tensor name");
        offset += nameBytes;
        StoredTensor tensor = StoredTensor.rowMajor(file, name, dtype, sizes, offset, file.size());
        table.add(file, tensor);
        return offset + tensor.bytes();
    }

    private static DType dtype(FileBytes file, int version, long offset) {
        int number = file.i32(offset, "a data type");
        if (number < 0 || number >= TYPES.size()) {
            throw file.error(
                    "unknown data type "
                            + number
                            + " at offset "
                            + offset
                            + ", expected "
                            + String.join(", ", known()));
        }
        String name = TYPES.get(number);
        if (UNUSED.contains(name)) {
            throw file.error(
                    "type "
                            + name
                            + " at offset "
                            + offset
                            + " is not supported, expected "
                            + String.join(", ", known())
                            + "; quantise the original model again");
        }
        DType dtype = DType.valueOf(name);
        if (dtype.quantised() && version == 100) {
            throw file.error(
                    "type "
                            + name
                            + " at offset "
                            + offset
                            + " has another layout in version 100; quantise the original model"
                            + " again to get version 101");
        }
        return dtype;
    }

    /// The names of the types that are read and written.
    static List<String> known() {
        return TYPES.stream().filter(name -> !UNUSED.contains(name)).toList();
    }

    /// The number of a type, -1 when the format has none for it.
    static int number(DType dtype) {
        return TYPES.indexOf(dtype.name());
    }
}
