package dev.anser.checkpoint;

import dev.anser.tensor.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Reads the table of a `.safetensors` file: eight bytes with the header's length, the header in
/// JSON, the data.
///
/// As strict as the reference implementation: tensors fill the data without gaps or overlaps, no
/// name comes twice, and nothing unknown is skipped.
final class SafetensorsTable {
    static final String METADATA = "__metadata__";

    /// The reference implementation's limit.
    static final int MAX_HEADER_BYTES = 100_000_000;

    private SafetensorsTable() {}

    /// Whether the file can be meant as safetensors: the header would begin with a brace, and has a
    /// plausible length.
    static boolean matches(FileBytes file) {
        return file.size() >= 9
                && file.u8(8, "the header") == '{'
                && file.i64(0, "the header length") >>> 48 == 0;
    }

    static FileCheckpoint.Table read(FileBytes file) {
        long length = file.i64(0, "the header length");
        if (length < 2 || length > MAX_HEADER_BYTES) {
            throw file.error(
                    "the header length is "
                            + length
                            + " bytes, expected 2 to "
                            + MAX_HEADER_BYTES
                            + "; the file is damaged or not safetensors");
        }
        file.check(8, length, "the header");
        FileCheckpoint.Table table = new FileCheckpoint.Table("safetensors");
        JsonReader json = new JsonReader(file, 8, 8 + length, "header");
        Set<String> names = new HashSet<>();
        List<StoredTensor> tensors = new ArrayList<>();
        json.expect('{');
        if (!json.accept('}')) {
            do {
                String name = json.string(FileBytes.MAX_NAME_BYTES, "a tensor name");
                if (!names.add(name)) {
                    throw json.error("the name " + FileBytes.quote(name) + " comes twice");
                }
                json.expect(':');
                if (name.equals(METADATA)) {
                    readMetadata(json, table);
                } else {
                    StoredTensor tensor = readTensor(file, json, name, 8 + length);
                    table.add(file, tensor);
                    tensors.add(tensor);
                }
            } while (json.accept(','));
            json.expect('}');
        }
        json.expectEnd();
        checkLayout(file, tensors, 8 + length);
        return table;
    }

    private static void readMetadata(JsonReader json, FileCheckpoint.Table table) {
        json.expect('{');
        if (json.accept('}')) {
            return;
        }
        do {
            String key = json.string(FileBytes.MAX_NAME_BYTES, "a metadata name");
            json.expect(':');
            String value = json.string(FileBytes.MAX_METADATA_BYTES, "a metadata text");
            if (table.metadata().putIfAbsent(key, value) != null) {
                throw json.error("the metadata name " + FileBytes.quote(key) + " comes twice");
            }
            if (table.metadata().size() > FileBytes.MAX_TENSORS) {
                throw json.error("more than " + FileBytes.MAX_TENSORS + " metadata entries");
            }
        } while (json.accept(','));
        json.expect('}');
    }

    private static StoredTensor readTensor(
            FileBytes file, JsonReader json, String name, long dataStart) {
        @Nullable String dtype = null;
        long @Nullable [] shape = null;
        long @Nullable [] offsets = null;
        String tensor = "tensor " + FileBytes.quote(name);
        json.expect('{');
        do {
            String field = json.string(64, "a field of " + tensor);
            json.expect(':');
            boolean first;
            switch (field) {
                case "dtype" -> {
                    first = dtype == null;
                    dtype = json.string(64, "the dtype of " + tensor);
                }
                case "shape" -> {
                    first = shape == null;
                    shape = json.counts(StoredTensor.MAX_RANK, "the shape of " + tensor);
                }
                case "data_offsets" -> {
                    first = offsets == null;
                    offsets = json.counts(2, "the data_offsets of " + tensor);
                }
                default ->
                        throw json.error(
                                tensor
                                        + " has an unknown field "
                                        + FileBytes.quote(field)
                                        + ", expected dtype, shape and data_offsets");
            }
            if (!first) {
                throw json.error(tensor + " has the field " + field + " twice");
            }
        } while (json.accept(','));
        json.expect('}');
        if (dtype == null || shape == null || offsets == null) {
            throw json.error(tensor + " needs the fields dtype, shape and data_offsets");
        }
        long dataBytes = file.size() - dataStart;
        if (offsets.length != 2 || offsets[0] > offsets[1] || offsets[1] > dataBytes) {
            throw file.error(
                    tensor
                            + " has data_offsets "
                            + Arrays.toString(offsets)
                            + ", expected begin <= end <= "
                            + dataBytes
                            + " (the end of the data); the file is truncated or damaged");
        }
        StoredTensor stored =
                StoredTensor.rowMajor(
                        file,
                        name,
                        dtype(file, tensor, dtype),
                        shape,
                        dataStart + offsets[0],
                        dataStart + offsets[1]);
        if (stored.bytes() != offsets[1] - offsets[0]) {
            throw file.error(
                    tensor
                            + " ("
                            + dtype
                            + " "
                            + Arrays.toString(shape)
                            + ") takes "
                            + stored.bytes()
                            + " bytes, but its data_offsets span "
                            + (offsets[1] - offsets[0]));
        }
        return stored;
    }

    private static void checkLayout(FileBytes file, List<StoredTensor> tensors, long dataStart) {
        tensors.sort(
                Comparator.comparingLong(StoredTensor::offset)
                        .thenComparingLong(StoredTensor::bytes));
        long end = dataStart;
        for (StoredTensor tensor : tensors) {
            if (tensor.offset() != end) {
                throw file.error(
                        "tensor "
                                + FileBytes.quote(tensor.entry().name())
                                + " begins at byte "
                                + (tensor.offset() - dataStart)
                                + " of the data, expected "
                                + (end - dataStart)
                                + ": tensors overlap or leave a gap");
            }
            end += tensor.bytes();
        }
        if (end != file.size()) {
            throw file.error(
                    "has "
                            + (file.size() - end)
                            + " bytes after its last tensor, expected none; the file is damaged");
        }
    }

    private static DType dtype(FileBytes file, String tensor, String name) {
        return switch (name) {
            case "F64" -> DType.F64;
            case "F32" -> DType.F32;
            case "F16" -> DType.F16;
            case "BF16" -> DType.BF16;
            case "I64" -> DType.I64;
            case "I32" -> DType.I32;
            case "I16" -> DType.I16;
            case "I8" -> DType.I8;
            case "U8" -> DType.U8;
            case "BOOL" -> DType.BOOL;
            default ->
                    throw file.error(
                            tensor
                                    + " has the dtype "
                                    + FileBytes.quote(name)
                                    + ", expected F64, F32, F16, BF16, I64, I32, I16, I8, U8 or"
                                    + " BOOL");
        };
    }
}
