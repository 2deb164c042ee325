package dev.anser.tensor;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What a backward pass needs: the steps of a forward pass in order, and the gradient of each
/// tensor.
///
/// Gradients have the shape of their tensor, in F32. Those of activations live until the next
/// forward pass begins; those of parameters belong to whoever watches them, and every backward pass
/// adds to them.
///
/// For one thread.
public final class Tape implements AutoCloseable {
    private final Workspace memory = new Workspace();
    private final IdentityHashMap<Tensor, Tensor> activations = new IdentityHashMap<>();
    private final IdentityHashMap<Tensor, Tensor> parameters = new IdentityHashMap<>();
    private final IdentityHashMap<Tensor, Tensor> carried = new IdentityHashMap<>();
    private final List<Runnable> steps = new ArrayList<>();

    /// An empty tape that watches nothing.
    public Tape() {}

    /// Asks for the gradient of `parameter`: every backward pass adds it to `gradient`, F32 of as
    /// many elements, borrowed. A parameter that nobody watches is frozen, and costs nothing.
    ///
    /// `parameter` may also be a tensor of a state: its gradient is that of the state before the
    /// batch. Its parts that a model computes with ([Tensor#part(int)]) are watched with it.
    public void watch(Tensor parameter, Tensor gradient) {
        if (gradient.dtype() != DType.F32 || gradient.elements() != parameter.elements()) {
            throw new ShapeException(
                    "the gradient of " + parameter + " cannot be added to " + gradient);
        }
        parameters.put(parameter, gradient);
        for (int i = 0; i < parameter.knownParts(); i++) {
            parameters.put(parameter.part(i), gradient.part(i));
        }
    }

    /// Says that the loss depends on `state`, a tensor of a state, as the forward pass left it:
    /// `gradient` is dL/dstate, F32 of as many elements, borrowed until the next forward pass
    /// begins.
    ///
    /// Call it between the forward pass and [#backward()]. This is how a gradient flows from one
    /// chunk of a long document to the chunk before: watch the state in the later chunk's pass, carry
    /// what came out in the earlier one's.
    ///
    /// @throws ShapeException when the gradient has another size, or would be changed while it is
    ///   read because it is also where the gradient of the state before the batch is added
    public void carry(Tensor state, Tensor gradient) {
        if (gradient.dtype() != DType.F32 || gradient.elements() != state.elements()) {
            throw new ShapeException(
                    "the state " + state + " cannot have the gradient " + gradient);
        }
        Tensor watched = parameters.get(state);
        if (watched != null && watched.address() == gradient.address()) {
            throw new ShapeException(
                    "the gradient to the state after the batch is also where that to the state"
                            + " before it is added; expected two tensors");
        }
        carried.put(state, gradient);
    }

    /// The gradient to a state after the batch, or null when nothing depends on it.
    @Nullable Tensor carriedGradient(Tensor state) {
        return carried.get(state);
    }

    /// Forgets the last forward pass.
    void begin() {
        carried.clear();
        activations.clear();
        steps.clear();
        memory.begin();
    }

    /// Adds the backward step of an operation; it runs after those of all later operations.
    void record(Runnable backward) {
        steps.add(backward);
    }

    /// The gradient of an activation; zeros until something is added to it.
    public Tensor gradient(Tensor activation) {
        Tensor gradient = activations.get(activation);
        if (gradient == null) {
            Shape shape = activation.shape();
            gradient =
                    shape.rank() == 3
                            ? memory.allocate(
                                    Math.toIntExact(shape.size(0)),
                                    Math.toIntExact(shape.size(1)),
                                    Math.toIntExact(shape.size(2)))
                            : memory.allocate(activation.rows(), activation.columns());
            gradient.clear();
            activations.put(activation, gradient);
            if (shape.rank() == 3) {
                for (int i = 0; i < shape.size(0); i++) {
                    activations.put(activation.part(i), gradient.part(i));
                }
            }
        }
        return gradient;
    }

    /// Where the gradient of a parameter is added, or null when it is frozen.
    @Nullable Tensor parameterGradient(Tensor parameter) {
        return parameters.get(parameter);
    }

    /// Memory that lives as long as the gradients of this pass.
    Tensor temporary(int rows, int columns) {
        return memory.allocate(rows, columns);
    }

    /// Where the next [#temporary] will be, for [#release(long)].
    long mark() {
        return memory.mark();
    }

    /// Frees what was taken since `mark`; nobody may have asked for a gradient since.
    void release(long mark) {
        memory.release(mark);
    }

    /// Runs the recorded steps from the last to the first. Set the gradient of the results first:
    /// see [#gradient(Tensor)].
    public void backward() {
        for (int i = steps.size() - 1; i >= 0; i--) {
            steps.get(i).run();
        }
    }

    /// Frees the gradients of activations.
    @Override
    public void close() {
        memory.close();
    }
}
