package dev.anser.tensor;

import java.util.Optional;

/// The Vector API kernels. Nothing here may load a class of `jdk.incubator.vector` before
/// [#unavailable()] said yes.
final class VectorBackend implements Backend {
    @Override
    public String name() {
        return "vector";
    }

    @Override
    public String description() {
        return unavailable().isPresent()
                ? "Vector API"
                : "Vector API, " + Lanes.BYTES * 8 + " bits";
    }

    @Override
    public Optional<String> unavailable() {
        if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
            return Optional.of(
                    "the module jdk.incubator.vector is not there; start Java with --add-modules jdk.incubator.vector");
        }
        if (System.getProperty("java.vm.name", "").contains("Zero")) {
            return Optional.of("this Java has no compiler that knows vectors; use a HotSpot JDK");
        }
        if (System.getProperty("java.vm.info", "").contains("interpreted")) {
            return Optional.of("Java runs interpreted, where vectors are slow; drop -Xint");
        }
        return Optional.empty();
    }

    @Override
    public int rank() {
        return 10;
    }

    @Override
    public EagerOps newOps(Threads threads) {
        return new EagerOps(new VectorKernels(threads.count()), threads);
    }
}
