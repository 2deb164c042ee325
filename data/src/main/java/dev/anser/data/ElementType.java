package dev.anser.data;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// How a `.bin` stores one token, little-endian.
public enum ElementType {
    /// 0 to 255.
    UINT8(1, 1),
    /// 0 to 127; negative numbers are no tokens.
    INT8(2, 1),
    /// 0 to 32767; negative numbers are no tokens.
    INT16(3, 2),
    /// 0 to 2147483647; negative numbers are no tokens.
    INT32(4, 4),
    /// As [#INT32], in eight bytes.
    INT64(5, 8),
    /// 0 to 65535: what RWKV's own files have.
    UINT16(8, 2);

    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final int code;
    private final int bytes;

    ElementType(int code, int bytes) {
        this.code = code;
        this.bytes = bytes;
    }

    /// The number that stands for it in an `.idx`.
    public int code() {
        return code;
    }

    /// Bytes of one token.
    public int bytes() {
        return bytes;
    }

    /// The number at `index`; not a token when it is negative or above [Integer#MAX_VALUE].
    long at(MemorySegment data, long index) {
        return switch (this) {
            case UINT8 -> data.get(ValueLayout.JAVA_BYTE, index) & 0xff;
            case INT8 -> data.get(ValueLayout.JAVA_BYTE, index);
            case INT16 -> data.get(SHORT, index * 2);
            case UINT16 -> data.get(SHORT, index * 2) & 0xffff;
            case INT32 -> data.get(INT, index * 4);
            case INT64 -> data.get(LONG, index * 8);
        };
    }
}
