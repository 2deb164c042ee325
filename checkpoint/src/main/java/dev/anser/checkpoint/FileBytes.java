package dev.anser.checkpoint;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/// The bytes of one hostile file: every read is checked against its end, and every error names it.
///
/// @param source the name errors use
/// @param segment all bytes, native memory
record FileBytes(String source, MemorySegment segment) {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /// The most tensors that one file may hold; the largest known models have a few thousand.
    static final int MAX_TENSORS = 100_000;

    /// The longest name of a tensor, in bytes.
    static final int MAX_NAME_BYTES = 1024;

    /// The longest text kept as metadata, in bytes.
    static final int MAX_METADATA_BYTES = 1 << 20;

    long size() {
        return segment.byteSize();
    }

    ModelFormatException error(String what) {
        return new ModelFormatException(source + ": " + what);
    }

    ModelFormatException error(String what, Throwable cause) {
        return new ModelFormatException(source + ": " + what, cause);
    }

    /// Fails unless `length` bytes stand at `offset`.
    void check(long offset, long length, String what) {
        if (offset < 0 || length < 0 || offset > size() || length > size() - offset) {
            throw error(
                    what
                            + " needs "
                            + length
                            + " bytes at offset "
                            + offset
                            + ", but the file ends at "
                            + size()
                            + "; it is truncated or damaged");
        }
    }

    int u8(long offset, String what) {
        check(offset, 1, what);
        return segment.get(ValueLayout.JAVA_BYTE, offset) & 0xff;
    }

    int u16(long offset, String what) {
        check(offset, 2, what);
        return segment.get(SHORT, offset) & 0xffff;
    }

    int i32(long offset, String what) {
        check(offset, 4, what);
        return segment.get(INT, offset);
    }

    long u32(long offset, String what) {
        return i32(offset, what) & 0xffff_ffffL;
    }

    long i64(long offset, String what) {
        check(offset, 8, what);
        return segment.get(LONG, offset);
    }

    /// A copy of `length` bytes, a length that the caller has bounded.
    byte[] bytes(long offset, int length, String what) {
        check(offset, length, what);
        byte[] bytes = new byte[length];
        MemorySegment.copy(segment, ValueLayout.JAVA_BYTE, offset, bytes, 0, length);
        return bytes;
    }

    /// The `length` bytes as strict UTF-8.
    String utf8(long offset, int length, String what) {
        return utf8(bytes(offset, length, what), what + " at offset " + offset);
    }

    /// All of `bytes` as strict UTF-8.
    String utf8(byte[] bytes, String what) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            throw error(what + " is not valid UTF-8; the file is damaged", e);
        }
    }

    /// A name out of a file, for a one-line message: quoted, cut, without control characters.
    static String quote(String text) {
        StringBuilder quoted = new StringBuilder("'");
        int shown = Math.min(text.length(), 100);
        for (int i = 0; i < shown; i++) {
            char c = text.charAt(i);
            int type = Character.getType(c);
            boolean unprintable =
                    Character.isISOControl(c)
                            || type == Character.FORMAT
                            || type == Character.LINE_SEPARATOR
                            || type == Character.PARAGRAPH_SEPARATOR;
            quoted.append(unprintable ? String.format("\\u%04x", (int) c) : String.valueOf(c));
        }
        return quoted.append(shown < text.length() ? "…'" : "'").toString();
    }
}
