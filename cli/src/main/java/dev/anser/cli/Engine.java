package dev.anser.cli;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.model.Architectures;
import dev.anser.model.LanguageModel;
import dev.anser.tensor.Backend;
import dev.anser.tensor.Backends;
import dev.anser.tensor.EagerOps;
import dev.anser.tensor.Threads;
import java.nio.file.Path;

/// A loaded model and what it runs on. Closes all of it.
///
/// @param checkpoint the file
/// @param model the model in it
/// @param backend what computes
/// @param threads the team
/// @param ops operations of the backend on the team
record Engine(
        Checkpoint checkpoint,
        LanguageModel model,
        Backend backend,
        Threads threads,
        EagerOps ops)
        implements AutoCloseable {

    /// Opens the model in `file`.
    static Engine open(Path file, ComputeOptions options) {
        return of(Checkpoints.open(file), options);
    }

    /// The model in `checkpoint`, which the engine owns from now on.
    static Engine of(Checkpoint checkpoint, ComputeOptions options) {
        LanguageModel model = null;
        Threads threads = null;
        try {
            Backend backend = Backends.choose();
            threads = new Threads(options.threads());
            model = Architectures.load(checkpoint);
            return new Engine(checkpoint, model, backend, threads, backend.newOps(threads));
        } catch (RuntimeException e) {
            if (model != null) {
                model.close();
            }
            if (threads != null) {
                threads.close();
            }
            checkpoint.close();
            throw e;
        }
    }

    @Override
    public void close() {
        ops.close();
        threads.close();
        model.close();
        checkpoint.close();
    }
}
