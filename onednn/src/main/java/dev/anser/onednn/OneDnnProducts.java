package dev.anser.onednn;

import dev.anser.tensor.DType;
import dev.anser.tensor.Products;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/// Products by oneDNN's matmul, each on the thread that asks for it.
///
/// A worker has everything of its own (stream, primitives, scratch memory), so nothing is shared
/// and nothing waits. OpenMP is told to use one thread before each product: no second team of
/// threads comes to life beside ours.
final class OneDnnProducts implements Products {
    /// Primitives kept by each worker. A training step of one model needs fewer than a hundred.
    private static final int KEPT = 256;

    private final OneDnn library;
    private final Worker[] workers;

    OneDnnProducts(OneDnn library, int workers) {
        this.library = library;
        this.workers = new Worker[workers];
        for (int i = 0; i < workers; i++) {
            this.workers[i] = new Worker(library);
        }
    }

    @Override
    public boolean multiplies(DType type) {
        return library.multiplies(type);
    }

    @Override
    public void multiply(
            int worker,
            DType type,
            int m,
            int n,
            int k,
            long a,
            boolean transposedA,
            long strideA,
            long b,
            boolean transposedB,
            long strideB,
            long c,
            long strideC,
            boolean accumulate) {
        Matmul.Form form =
                new Matmul.Form(
                        type,
                        m,
                        n,
                        k,
                        transposedA,
                        strideA,
                        transposedB,
                        strideB,
                        strideC,
                        accumulate);
        workers[worker].multiply(form, a, b, c);
    }

    /// What oneDNN would compute a product without gaps with.
    String implementation(DType type, int m, int n, int k) {
        Matmul.Form form = new Matmul.Form(type, m, n, k, false, k, true, k, n, false);
        return workers[0].matmul(form).implementation();
    }

    @Override
    public void close() {
        for (Worker worker : workers) {
            worker.close();
        }
    }

    private static final class Worker implements AutoCloseable {
        private final OneDnn library;
        private final MemorySegment stream;
        private final SequencedMap<Matmul.Form, Matmul> kept = new LinkedHashMap<>(64, 0.75f, true);
        private Arena arena = Arena.ofShared();
        private MemorySegment scratch = MemorySegment.NULL;

        Worker(OneDnn library) {
            this.library = library;
            stream = library.newStream();
        }

        void multiply(Matmul.Form form, long a, long b, long c) {
            Matmul matmul = matmul(form);
            if (scratch.byteSize() < matmul.scratchBytes()) {
                arena.close();
                arena = Arena.ofShared();
                scratch = arena.allocate(matmul.scratchBytes(), 4096);
            }
            matmul.execute(stream, a, b, c, scratch);
        }

        Matmul matmul(Matmul.Form form) {
            try {
                // Of the calling thread, which need not be the one of the last call.
                library.setThreads.invokeExact(1);
            } catch (Throwable e) {
                throw OneDnn.thrown(e);
            }
            Matmul found = kept.get(form);
            if (found != null) {
                return found;
            }
            if (kept.size() >= KEPT) {
                kept.pollFirstEntry().getValue().close();
            }
            Matmul made = new Matmul(library, form);
            kept.put(form, made);
            return made;
        }

        @Override
        public void close() {
            kept.values().forEach(Matmul::close);
            kept.clear();
            library.destroyStream(stream);
            arena.close();
        }
    }
}
