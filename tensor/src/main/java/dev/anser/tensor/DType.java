package dev.anser.tensor;

/// How the numbers of a tensor are stored, little-endian.
///
/// A type stores its elements in blocks: plain types have blocks of one element, quantised types
/// pack several elements with their scale.
public enum DType {
    /// IEEE 754 binary32.
    F32(1, 4),
    /// IEEE 754 binary16.
    F16(1, 2),
    /// The upper half of a binary32.
    BF16(1, 2),
    /// IEEE 754 binary64.
    F64(1, 8),
    /// Signed 64-bit integers.
    I64(1, 8),
    /// Signed 32-bit integers.
    I32(1, 4),
    /// Signed 16-bit integers.
    I16(1, 2),
    /// Signed 8-bit integers.
    I8(1, 1),
    /// Unsigned 8-bit integers.
    U8(1, 1),
    /// One byte, 0 or 1.
    BOOL(1, 1);

    private final int blockElements;
    private final int blockBytes;

    DType(int blockElements, int blockBytes) {
        this.blockElements = blockElements;
        this.blockBytes = blockBytes;
    }

    /// Elements in one block.
    public int blockElements() {
        return blockElements;
    }

    /// Bytes in one block.
    public int blockBytes() {
        return blockBytes;
    }

    /// Whether the kernels compute with weights of this type as they are.
    public boolean computable() {
        return this == F32 || this == F16 || this == BF16;
    }

    /// Bytes that `elements` elements take.
    ///
    /// @throws ShapeException when `elements` is not a whole number of blocks
    public long bytes(long elements) {
        if (elements % blockElements != 0) {
            throw new ShapeException(
                    elements
                            + " elements of "
                            + this
                            + " are not a whole number of blocks of "
                            + blockElements);
        }
        return Math.multiplyExact(elements / blockElements, (long) blockBytes);
    }
}
