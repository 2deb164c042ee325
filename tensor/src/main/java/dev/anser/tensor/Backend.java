package dev.anser.tensor;

import java.util.Optional;

/// A way to run [Ops], found by `ServiceLoader`. The scalar reference and the Vector API are built
/// in.
///
/// Making one costs nothing: whatever a backend loads, it loads when it is asked about
/// ([#unavailable()], [#description()]) or used.
public interface Backend {
    /// The name by which it is forced, such as `scalar`, in lower case.
    String name();

    /// What it computes with here, in a few words for people, such as `Vector API, 512 bits`.
    String description();

    /// Why it cannot run on this machine, in one line with advice, or empty when it can.
    Optional<String> unavailable();

    /// Among those available, the one with the highest rank is the default.
    int rank();

    /// The rank for training, where products have many rows and a pass takes seconds: what is slow
    /// to start or poor at single rows may be first here.
    default int trainingRank() {
        return rank();
    }

    /// New operations on `threads`, with a workspace of their own. For one thread at a time; the
    /// caller closes them.
    EagerOps newOps(Threads threads);
}
