package dev.anser.checkpoint;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/// Writes GGUF files field by field, honest and hostile ones.
final class GgufBytes {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    GgufBytes(int version, long tensors, long values) {
        out.writeBytes("GGUF".getBytes(StandardCharsets.US_ASCII));
        i32(version).i64(tensors).i64(values);
    }

    /// Two values, an array of texts and two F32 tensors `a` [2] and `b` [2, 1], 32 bytes apart.
    static GgufBytes honest() {
        return new GgufBytes(3, 2, 2)
                .text("k")
                .i32(4)
                .i32(7)
                .text("l")
                .i32(9)
                .i32(8)
                .i64(2)
                .text("x")
                .text("yz")
                .tensor("a", 0, 0, 2)
                .tensor("b", 0, 32, 1, 2)
                .data(40);
    }

    GgufBytes i32(int value) {
        for (int i = 0; i < 4; i++) {
            out.write(value >>> 8 * i);
        }
        return this;
    }

    GgufBytes i64(long value) {
        return i32((int) value).i32((int) (value >>> 32));
    }

    GgufBytes text(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
        i64(bytes.length);
        out.writeBytes(bytes);
        return this;
    }

    /// A tensor of a ggml type with its axes fastest first.
    GgufBytes tensor(String name, int type, long offset, long... axes) {
        text(name).i32(axes.length);
        for (long axis : axes) {
            i64(axis);
        }
        return i32(type).i64(offset);
    }

    /// Zeros up to the next multiple of 32, then `bytes` more.
    GgufBytes data(int bytes) {
        while (out.size() % 32 != 0) {
            out.write(0);
        }
        out.writeBytes(new byte[bytes]);
        return this;
    }

    byte[] toBytes() {
        return out.toByteArray();
    }
}
