package dev.anser.checkpoint;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/// Writes pickles opcode by opcode, honest and hostile ones.
final class PickleBytes {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    PickleBytes() {
        raw(0x80, 2);
    }

    PickleBytes raw(int... bytes) {
        for (int b : bytes) {
            out.write(b);
        }
        return this;
    }

    PickleBytes op(String opcodes) {
        out.writeBytes(opcodes.getBytes(StandardCharsets.ISO_8859_1));
        return this;
    }

    PickleBytes text(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return op("X").i32(bytes.length).bytes(bytes);
    }

    PickleBytes number(long value) {
        raw(0x8a, 8);
        for (int i = 0; i < 8; i++) {
            raw((int) (value >>> 8 * i) & 0xff);
        }
        return this;
    }

    PickleBytes global(String module, String name) {
        return op("c" + module + "\n" + name + "\n");
    }

    PickleBytes i32(int value) {
        return raw(value & 0xff, value >>> 8 & 0xff, value >>> 16 & 0xff, value >>> 24 & 0xff);
    }

    PickleBytes bytes(byte[] bytes) {
        out.writeBytes(bytes);
        return this;
    }

    PickleBytes numbers(long... values) {
        op("(");
        for (long value : values) {
            number(value);
        }
        return op("t");
    }

    PickleBytes storage(String type, String key, long elements) {
        return op("(").text("storage")
                .global("torch", type)
                .text(key)
                .text("cpu")
                .number(elements)
                .op("tQ");
    }

    /// A call of `_rebuild_tensor_v2`.
    PickleBytes tensor(
            String type, String key, long elements, long offset, long[] sizes, long[] strides) {
        return global("torch._utils", "_rebuild_tensor_v2")
                .op("(")
                .storage(type, key, elements)
                .number(offset)
                .numbers(sizes)
                .numbers(strides)
                .raw(0x89)
                .global("collections", "OrderedDict")
                .op(")RtR");
    }

    byte[] end() {
        return op(".").out.toByteArray();
    }

    /// The pickle of a dictionary with one float tensor `w` over storage `0`.
    static byte[] ofTensor(long elements, long offset, long[] sizes, long[] strides) {
        return new PickleBytes()
                .op("}(")
                .text("w")
                .tensor("FloatStorage", "0", elements, offset, sizes, strides)
                .op("u")
                .end();
    }
}
