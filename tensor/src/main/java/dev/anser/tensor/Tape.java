package dev.anser.tensor;

import java.lang.foreign.MemorySegment;
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
    private final List<Runnable> steps = new ArrayList<>();

    /// An empty tape that watches nothing.
    public Tape() {}

    /// Asks for the gradient of `parameter`: every backward pass adds it to `gradient`, F32 of as
    /// many elements, borrowed. A parameter that nobody watches is frozen, and costs nothing.
    ///
    /// `parameter` may also be a tensor of a state: its gradient is that of the state before the
    /// batch.
    public void watch(Tensor parameter, Tensor gradient) {
        if (gradient.dtype() != DType.F32 || gradient.elements() != parameter.elements()) {
            throw new ShapeException(
                    "the gradient of " + parameter + " cannot be added to " + gradient);
        }
        parameters.put(parameter, gradient);
    }

    /// Forgets the last forward pass.
    void begin() {
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

    /// A copy of `tensor` that lives as long as the gradients of this pass.
    Tensor copy(Tensor tensor) {
        Tensor copy = memory.allocate(1, Math.toIntExact(tensor.elements()));
        MemorySegment.copy(tensor.segment(), 0, copy.segment(), 0, tensor.bytes());
        return copy;
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
