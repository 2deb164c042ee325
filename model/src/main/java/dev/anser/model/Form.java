package dev.anser.model;

import dev.anser.checkpoint.ModelFormatException;
import dev.anser.tensor.DType;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;

/// How the shape or the numbers of a tensor differ between two layouts; the same both ways.
///
/// @param shape the shape on the other side
/// @param transposed whether the last two axes change places
/// @param numbers what each number becomes, or null when they stay
/// @param exact whether numbers that change still fit the type they had
/// @param rows for each row the one that it comes from, or null when they stay
public record Form(
        ShapeOf shape,
        boolean transposed,
        @Nullable DoubleUnaryOperator numbers,
        boolean exact,
        @Nullable IntUnaryOperator rows) {
    /// The shape that a tensor has on the other side.
    public interface ShapeOf {
        /// The other shape of a tensor of `shape`.
        Shape of(Shape shape);
    }

    /// The same on both sides.
    public static final Form SAME = new Form(shape -> shape, false, null, false, null);

    /// The last two axes change places.
    public static final Form TRANSPOSED = new Form(Form::transposed, true, null, false, null);

    /// Without the axes of one, as a vector.
    public static final Form VECTOR =
            new Form(shape -> Shape.of(shape.elements()), false, null, false, null);

    /// (C) or any other shape of as many, as (1, 1, C).
    public static final Form CHANNELS =
            new Form(shape -> Shape.of(1, 1, shape.elements()), false, null, false, null);

    /// As many numbers in this shape; 0 stands for what is left over.
    public static Form shaped(long... sizes) {
        return new Form(shape -> fill(shape.elements(), sizes), false, null, false, null);
    }

    /// The rows in another order: row i is what row `source(i)` was. Vectors are columns.
    public static Form rows(IntUnaryOperator source) {
        return new Form(shape -> shape, false, null, false, source);
    }

    /// This form, and each number changed.
    public Form with(DoubleUnaryOperator numbers) {
        return new Form(shape, transposed, numbers, false, rows);
    }

    /// Each number `exponent` times doubled.
    public static Form doubled(int exponent) {
        return new Form(shape -> shape, false, x -> Math.scalb(x, exponent), true, null);
    }

    private static Shape fill(long elements, long... sizes) {
        long known = Arrays.stream(sizes).filter(size -> size != 0).reduce(1, (a, b) -> a * b);
        long rest = known == 0 ? 0 : elements / known;
        return Shape.of(Arrays.stream(sizes).map(size -> size == 0 ? rest : size).toArray());
    }

    private static Shape transposed(Shape shape) {
        long[] sizes = shape.sizes();
        int last = sizes.length - 1;
        if (last >= 1) {
            long size = sizes[last];
            sizes[last] = sizes[last - 1];
            sizes[last - 1] = size;
        }
        return Shape.of(sizes);
    }

    /// Whether numbers are read and written one by one, which only those of weights can be.
    boolean movesNumbers() {
        return numbers != null || transposed;
    }

    /// The type of a tensor of type `type` on the other side: numbers that move or change do so one
    /// by one.
    DType type(DType type) {
        if (type.quantised()) {
            return movesNumbers() ? DType.F32 : type;
        }
        return numbers == null || exact ? type : DType.F32;
    }

    /// `tensor` on the other side: itself under another shape, or a copy in `arena`.
    Tensor apply(Tensor tensor, Arena arena) {
        Shape target = shape.of(tensor.shape());
        if (rows != null) {
            return reordered(tensor, rows, arena);
        }
        if (!movesNumbers()) {
            return target.equals(tensor.shape()) ? tensor : tensor.reshape(target.sizes());
        }
        Tensor copy = Tensor.allocate(arena, type(tensor.dtype()), target.sizes());
        float[] row = new float[tensor.columns()];
        int rows = tensor.shape().rank() < 2 ? 1 : Math.toIntExact(tensor.shape().size(-2));
        for (long r = 0; r < tensor.rows(); r++) {
            tensor.toFloats(r * row.length, row);
            long to = transposed ? (r - r % rows) * row.length + r % rows : r * row.length;
            int step = transposed ? rows : 1;
            for (int c = 0; c < row.length; c++, to += step) {
                copy.set(to, numbers == null ? row[c] : (float) numbers.applyAsDouble(row[c]));
            }
        }
        forget(tensor);
        return copy;
    }

    /// Gives back the memory of a file's pages that were read for a copy alone.
    private static void forget(Tensor tensor) {
        if (tensor.segment().isMapped()) {
            tensor.segment().unload();
        }
    }

    /// Rows are copied as they are stored, quantised ones too.
    private static Tensor reordered(Tensor tensor, IntUnaryOperator source, Arena arena) {
        Tensor copy = Tensor.allocate(arena, tensor.dtype(), tensor.shape().sizes());
        int count = Math.toIntExact(tensor.shape().size(0));
        long bytes = tensor.bytes() / Math.max(1, count);
        for (int row = 0; row < count; row++) {
            int from = source.applyAsInt(row);
            if (from < 0 || from >= count) {
                throw new ModelFormatException(
                        "a tensor " + tensor + " cannot be cut into the heads that the file says");
            }
            MemorySegment.copy(tensor.segment(), from * bytes, copy.segment(), row * bytes, bytes);
        }
        forget(tensor);
        return copy;
    }
}
