package dev.anser.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/// Numbers in native memory: a segment, how they are stored, and a shape. Always row-major and
/// without gaps.
///
/// A tensor borrows its memory. Whoever allocated the segment (a checkpoint, a workspace, a state)
/// says when it ends; a tensor must not be used after that. Kernels work on the raw address, so
/// this rule is not checked for them.
///
/// The last axis of a quantised tensor is a whole number of blocks.
///
/// The matrix view of a tensor has `columns()` = the last axis and `rows()` = the product of the
/// others.
public final class Tensor {
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final MemorySegment segment;
    private final DType dtype;
    private final Shape shape;
    private final long address;
    private final long rows;
    private final long columns;
    // Views along the first axis, made once: the decoding loop must not allocate.
    private Tensor @Nullable [] parts;

    /// Wraps `segment`, which must be native and hold exactly the bytes of `shape`.
    ///
    /// @throws ShapeException when the segment's size is another
    public Tensor(MemorySegment segment, DType dtype, Shape shape) {
        long bytes = dtype.bytes(shape.elements());
        if (segment.byteSize() != bytes) {
            throw new ShapeException(
                    "a tensor "
                            + dtype
                            + " "
                            + shape
                            + " takes "
                            + bytes
                            + " bytes, not "
                            + segment.byteSize());
        }
        if (!segment.isNative()) {
            throw new ShapeException(
                    "a tensor needs native memory, not a segment on the Java heap");
        }
        if (dtype.quantised()
                && (shape.rank() == 0 || shape.size(-1) % dtype.blockElements() != 0)) {
            throw new ShapeException(
                    "the last axis of a tensor "
                            + dtype
                            + " "
                            + shape
                            + " is no whole number of blocks of "
                            + dtype.blockElements());
        }
        this.segment = segment;
        this.dtype = dtype;
        this.shape = shape;
        this.address = segment.address();
        this.columns = shape.rank() == 0 ? 1 : shape.size(-1);
        this.rows = columns == 0 ? 0 : shape.elements() / columns;
    }

    /// A new zeroed tensor in `arena`, aligned to a cache line.
    public static Tensor allocate(Arena arena, DType dtype, long... sizes) {
        Shape shape = Shape.of(sizes);
        return new Tensor(arena.allocate(dtype.bytes(shape.elements()), 64), dtype, shape);
    }

    /// A new F32 tensor in `arena` with these values.
    public static Tensor of(Arena arena, float[] values, long... sizes) {
        Tensor tensor = allocate(arena, DType.F32, sizes);
        tensor.set(values);
        return tensor;
    }

    /// The memory, borrowed.
    public MemorySegment segment() {
        return segment;
    }

    /// How the numbers are stored.
    public DType dtype() {
        return dtype;
    }

    /// The sizes of the axes.
    public Shape shape() {
        return shape;
    }

    /// The address of the first element.
    public long address() {
        return address;
    }

    /// Number of elements.
    public long elements() {
        return shape.elements();
    }

    /// Number of bytes.
    public long bytes() {
        return segment.byteSize();
    }

    /// Rows of the matrix view.
    public int rows() {
        return Math.toIntExact(rows);
    }

    /// Columns of the matrix view.
    public int columns() {
        return Math.toIntExact(columns);
    }

    /// The same memory under another shape of as many elements.
    public Tensor reshape(long... sizes) {
        return new Tensor(segment, dtype, Shape.of(sizes));
    }

    /// Part `index` along the first axis, sharing the memory: of `(6, T, C)`, the `index`-th `(T,
    /// C)`. Made once and kept. Not for concurrent first use.
    public Tensor part(int index) {
        if (parts == null) {
            parts = new Tensor[Math.toIntExact(shape.size(0))];
        }
        Tensor part = parts[index];
        if (part == null) {
            long[] sizes = shape.sizes();
            long[] rest = new long[sizes.length - 1];
            System.arraycopy(sizes, 1, rest, 0, rest.length);
            Shape partShape = Shape.of(rest);
            long bytes = dtype.bytes(partShape.elements());
            part = new Tensor(segment.asSlice(index * bytes, bytes), dtype, partShape);
            parts[index] = part;
        }
        return part;
    }

    /// How many parts there are when someone has asked for one, else 0.
    int knownParts() {
        return parts == null ? 0 : parts.length;
    }

    /// Element `index` of the flattened tensor as a float; for computable types.
    public float get(long index) {
        return switch (dtype) {
            case F32 -> segment.get(FLOAT, index * 4);
            case F16 -> Float.float16ToFloat(segment.get(SHORT, index * 2));
            case BF16 -> Float.intBitsToFloat(segment.get(SHORT, index * 2) << 16);
            default -> Memory.getQuantised(dtype, segment, 0, index);
        };
    }

    /// Sets element `index` of the flattened tensor, rounding to nearest even; for F32, F16 and
    /// BF16.
    public void set(long index, float value) {
        switch (dtype) {
            case F32 -> segment.set(FLOAT, index * 4, value);
            case F16 -> segment.set(SHORT, index * 2, Float.floatToFloat16(value));
            case BF16 -> segment.set(SHORT, index * 2, floatToBfloat16(value));
            default ->
                    throw new ShapeException(
                            "elements of "
                                    + dtype
                                    + " cannot be set one by one; expected F32, F16 or BF16");
        }
    }

    /// Copies `values`, as many as there are elements, into this tensor.
    public void set(float[] values) {
        if (values.length != elements()) {
            throw new ShapeException(
                    "a tensor " + shape + " has " + elements() + " elements, not " + values.length);
        }
        if (dtype == DType.F32) {
            MemorySegment.copy(values, 0, segment, FLOAT, 0, values.length);
        } else {
            for (int i = 0; i < values.length; i++) {
                set(i, values[i]);
            }
        }
    }

    /// A copy of all elements as floats.
    public float[] toFloats() {
        float[] values = new float[Math.toIntExact(elements())];
        toFloats(0, values);
        return values;
    }

    /// Copies the elements of the flattened tensor from `from` on into `values`, as floats.
    public void toFloats(long from, float[] values) {
        switch (dtype) {
            case F32 -> MemorySegment.copy(segment, FLOAT, 4 * from, values, 0, values.length);
            case F16, BF16 -> {
                short[] halves = new short[values.length];
                MemorySegment.copy(segment, SHORT, 2 * from, halves, 0, halves.length);
                boolean brain = dtype == DType.BF16;
                for (int i = 0; i < values.length; i++) {
                    values[i] =
                            brain
                                    ? Float.intBitsToFloat(halves[i] << 16)
                                    : Float.float16ToFloat(halves[i]);
                }
            }
            default -> {
                for (int i = 0; i < values.length; i++) {
                    values[i] = get(from + i);
                }
            }
        }
    }

    /// Copies all elements of `source`, which has the same type and as many elements.
    public void copyFrom(Tensor source) {
        if (source.dtype != dtype || source.elements() != elements()) {
            throw new ShapeException("cannot copy " + source + " into " + this);
        }
        MemorySegment.copy(source.segment, 0, segment, 0, segment.byteSize());
    }

    /// Sets every byte to zero.
    public void clear() {
        segment.fill((byte) 0);
    }

    /// Sets every element to `value`.
    public void fill(float value) {
        for (long i = 0; i < shape.elements(); i++) {
            set(i, value);
        }
    }

    /// Rounds to the nearest bfloat16, ties to even; NaN stays NaN.
    public static short floatToBfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            return (short) ((bits >>> 16) | 0x40);
        }
        return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
    }

    /// Prints type and shape, as `F32 [3, 768]`.
    @Override
    public String toString() {
        return dtype + " " + shape;
    }
}
