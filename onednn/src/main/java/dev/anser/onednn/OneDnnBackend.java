package dev.anser.onednn;

import dev.anser.base.AnserException;
import dev.anser.tensor.Backend;
import dev.anser.tensor.DType;
import dev.anser.tensor.EagerOps;
import dev.anser.tensor.Threads;
import java.util.Optional;

/// Big matrix products by oneDNN, everything else by the Vector API.
///
/// The first choice for training. Not for inference: starting it takes a while, and single rows are
/// bound by memory, where the vector kernels are as good.
public final class OneDnnBackend implements Backend {
    /// For `ServiceLoader`.
    public OneDnnBackend() {}

    @Override
    public String name() {
        return "onednn";
    }

    @Override
    public String description() {
        try {
            OneDnn library = OneDnn.get();
            return "oneDNN %s, %s, bfloat16 %s"
                    .formatted(
                            library.version(),
                            library.instructions(),
                            library.multiplies(DType.BF16) ? "in hardware" : "widened");
        } catch (AnserException e) {
            return "oneDNN";
        }
    }

    @Override
    public Optional<String> unavailable() {
        try {
            OneDnn.get();
            return Optional.empty();
        } catch (AnserException e) {
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }

    @Override
    public int rank() {
        return 5;
    }

    @Override
    public int trainingRank() {
        return 20;
    }

    @Override
    public EagerOps newOps(Threads threads) {
        return EagerOps.of(new OneDnnProducts(OneDnn.get(), threads.count()), threads);
    }
}
