package dev.anser.tensor;

/// An operation that one architecture brings: what it computes and its backward step, side by side
/// in one file. [Ops#run(Operation)] executes it.
///
/// An object is made for one call. Operands are fields; what the backward step needs beside them,
/// the forward step leaves in fields of its own, in memory from [Pass#keep].
public abstract class Operation {
    /// For the operations of this room.
    Operation() {}

    /// Its name in profiles: that of its factory or class, such as `wkv6`.
    abstract String name();

    /// Checks the operands' shapes and computes the result.
    ///
    /// @throws ShapeException when the operands do not fit together
    abstract Tensor forward(Pass pass);

    /// Adds the gradients of the operands, from the gradient `dy` of the result `y`.
    abstract void backward(Gradients gradients, Tensor y, Tensor dy);

    /// A numbered range of work, half open, on team member `worker`.
    interface Range {
        void run(int from, int to, int worker);
    }
}
