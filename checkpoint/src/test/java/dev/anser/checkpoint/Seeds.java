package dev.anser.checkpoint;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;

/// Small honest files, one list per reader, that fuzzing starts from.
final class Seeds {
    private static final long[] TWO = {2};
    private static final long[] ONE = {1};

    // The header, one F32 [2] named abcd, one F16 [2, 2] named ebcd.
    private static final int[] TWO_TENSORS = {
        0x67676d66,
        100,
        256,
        8,
        2,
        1,
        1,
        4,
        0,
        2,
        0x64636261,
        1,
        2,
        2,
        4,
        1,
        2,
        2,
        0x64636265,
        0x3c003c00,
        0x3c003c00,
    };

    private Seeds() {}

    static Stream<byte[]> safetensors() {
        return Stream.of(
                Goldens.bytes("formats/torture.safetensors"),
                SafetensorsTests.file("{}", 0),
                SafetensorsTests.file(
                        "{\"__metadata__\":{\"a\":\"\\u00e9\"},\"w\":{\"dtype\":\"F32\","
                                + "\"shape\":[1,2],\"data_offsets\":[0,8]}}  ",
                        8));
    }

    static Stream<byte[]> torchZip() {
        return Stream.of(
                Goldens.bytes("formats/torture.pth"),
                Goldens.bytes("formats/nested.pth"),
                zip(PickleBytes.ofTensor(15, 0, TWO, ONE)),
                ZipBytes.torch(PickleBytes.ofTensor(2, 0, TWO, ONE))
                        .add("any name/data/0", new byte[8])
                        .add("any name/byteorder", new byte[] {'l', 'i', 't', 't', 'l', 'e'})
                        .zip64()
                        .toBytes());
    }

    static Stream<byte[]> pickle() {
        byte[] nested =
                new PickleBytes()
                        .op("}(")
                        .text("state_dict")
                        .op("}q\u0000(")
                        .text("w")
                        .tensor("FloatStorage", "0", 15, 1, new long[] {3, 2}, new long[] {1, 4})
                        .text("half")
                        .tensor("HalfStorage", "4", 8, 0, TWO, ONE)
                        .op("u")
                        .text("epoch")
                        .op("K\u0003")
                        .text("flags")
                        .op("](\u0088NG12345678K\u0001K\u0002\u0086e")
                        .text("size")
                        .global("torch", "Size")
                        .op("K\u0001\u0085\u0085R")
                        .op("u")
                        .end();
        return Stream.of(
                nested,
                PickleBytes.ofTensor(15, 0, new long[] {3, 5}, new long[] {5, 1}),
                PickleBytes.ofTensor(15, 1, new long[] {3, 1}, new long[] {0, 1}),
                pickleOf("formats/torture.pth"),
                pickleOf("formats/torture-plain-dict-protocol4.pth"));
    }

    static Stream<byte[]> legacy() {
        return Stream.of(Goldens.bytes("formats/torture-legacy.pth"));
    }

    static Stream<byte[]> rwkvCpp() {
        return Stream.of(
                CheckpointsTests.rwkvCppWithTensor(), CheckpointsTests.rwkvCpp(TWO_TENSORS));
    }

    static Stream<byte[]> gguf() {
        return Stream.of(
                Goldens.bytes("formats/torture.gguf"),
                GgufBytes.honest().toBytes(),
                new GgufBytes(2, 1, 1)
                        .text("general.alignment")
                        .i32(4)
                        .i32(8)
                        .tensor("w", 8, 8, 32, 1)
                        .data(64)
                        .toBytes());
    }

    static Stream<byte[]> configuration() {
        return Stream.of(
                        """
                        {"model_type": "llama", "hidden_size": 64, "eps": 1e-05, "tie": false,
                         "none": null, "rope": {"factor": 8.0, "list": [1, -2.5, "\\u00e9", []]}}
                        """,
                        "{}",
                        "{\"a\":[[[Infinity]],{\"b\":{\"c\":true}}]}")
                .map(text -> text.getBytes(StandardCharsets.UTF_8));
    }

    static Stream<byte[]> index() {
        return Stream.of(
                        """
                        {"metadata": {"total_size": 12}, "weight_map":
                         {"a.weight": "model-1.safetensors", "b": "model-2.safetensors"}}
                        """,
                        "{\"weight_map\":{\"\":\"x\"}}")
                .map(text -> text.getBytes(StandardCharsets.UTF_8));
    }

    static Stream<byte[]> npy() {
        String header = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }   \n";
        return Stream.of(
                NpyTests.npy(1, header.formatted("<f4", "(2, 3)"), new byte[24]),
                NpyTests.npy(2, header.formatted("<i8", "(2,)"), new byte[16]),
                NpyTests.npy(3, header.formatted("|b1", "()"), new byte[1]));
    }

    /// A zip around `pickle` with enough storages for the pickles of the golden files.
    static byte[] zip(byte[] pickle) {
        ZipBytes zip = ZipBytes.torch(pickle);
        List<Integer> sizes =
                List.of(
                        60, 112, 192, 96, 16, 4, 0, 16, 24, 24, 24, 48, 20, 4, 2, 2, 3, 14, 12, 8,
                        8);
        for (int i = 0; i < sizes.size(); i++) {
            zip.add("any name/data/" + i, new byte[sizes.get(i)]);
        }
        return zip.toBytes();
    }

    private static byte[] pickleOf(String golden) {
        FileBytes zip = new FileBytes(golden, MemorySegment.ofArray(Goldens.bytes(golden)));
        ZipDirectory.Item item = ZipDirectory.read(zip).firstEntry().getValue();
        return zip.bytes(item.offset(), (int) item.size(), golden);
    }
}
