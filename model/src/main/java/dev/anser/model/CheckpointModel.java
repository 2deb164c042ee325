package dev.anser.model;

import dev.anser.base.AnserException;
import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.ModelFormatException;
import dev.anser.tensor.Ops;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.regex.Pattern;

/// What a model read from a checkpoint has whatever it computes.
public abstract class CheckpointModel implements LanguageModel {
    private static final Pattern NUMBER = Pattern.compile("[0-9]{1,6}");
    private static final int LARGEST = 1 << 24;

    private final Read read;
    private final StateLayout layout;

    /// What was read.
    ///
    /// @param arena the model's own memory, closed with it
    /// @param embedding the one weight that a decoding step reads one row of, when it is not also
    ///   the head
    /// @param tied whether the embedding is the head as well
    public record Read(
            String source,
            ModelConfig config,
            Arena arena,
            Tensor embedding,
            boolean tied,
            List<Weight> all,
            long parameters) {}

    /// Takes over what was read.
    protected CheckpointModel(Read read, StateLayout layout) {
        this.read = read;
        this.layout = layout;
    }

    /// The rows and columns of the matrix `name`, each from 1 to 2^24.
    ///
    /// @throws ModelFormatException when there is none, or it is no such matrix
    public static Shape matrixShape(Checkpoint checkpoint, String name) {
        Shape shape = checkpoint.entry(name).shape();
        boolean fits = shape.rank() == 2;
        for (int axis = 0; fits && axis < 2; axis++) {
            fits = shape.size(axis) >= 1 && shape.size(axis) <= LARGEST;
        }
        if (!fits) {
            throw new ModelFormatException(
                    checkpoint.source()
                            + ": tensor "
                            + name
                            + " is "
                            + shape
                            + "; expected a matrix with axes of 1 to "
                            + LARGEST);
        }
        return shape;
    }

    /// How many layers there are: tensors `prefix` + number + `suffix`.
    ///
    /// @throws ModelFormatException when a layer is missing before another one
    public static int layers(Checkpoint checkpoint, String prefix, String suffix) {
        int layers = 0;
        while (checkpoint.names().contains(prefix + layers + suffix)) {
            layers++;
        }
        for (String name : checkpoint.names()) {
            int end = name.indexOf('.', prefix.length());
            if (name.startsWith(prefix) && end > 0) {
                String number = name.substring(prefix.length(), end);
                if (!NUMBER.matcher(number).matches() || Integer.parseInt(number) >= layers) {
                    throw new ModelFormatException(
                            checkpoint.source()
                                    + ": tensor "
                                    + name
                                    + " does not fit; "
                                    + prefix
                                    + layers
                                    + suffix
                                    + " is missing");
                }
            }
        }
        return layers;
    }

    /// Refuses logits that are not finite, and says whose fault it is.
    protected final void requireFinite(Ops ops, Tensor logits, Batch batch) {
        int row = ops.firstNonFiniteRow(logits);
        if (row >= 0) {
            WeightReader.requireFinite(read.source(), read.all());
            throw new AnserException(
                    read.source()
                            + ": the logits after token "
                            + batch.wantedRows()[row]
                            + " of the batch are not finite, though all weights are; the state or an activation"
                            + " overflowed. Start again from a fresh state");
        }
    }

    @Override
    public ModelConfig config() {
        return read.config();
    }

    @Override
    public long parameters() {
        return read.parameters();
    }

    @Override
    public List<Weight> weights() {
        return read.all();
    }

    @Override
    public long bytesPerToken() {
        long bytes = 0;
        for (Weight weight : read.all()) {
            Tensor tensor = weight.tensor();
            boolean row = tensor == read.embedding() && !read.tied();
            bytes += row ? tensor.bytes() / tensor.rows() : tensor.bytes();
        }
        return bytes;
    }

    @Override
    public StateLayout stateLayout() {
        return layout;
    }

    @Override
    public void close() {
        read.arena().close();
    }
}
