package dev.anser.checkpoint;

import dev.anser.tensor.DType;
import dev.anser.tensor.Shape;
import dev.anser.tensor.ShapeException;
import java.util.Arrays;

/// Where one tensor stands in a file: checked to lie inside it.
///
/// @param entry its name, type and shape
/// @param offset where its first element stands in the file, in bytes
/// @param strides the step from one element to the next along each axis, in elements
/// @param rowMajor whether its elements stand in the file as a tensor keeps them
record StoredTensor(Checkpoint.Entry entry, long offset, long[] strides, boolean rowMajor) {
    /// More axes than any model uses, and few enough to walk.
    static final int MAX_RANK = 32;

    /// A tensor whose elements stand one after another from `offset`; its bytes end at or before
    /// `end`.
    static StoredTensor rowMajor(
            FileBytes file, String name, DType dtype, long[] sizes, long offset, long end) {
        Shape shape = shape(file, name, sizes);
        long bytes = bytes(file, name, dtype, shape);
        if (offset < 0 || offset > end || bytes > end - offset) {
            throw file.error(
                    "tensor "
                            + FileBytes.quote(name)
                            + " ("
                            + dtype
                            + " "
                            + shape
                            + ") needs "
                            + bytes
                            + " bytes at offset "
                            + offset
                            + ", but its data ends at "
                            + end
                            + "; the file is truncated or damaged");
        }
        return new StoredTensor(
                new Checkpoint.Entry(name, dtype, shape), offset, packed(sizes), true);
    }

    /// A tensor with any strides over a storage of `storageElements` elements that starts at
    /// `storage`.
    static StoredTensor strided(
            FileBytes file,
            String name,
            DType dtype,
            long[] sizes,
            long[] strides,
            long storage,
            long storageElements,
            long firstElement) {
        Shape shape = shape(file, name, sizes);
        bytes(file, name, dtype, shape);
        if (strides.length != sizes.length) {
            throw file.error(
                    "tensor "
                            + FileBytes.quote(name)
                            + " has "
                            + sizes.length
                            + " sizes and "
                            + strides.length
                            + " strides, expected as many");
        }
        if (shape.elements() == 0) {
            return new StoredTensor(
                    new Checkpoint.Entry(name, dtype, shape), storage, packed(sizes), true);
        }
        long last = firstElement;
        boolean inside = firstElement >= 0 && firstElement < storageElements;
        for (int axis = 0; inside && axis < sizes.length; axis++) {
            long steps = sizes[axis] - 1;
            inside =
                    strides[axis] >= 0
                            && (steps == 0
                                    || strides[axis] <= (storageElements - 1 - last) / steps);
            last += inside ? steps * strides[axis] : 0;
        }
        if (!inside) {
            throw file.error(
                    "tensor "
                            + FileBytes.quote(name)
                            + " "
                            + shape
                            + " with strides "
                            + Arrays.toString(strides)
                            + " from element "
                            + firstElement
                            + " leaves its storage of "
                            + storageElements
                            + " elements");
        }
        return new StoredTensor(
                new Checkpoint.Entry(name, dtype, shape),
                storage + firstElement * dtype.blockBytes(),
                strides,
                isPacked(sizes, strides));
    }

    /// The number of bytes of the tensor itself.
    long bytes() {
        return entry.dtype().bytes(entry.shape().elements());
    }

    private static Shape shape(FileBytes file, String name, long[] sizes) {
        if (sizes.length > MAX_RANK) {
            throw file.error(
                    "tensor "
                            + FileBytes.quote(name)
                            + " has "
                            + sizes.length
                            + " axes, at most "
                            + MAX_RANK
                            + " are read");
        }
        try {
            return Shape.of(sizes);
        } catch (ShapeException e) {
            throw file.error("tensor " + FileBytes.quote(name) + ": " + e.getMessage(), e);
        }
    }

    private static long bytes(FileBytes file, String name, DType dtype, Shape shape) {
        long row = shape.rank() == 0 ? 1 : shape.size(-1);
        if (row % dtype.blockElements() != 0) {
            throw file.error(
                    "tensor "
                            + FileBytes.quote(name)
                            + " "
                            + shape
                            + " has rows of "
                            + row
                            + " elements, expected a multiple of "
                            + dtype.blockElements()
                            + ", the block of "
                            + dtype);
        }
        try {
            return dtype.bytes(shape.elements());
        } catch (ArithmeticException e) {
            throw file.error(
                    "tensor " + FileBytes.quote(name) + " " + shape + " has more than 2^63 bytes",
                    e);
        }
    }

    /// The strides of row-major `sizes`, in elements.
    static long[] packed(long[] sizes) {
        long[] strides = new long[sizes.length];
        long step = 1;
        for (int axis = sizes.length - 1; axis >= 0; axis--) {
            strides[axis] = step;
            step *= Math.max(1, sizes[axis]);
        }
        return strides;
    }

    private static boolean isPacked(long[] sizes, long[] strides) {
        long step = 1;
        for (int axis = sizes.length - 1; axis >= 0; axis--) {
            if (sizes[axis] != 1 && strides[axis] != step) {
                return false;
            }
            step *= sizes[axis];
        }
        return true;
    }
}
