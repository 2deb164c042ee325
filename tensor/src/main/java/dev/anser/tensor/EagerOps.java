package dev.anser.tensor;

/// Executes every operation at once on the CPU.
public abstract class EagerOps implements Ops, AutoCloseable {
    EagerOps() {}

    @Override
    public abstract void close();
}
