package dev.anser.model;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.tensor.Backends;
import dev.anser.tensor.EagerOps;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.nio.file.Path;

/// A model from a file, with what it takes to run it.
final class Loaded implements AutoCloseable {
    final Checkpoint checkpoint;
    final LanguageModel model;
    final Threads threads;
    final EagerOps ops;

    Loaded(Path file, String backend, int threadCount) {
        checkpoint = Architectures.open(file);
        model = Architectures.load(checkpoint);
        threads = new Threads(threadCount);
        ops = Backends.named(backend).newOps(threads);
    }

    /// The logits of every token of `tokens`, taken `chunk` at a time from `state`.
    float[] logits(State state, int chunk, int... tokens) {
        int vocabulary = model.config().vocabulary();
        float[] all = new float[tokens.length * vocabulary];
        for (int start = 0; start < tokens.length; start += chunk) {
            int count = Math.min(chunk, tokens.length - start);
            int[] part = new int[count];
            System.arraycopy(tokens, start, part, 0, count);
            Tensor logits = model.forward(ops, Batch.of(state, Batch.Logits.ALL, part));
            System.arraycopy(logits.toFloats(), 0, all, start * vocabulary, count * vocabulary);
        }
        return all;
    }

    @Override
    public void close() {
        ops.close();
        threads.close();
        model.close();
        checkpoint.close();
    }
}
