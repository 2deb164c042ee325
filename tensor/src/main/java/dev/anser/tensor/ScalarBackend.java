package dev.anser.tensor;

import java.util.Optional;

/// The reference kernels: slow, and right on every machine.
final class ScalarBackend implements Backend {
    @Override
    public String name() {
        return "scalar";
    }

    @Override
    public String description() {
        return "scalar reference, plain Java";
    }

    @Override
    public Optional<String> unavailable() {
        return Optional.empty();
    }

    @Override
    public int rank() {
        return 0;
    }

    @Override
    public EagerOps newOps(Threads threads) {
        return new EagerOps(new ReferenceKernels(), threads);
    }
}
