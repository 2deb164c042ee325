package dev.anser.tensor;

/// Encodes numbers in another type: rounds them to F16 or BF16, or quantises them as ggml does.
///
///     Tensor small = Tensor.allocate(arena, DType.Q4_K, weight.rows(), weight.columns());
///     Quantiser.encode(weight, small);
///
/// F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K and Q6_K are written; every computable
/// type is read. Rows do not know of each other, so threads may share a tensor by ranges of rows.
public final class Quantiser {
    private Quantiser() {}

    /// Whether [#encode] writes `type`.
    public static boolean writes(DType type) {
        return switch (type) {
            case F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K -> true;
            default -> false;
        };
    }

    /// Encodes all of `source` in the type of `target`, which has the same shape.
    ///
    /// @throws ShapeException when the shapes differ, a type is not written or not read, a number
    ///   is beyond what the type can hold, or one that is to be quantised is not finite
    public static void encode(Tensor source, Tensor target) {
        encode(source, target, 0, target.rows());
    }

    /// Encodes rows `from..to` of the matrix view, as [#encode(Tensor, Tensor)] does all.
    public static void encode(Tensor source, Tensor target, int from, int to) {
        if (!source.shape().equals(target.shape())) {
            throw new ShapeException(
                    "cannot encode " + source + " as " + target + "; expected the same shape");
        }
        if (!source.dtype().computable() || !writes(target.dtype())) {
            throw new ShapeException(
                    "cannot encode "
                            + source
                            + " as "
                            + target.dtype()
                            + "; expected F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K"
                            + " or Q6_K");
        }
        int columns = target.columns();
        float[] row = new float[columns];
        for (int r = from; r < to; r++) {
            long first = (long) r * columns;
            for (int i = 0; i < columns; i++) {
                row[i] = source.get(first + i);
            }
            if (target.dtype().quantised()) {
                quantise(row, target, first);
            } else {
                round(row, target, first);
            }
        }
    }

    private static void round(float[] row, Tensor target, long first) {
        for (int i = 0; i < row.length; i++) {
            target.set(first + i, row[i]);
            if (Float.isFinite(row[i]) && !Float.isFinite(target.get(first + i))) {
                throw beyond(row[i], first + i, target.dtype());
            }
        }
    }

    private static void quantise(float[] row, Tensor target, long first) {
        for (int i = 0; i < row.length; i++) {
            if (!Float.isFinite(row[i])) {
                throw new ShapeException(
                        "element "
                                + (first + i)
                                + " is "
                                + row[i]
                                + ", which "
                                + target.dtype()
                                + " cannot hold; expected finite numbers");
            }
        }
        DType type = target.dtype();
        int elements = type.blockElements();
        for (int i = 0; i < row.length; i += elements) {
            long block = (first + i) / elements * type.blockBytes();
            boolean fits =
                    elements == 32
                            ? Quantise32.block(type, row, i, target.segment(), block)
                            : QuantiseK.block(type, row, i, target.segment(), block);
            if (!fits) {
                throw beyond(largest(row, i, elements), first + i, type);
            }
        }
    }

    private static float largest(float[] row, int from, int count) {
        float largest = row[from];
        for (int i = from; i < from + count; i++) {
            largest = Math.abs(row[i]) > Math.abs(largest) ? row[i] : largest;
        }
        return largest;
    }

    private static ShapeException beyond(float value, long index, DType type) {
        return new ShapeException(
                (type.quantised() ? "a number in the block at element " : "element ")
                        + index
                        + " is "
                        + value
                        + ", beyond what "
                        + type
                        + " can hold; use BF16 or F32");
    }
}
