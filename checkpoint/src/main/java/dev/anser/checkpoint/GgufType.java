package dev.anser.checkpoint;

/// The types of GGUF's metadata.
enum GgufType {
    U8(0, 1),
    I8(1, 1),
    U16(2, 2),
    I16(3, 2),
    U32(4, 4),
    I32(5, 4),
    F32(6, 4),
    BOOL(7, 1),
    TEXT(8, 0),
    ARRAY(9, 0),
    U64(10, 8),
    I64(11, 8),
    F64(12, 8);

    private final int number;
    private final int bytes;

    GgufType(int number, int bytes) {
        this.number = number;
        this.bytes = bytes;
    }

    /// What a file calls it.
    int number() {
        return number;
    }

    /// The bytes of one value; 0 for those that say it themselves.
    int bytes() {
        return bytes;
    }

    static GgufType of(FileBytes file, long offset, String what) {
        int number = file.i32(offset, what);
        for (GgufType type : values()) {
            if (type.number == number) {
                return type;
            }
        }
        throw file.error(
                what
                        + " has the unknown type "
                        + Integer.toUnsignedString(number)
                        + ", expected "
                        + U8.number
                        + " to "
                        + F64.number);
    }

    /// The value at `offset`, not an array: a `Long`, `Double`, `Boolean` or `String`. Whole
    /// numbers beyond the signed 64 bits are rounded to `Double`.
    Object read(FileBytes file, long offset, String what) {
        return switch (this) {
            case U8 -> (long) file.u8(offset, what);
            case I8 -> (long) (byte) file.u8(offset, what);
            case U16 -> (long) file.u16(offset, what);
            case I16 -> (long) (short) file.u16(offset, what);
            case U32 -> file.u32(offset, what);
            case I32 -> (long) file.i32(offset, what);
            case F32 -> (double) Float.intBitsToFloat(file.i32(offset, what));
            case BOOL -> bool(file, offset, what);
            case TEXT -> file.utf8(offset + 8, textBytes(file, offset, what), what);
            case U64 -> unsigned(file.i64(offset, what));
            case I64 -> file.i64(offset, what);
            case F64 -> Double.longBitsToDouble(file.i64(offset, what));
            case ARRAY -> throw new IllegalStateException("an array is not one value");
        };
    }

    /// The length of the text at `offset`, which lies inside the file.
    static int textBytes(FileBytes file, long offset, String what) {
        long length = file.i64(offset, what);
        if (length < 0 || length > FileBytes.MAX_METADATA_BYTES) {
            throw file.error(
                    what
                            + " at offset "
                            + offset
                            + " is a text of "
                            + Long.toUnsignedString(length)
                            + " bytes, at most "
                            + FileBytes.MAX_METADATA_BYTES
                            + " are read; the file is damaged");
        }
        file.check(offset + 8, length, what);
        return (int) length;
    }

    private static Object unsigned(long bits) {
        return bits >= 0 ? (Object) bits : (Object) ((bits >>> 1) * 2.0);
    }

    private static Object bool(FileBytes file, long offset, String what) {
        int value = file.u8(offset, what);
        if (value > 1) {
            throw file.error(what + " is a truth value of " + value + ", expected 0 or 1");
        }
        return value == 1;
    }
}
