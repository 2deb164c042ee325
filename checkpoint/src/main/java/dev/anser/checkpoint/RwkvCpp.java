package dev.anser.checkpoint;

import dev.anser.tensor.DType;

/// Reads the table of an rwkv.cpp `.bin` file, versions 100 and 101.
///
/// Layout, all little-endian: six int32 (magic, version, n_vocab, n_embed, n_layer, data type),
/// then tensors until the end of the file: int32 number of axes, int32 name length, int32 type, one
/// int32 per axis (fastest first), the name, the data without padding. Tensors are given as stored,
/// with their axes reversed into row-major order.
final class RwkvCpp {
    private static final int MAGIC = 0x67676d66;
    private static final int HEADER_BYTES = 24;
    private static final int MAX_AXES = 4;

    private RwkvCpp() {}

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
        table.metadata().put("data_type", dtype(file, file.i32(20, "the data type"), 20).name());
        long offset = HEADER_BYTES;
        while (offset < file.size()) {
            offset = readTensor(file, table, offset);
        }
        return table;
    }

    private static long readTensor(FileBytes file, FileCheckpoint.Table table, long start) {
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
        DType dtype = dtype(file, file.i32(start + 8, what), start + 8);
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

    private static DType dtype(FileBytes file, int code, long offset) {
        return switch (code) {
            case 0 -> DType.F32;
            case 1 -> DType.F16;
            case 2, 3, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 ->
                    throw file.error(
                            "type "
                                    + quantised(code)
                                    + " is not supported yet, expected F32 or F16; use the"
                                    + " unquantised file");
            default ->
                    throw file.error(
                            "unknown data type "
                                    + code
                                    + " at offset "
                                    + offset
                                    + ", expected 0 (F32) or 1 (F16)");
        };
    }

    private static String quantised(int code) {
        return switch (code) {
            case 2 -> "Q4_0";
            case 3 -> "Q4_1";
            case 7 -> "Q5_0";
            case 8 -> "Q5_1";
            case 9 -> "Q8_0";
            case 10 -> "Q8_1";
            case 11 -> "Q2_K";
            case 12 -> "Q3_K";
            case 13 -> "Q4_K";
            case 14 -> "Q5_K";
            case 15 -> "Q6_K";
            default -> "Q8_K";
        };
    }
}
