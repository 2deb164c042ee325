package dev.anser.train.report;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/// The bytes of one Protocol Buffers message, field by field.
///
/// A field is a key (its number and a wire type, as a variable-length integer) and its value:
/// <https://protobuf.dev/programming-guides/encoding/>.
final class ProtobufMessage {
    private static final int VARIABLE = 0;
    private static final int EIGHT_BYTES = 1;
    private static final int BYTES = 2;
    private static final int FOUR_BYTES = 5;

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    ProtobufMessage integer(int field, long value) {
        variable(((long) field << 3) | VARIABLE);
        variable(value);
        return this;
    }

    ProtobufMessage number(int field, double value) {
        variable(((long) field << 3) | EIGHT_BYTES);
        littleEndian(Double.doubleToLongBits(value), 8);
        return this;
    }

    ProtobufMessage number(int field, float value) {
        variable(((long) field << 3) | FOUR_BYTES);
        littleEndian(Float.floatToIntBits(value), 4);
        return this;
    }

    ProtobufMessage text(int field, String value) {
        return bytes(field, value.getBytes(StandardCharsets.UTF_8));
    }

    ProtobufMessage message(int field, ProtobufMessage value) {
        return bytes(field, value.toByteArray());
    }

    private ProtobufMessage bytes(int field, byte[] value) {
        variable(((long) field << 3) | BYTES);
        variable(value.length);
        bytes.write(value, 0, value.length);
        return this;
    }

    /// Seven bits a byte, the lowest first; the high bit says that more follow.
    private void variable(long value) {
        long rest = value;
        while ((rest & ~0x7FL) != 0) {
            bytes.write((int) (rest & 0x7F | 0x80));
            rest >>>= 7;
        }
        bytes.write((int) rest);
    }

    private void littleEndian(long value, int count) {
        for (int i = 0; i < count; i++) {
            bytes.write((int) (value >>> (8 * i)));
        }
    }

    byte[] toByteArray() {
        return bytes.toByteArray();
    }
}
