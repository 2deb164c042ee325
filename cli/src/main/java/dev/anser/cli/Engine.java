package dev.anser.cli;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.Architectures;
import dev.anser.model.LanguageModel;
import dev.anser.tensor.Backend;
import dev.anser.tensor.Backends;
import dev.anser.tensor.EagerOps;
import dev.anser.tensor.Threads;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// A loaded model and what it runs on. Closes all of it.
///
/// @param arena memory of a model that is not a file of its own
/// @param checkpoint where the weights are
/// @param model the model in it
/// @param backend what computes
/// @param threads the team
/// @param ops operations of the backend on the team
record Engine(
        Arena arena,
        Checkpoint checkpoint,
        LanguageModel model,
        Backend backend,
        Threads threads,
        EagerOps ops)
        implements AutoCloseable {

    /// Opens the model in `file`, or the embedded one when there is none.
    static Engine open(@Nullable Path file, ComputeOptions options) {
        Arena arena = Arena.ofShared();
        Checkpoint checkpoint = null;
        LanguageModel model = null;
        Threads threads = null;
        try {
            Backend backend = Backends.choose();
            checkpoint = file == null ? DefaultModel.open(arena) : Architectures.open(file);
            model = Architectures.load(checkpoint);
            threads = new Threads(options.threads());
            return new Engine(arena, checkpoint, model, backend, threads, backend.newOps(threads));
        } catch (RuntimeException e) {
            if (threads != null) {
                threads.close();
            }
            if (model != null) {
                model.close();
            }
            if (checkpoint != null) {
                checkpoint.close();
            }
            arena.close();
            throw e;
        }
    }

    @Override
    public void close() {
        ops.close();
        threads.close();
        model.close();
        checkpoint.close();
        arena.close();
    }
}
