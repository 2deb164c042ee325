package dev.anser.tensor;

import java.util.Arrays;

/// The sizes of a tensor's axes, slowest first (row-major, as NumPy and PyTorch print them).
public final class Shape {
    private final long[] sizes;
    private final long elements;

    private Shape(long[] sizes) {
        long product = 1;
        for (long size : sizes) {
            if (size < 0) {
                throw new ShapeException(
                        "shape " + Arrays.toString(sizes) + " has a negative size");
            }
            try {
                product = Math.multiplyExact(product, size);
            } catch (ArithmeticException e) {
                throw new ShapeException(
                        "shape " + Arrays.toString(sizes) + " has more than 2^63 elements");
            }
        }
        this.sizes = sizes;
        this.elements = product;
    }

    /// A shape with these sizes; none for a scalar.
    public static Shape of(long... sizes) {
        return new Shape(sizes.clone());
    }

    /// Number of axes.
    public int rank() {
        return sizes.length;
    }

    /// Size of axis `axis`; a negative axis counts from the end, -1 being the last.
    public long size(int axis) {
        return sizes[axis < 0 ? sizes.length + axis : axis];
    }

    /// Number of elements, 1 for a scalar.
    public long elements() {
        return elements;
    }

    /// A copy of the sizes.
    public long[] sizes() {
        return sizes.clone();
    }

    /// This shape without its axes of size 1: `[1, 1, 768]` becomes `[768]`.
    public Shape squeeze() {
        return new Shape(Arrays.stream(sizes).filter(size -> size != 1).toArray());
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Shape that && Arrays.equals(sizes, that.sizes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(sizes);
    }

    /// Prints as `[3, 768]`.
    @Override
    public String toString() {
        return Arrays.toString(sizes);
    }
}
