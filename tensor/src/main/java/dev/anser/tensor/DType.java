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
    BOOL(1, 1),
    /// 32 weights of 4 bits and an F16 scale.
    Q4_0(32, 18),
    /// 32 weights of 4 bits, an F16 scale and an F16 minimum.
    Q4_1(32, 20),
    /// 32 weights of 5 bits and an F16 scale.
    Q5_0(32, 22),
    /// 32 weights of 5 bits, an F16 scale and an F16 minimum.
    Q5_1(32, 24),
    /// 32 weights of 8 bits and an F16 scale.
    Q8_0(32, 34),
    /// 256 weights of 2 bits in 16 groups with scales and minima of 4 bits.
    Q2_K(256, 84),
    /// 256 weights of 3 bits in 16 groups with scales of 6 bits.
    Q3_K(256, 110),
    /// 256 weights of 4 bits in 8 groups with scales and minima of 6 bits.
    Q4_K(256, 144),
    /// 256 weights of 5 bits in 8 groups with scales and minima of 6 bits.
    Q5_K(256, 176),
    /// 256 weights of 6 bits in 16 groups with scales of 8 bits.
    Q6_K(256, 210),
    /// 32 weights of 4 bits, indices into 16 fixed values, and an F16 scale.
    IQ4_NL(32, 18);

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

    /// Whether elements are floating-point numbers that each stand alone: F32, F16 or BF16.
    public boolean floating() {
        return this == F32 || this == F16 || this == BF16;
    }

    /// Whether elements share scales with their neighbours.
    public boolean quantised() {
        return blockElements > 1;
    }

    /// Whether the kernels compute with weights of this type as they are: the floating and the
    /// quantised ones.
    public boolean computable() {
        return floating() || quantised();
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
