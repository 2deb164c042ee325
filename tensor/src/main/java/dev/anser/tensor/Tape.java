package dev.anser.tensor;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// What a backward pass needs: the steps of a forward pass in order, and the gradient of each
/// tensor.
///
/// Gradients have the shape of their tensor, in F32. Those of parameters belong to whoever watches
/// them, and every backward pass adds to them. Those of activations live from the first step that
/// writes them to the end of the step that made their tensor, which is the only one to read them.
///
/// For one thread.
public final class Tape implements AutoCloseable {
    /* How gradients of activations live.
     *
     * A step first asks for a Target to each of its operands: the first to ask gets a buffer that it sets, later ones
     * add to it. So nothing is cleared, and the buffer goes back to the pool, warm in the caches, once the step of the
     * operation that made the tensor has read it. A tensor without a gradient by then had no part in the loss, and its
     * step does not run.
     *
     * The gradient of a sum is that of each addend. So all three may share one buffer, which is copied only when one
     * is written while another still needs it. Along a residual stream that never happens: the branch has read its
     * gradient before the trunk gets the next contribution.
     */

    /// The backward step of an operation, given the gradient of its result.
    interface Step {
        void run(Tensor gradient);
    }

    private record Recorded(String operation, Tensor result, Step step) {}

    /// The gradient of one activation, or of several that have the same.
    private static final class Gradient {
        private final Tensor values;
        private final boolean pooled;

        /// Which parts of a tensor of rank 3 have been written; null means all.
        private boolean @Nullable [] written;

        private int owners = 1;

        Gradient(Tensor values, boolean pooled) {
            this.values = values;
            this.pooled = pooled;
        }

        /// Clears what nobody has written.
        Tensor complete() {
            boolean[] parts = written;
            if (parts != null) {
                for (int i = 0; i < parts.length; i++) {
                    if (!parts[i]) {
                        values.part(i).clear();
                    }
                }
                written = null;
            }
            return values;
        }
    }

    private record Part(Tensor whole, int index) {}

    private final Workspace memory = new Workspace();
    private final Buffers buffers = new Buffers();
    private final IdentityHashMap<Tensor, Gradient> gradients = new IdentityHashMap<>();
    private final IdentityHashMap<Tensor, Part> parts = new IdentityHashMap<>();
    private final IdentityHashMap<Tensor, Tensor> parameters = new IdentityHashMap<>();
    private final IdentityHashMap<Tensor, Tensor> carried = new IdentityHashMap<>();
    private final List<Recorded> steps = new ArrayList<>();
    private @Nullable Gradient running;
    private @Nullable OperationTimes times;

    /// An empty tape that watches nothing.
    public Tape() {}

    /// Asks for the gradient of `parameter`: every backward pass adds it to `gradient`, F32 of as
    /// many elements, borrowed. A parameter that nobody watches is frozen, and has no gradient.
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
    /// chunk of a long document to the chunk before: watch the state in the later chunk's pass,
    /// carry what came out in the earlier one's.
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

    /// From the next pass on adds to `times` what each operation takes, at two looks at the clock
    /// an operation. Off at first.
    public void time(OperationTimes times) {
        this.times = times;
    }

    /// Forgets the last forward pass.
    void begin() {
        if (times != null) {
            times.start();
        }
        carried.clear();
        gradients.values().forEach(this::release);
        gradients.clear();
        parts.clear();
        steps.clear();
        memory.begin();
    }

    /// Adds the backward step of the operation that made `result`; it runs after those of all later
    /// operations, if `result` has a gradient then.
    void record(String operation, Tensor result, Step step) {
        OperationTimes times = this.times;
        if (times != null) {
            times.forward(operation);
        }
        if (result.shape().rank() == 3) {
            for (int i = 0; i < result.shape().size(0); i++) {
                parts.put(result.part(i), new Part(result, i));
            }
        }
        steps.add(new Recorded(operation, result, step));
    }

    /// Where a step puts the gradient of its operand `activation`. It must write all of it.
    Target target(Tensor activation) {
        Part part = parts.get(activation);
        if (part != null) {
            return target(part);
        }
        Gradient gradient = gradients.get(activation);
        if (gradient == null) {
            gradient = new Gradient(buffers.take(activation.shape()), true);
            gradients.put(activation, gradient);
            return new Target(gradient.values, false);
        }
        if (gradient.owners > 1) {
            Gradient own = new Gradient(buffers.take(activation.shape()), true);
            Memory.copy(gradient.values.address(), own.values.address(), own.values.bytes());
            gradient.owners--;
            gradients.put(activation, own);
            gradient = own;
        }
        return new Target(gradient.complete(), true);
    }

    private Target target(Part part) {
        Gradient whole = gradients.get(part.whole());
        if (whole == null) {
            whole = new Gradient(buffers.take(part.whole().shape()), true);
            whole.written = new boolean[Math.toIntExact(part.whole().shape().size(0))];
            gradients.put(part.whole(), whole);
        }
        boolean[] written = whole.written;
        boolean add = written == null || written[part.index()];
        if (written != null) {
            written[part.index()] = true;
        }
        return new Target(whole.values.part(part.index()), add);
    }

    /// Makes the gradient of the running step's result that of `activation` as well, without a
    /// copy, if it has none yet; false if it has.
    boolean share(Tensor activation) {
        Gradient gradient = running;
        if (gradient == null || parts.containsKey(activation)) {
            return false;
        }
        if (gradients.putIfAbsent(activation, gradient) != null) {
            return false;
        }
        gradient.owners++;
        return true;
    }

    /// The gradient of an activation, for reading and adding to; zeros until then. The step of the
    /// activation's operation ends its life, so read those of a pass's inputs only.
    public Tensor gradient(Tensor activation) {
        Target target = target(activation);
        if (!target.add()) {
            target.gradient().clear();
        }
        Gradient gradient = gradients.get(activation);
        return gradient == null ? target.gradient() : gradient.complete();
    }

    /// Sets the gradient of an activation, F32 of the same shape, borrowed until the backward pass
    /// ends. It may be the activation itself, when nothing else needs its values.
    public void setGradient(Tensor activation, Tensor gradient) {
        if (gradient.dtype() != DType.F32 || gradient.elements() != activation.elements()) {
            throw new ShapeException(gradient + " cannot be the gradient of " + activation);
        }
        Gradient before = gradients.put(activation, new Gradient(gradient, false));
        if (before != null) {
            release(before);
        }
    }

    /// Where the gradient of a parameter is added, or null when it is frozen.
    @Nullable Tensor parameterGradient(Tensor parameter) {
        return parameters.get(parameter);
    }

    /// Memory that lives as long as this pass.
    Tensor temporary(int rows, int columns) {
        return memory.allocate(rows, columns);
    }

    /// Where the next [#temporary] will be, for [#release(long)].
    long mark() {
        return memory.mark();
    }

    /// Frees what was taken since `mark`.
    void release(long mark) {
        memory.release(mark);
    }

    /// Memory for within a step.
    Buffers buffers() {
        return buffers;
    }

    /// A copy of `tensor`, flat, that lives as long as this pass.
    Tensor copy(Tensor tensor) {
        Tensor copy = memory.allocate(1, Math.toIntExact(tensor.elements()));
        Memory.copy(tensor.address(), copy.address(), tensor.bytes());
        return copy;
    }

    /// Runs the recorded steps from the last to the first. Set the gradient of the results first:
    /// see [#setGradient(Tensor, Tensor)].
    public void backward() {
        if (times != null) {
            times.start();
        }
        backTo(0);
    }

    /// Within a step: records `operations` anew and runs their steps; the running step's gradient
    /// becomes that of their result.
    void again(Supplier<Tensor> operations) {
        Gradient gradient = running;
        if (gradient == null) {
            throw new IllegalStateException("no step is running");
        }
        running = null;
        int first = steps.size();
        gradients.put(operations.get(), gradient);
        backTo(first);
    }

    private void backTo(int first) {
        OperationTimes times = this.times;
        while (steps.size() > first) {
            Recorded recorded = steps.removeLast();
            if (!carried.isEmpty()) {
                gradient(recorded.result()); // a state may need a step that its result does not
            }
            Gradient gradient = gradients.remove(recorded.result());
            if (gradient != null) {
                running = gradient;
                recorded.step().run(gradient.complete());
                if (running != null) { // nobody has taken it over
                    running = null;
                    release(gradient);
                }
                if (times != null) {
                    times.backward(recorded.operation());
                }
            }
        }
    }

    private void release(Gradient gradient) {
        if (--gradient.owners == 0 && gradient.pooled) {
            buffers.giveBack(gradient.values);
        }
    }

    /// Frees the gradients of activations.
    @Override
    public void close() {
        buffers.close();
        memory.close();
    }
}
