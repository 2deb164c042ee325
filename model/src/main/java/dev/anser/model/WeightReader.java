package dev.anser.model;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.ModelFormatException;
import dev.anser.tensor.DType;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/// Takes the tensors of a model out of a checkpoint, each checked against what the architecture
/// expects, and counts them.
///
/// Matrices stay where the checkpoint has them, in the type that the file has. Vectors are copied
/// as F32 into the model's own arena: there are few of them, and kernels want them so.
public final class WeightReader {
    private final Checkpoint checkpoint;
    private final Arena arena;
    private final List<Weight> weights = new ArrayList<>();
    private long parameters;

    /// Reads from `checkpoint`, with vectors allocated in `arena`.
    public WeightReader(Checkpoint checkpoint, Arena arena) {
        this.checkpoint = checkpoint;
        this.arena = arena;
    }

    /// Whether there is a tensor `name`.
    public boolean has(String name) {
        return checkpoint.names().contains(name);
    }

    /// The matrix `name` of `rows` × `columns`.
    public Tensor matrix(String name, long rows, long columns) {
        Tensor tensor = checkpoint.tensor(name);
        if (tensor.shape().rank() != 2
                || tensor.shape().size(0) != rows
                || tensor.shape().size(1) != columns) {
            throw wrong(name, tensor, "[" + rows + ", " + columns + "]");
        }
        requireComputable(name, tensor);
        return count(name, tensor);
    }

    /// The head `name`, as large as `embedding`: that itself when the configuration says by `tie`
    /// that the two are one.
    ///
    /// @throws ModelFormatException when there is none, and the two are not one
    public Tensor head(String name, Tensor embedding, ConfigurationFields fields, String tie) {
        if (fields.fact(tie, false)) {
            return embedding;
        }
        if (!has(name)) {
            throw new ModelFormatException(
                    checkpoint.source()
                            + ": tensor "
                            + name
                            + " is missing; expected it unless "
                            + tie
                            + " is true in the configuration");
        }
        return matrix(name, embedding.rows(), embedding.columns());
    }

    /// The matrix `name` with one axis known: (`size`, r) or (r, `size`).
    public Tensor matrixWithAxis(String name, int axis, long size) {
        Tensor tensor = checkpoint.tensor(name);
        if (tensor.shape().rank() != 2 || tensor.shape().size(axis) != size) {
            throw wrong(name, tensor, axis == 0 ? "[" + size + ", rank]" : "[rank, " + size + "]");
        }
        requireComputable(name, tensor);
        return count(name, tensor);
    }

    /// The `parts` matrices of `rows` × `columns` that stand one behind the other in `name`.
    public Tensor[] matrices(String name, int parts, long rows, long columns) {
        Tensor all = checkpoint.tensor(name);
        if (!all.shape().equals(Shape.of(parts, rows, columns))) {
            throw wrong(name, all, "[" + parts + ", " + rows + ", " + columns + "]");
        }
        requireComputable(name, all);
        count(name, all);
        Tensor[] matrices = new Tensor[parts];
        for (int i = 0; i < parts; i++) {
            matrices[i] = all.part(i);
        }
        return matrices;
    }

    /// The `size` numbers of `name`, whatever its axes, as F32.
    ///
    /// @throws ModelFormatException when there are more or fewer, or one is not finite
    public Tensor vector(String name, long size) {
        Tensor tensor = checkpoint.tensor(name);
        if (tensor.elements() != size) {
            throw wrong(name, tensor, size + " elements");
        }
        return count(name, toFloat(name, tensor));
    }

    private Tensor toFloat(String name, Tensor tensor) {
        requireComputable(name, tensor);
        Tensor copy = Tensor.allocate(arena, DType.F32, tensor.elements());
        float[] values = tensor.toFloats();
        for (int i = 0; i < values.length; i++) {
            if (!Float.isFinite(values[i])) {
                throw notFinite(name, i, values[i]);
            }
        }
        copy.set(values);
        return copy;
    }

    private void requireComputable(String name, Tensor tensor) {
        if (!tensor.dtype().computable()) {
            throw wrong(name, tensor, "F32, F16 or BF16, or a quantised type");
        }
    }

    private Tensor count(String name, Tensor tensor) {
        weights.add(new Weight(name, tensor));
        parameters += tensor.elements();
        return tensor;
    }

    /// Number of weights read so far.
    public long parameters() {
        return parameters;
    }

    /// Everything read so far.
    public List<Weight> weights() {
        return List.copyOf(weights);
    }

    /// Says which weight is not finite, when one is.
    ///
    /// @throws ModelFormatException naming the first weight that is infinite or NaN
    public static void requireFinite(String source, List<Weight> weights) {
        for (Weight weight : weights) {
            Tensor tensor = weight.tensor();
            for (long i = 0; i < tensor.elements(); i++) {
                if (!Float.isFinite(tensor.get(i))) {
                    throw new ModelFormatException(
                            notFiniteMessage(source, weight.name(), i, tensor.get(i)));
                }
            }
        }
    }

    private ModelFormatException notFinite(String name, long index, float value) {
        return new ModelFormatException(notFiniteMessage(checkpoint.source(), name, index, value));
    }

    private static String notFiniteMessage(String source, String name, long index, float value) {
        return source
                + ": element "
                + index
                + " of tensor "
                + name
                + " is "
                + value
                + "; expected finite weights. The file is damaged or its training diverged";
    }

    private ModelFormatException wrong(String name, Tensor tensor, String expected) {
        return new ModelFormatException(
                checkpoint.source()
                        + ": tensor "
                        + name
                        + " is "
                        + tensor
                        + "; expected "
                        + expected);
    }
}
