package dev.anser.generate;

import dev.anser.model.Batch;
import dev.anser.model.LanguageModel;
import dev.anser.model.ModelConfig;
import dev.anser.model.State;
import dev.anser.model.StateLayout;
import dev.anser.model.Weight;
import dev.anser.tensor.DType;
import dev.anser.tensor.Ops;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A model that knows one text by heart: after p tokens, whatever they were, it wants the p-th of
/// its script. Its state is how many tokens it has read and a hash of them, which also shows in the
/// logits.
final class RecitingModel implements LanguageModel {
    private final int vocabulary;
    private final int[] script;
    final List<Integer> passes = new ArrayList<>();
    int open;
    private @Nullable Tensor last;

    RecitingModel(int vocabulary, int... script) {
        this.vocabulary = vocabulary;
        this.script = script;
    }

    @Override
    public ModelConfig config() {
        return new ModelConfig("reciting", "1", 1, 1, 1, 1, 1, vocabulary);
    }

    @Override
    public List<Weight> weights() {
        return List.of();
    }

    @Override
    public long parameters() {
        return script.length;
    }

    @Override
    public long bytesPerToken() {
        return 0;
    }

    @Override
    public StateLayout stateLayout() {
        return new StateLayout(
                "reciting", List.of(new StateLayout.Slot("read", Shape.of(2), false)));
    }

    @Override
    public State newState() {
        open++;
        return new Counter();
    }

    @Override
    public Tensor forward(Ops ops, Batch batch) {
        ops.begin();
        passes.add(batch.rows());
        if (last != null) {
            last.segment().fill((byte) 0xff);
        }
        Tensor result =
                Tensor.allocate(Arena.ofAuto(), DType.F32, batch.wantedRows().length, vocabulary);
        int wanted = 0;
        for (int row = 0; row < batch.rows(); row++) {
            Tensor read = batch.carried(batch.segment(row), 0);
            int before = (int) read.get(1);
            int hash = (before * 31 + batch.tokens()[row] + 1) % 65_521;
            read.set(0, read.get(0) + 1);
            read.set(1, hash);
            if (wanted < batch.wantedRows().length && batch.wantedRows()[wanted] == row) {
                int at = (int) read.get(0);
                for (int id = 0; id < vocabulary; id++) {
                    float noise = hash * (id + 7) % 101 / 101f;
                    boolean next = at < script.length && script[at] == id;
                    result.set((long) wanted * vocabulary + id, noise + (next ? 10 : 0));
                }
                wanted++;
            }
        }
        last = result;
        return result;
    }

    @Override
    public void close() {}

    /// Two numbers; its file is their bytes.
    private final class Counter implements State {
        private final Arena arena = Arena.ofShared();
        private final Tensor read = Tensor.allocate(arena, DType.F32, 2);

        @Override
        public StateLayout layout() {
            return stateLayout();
        }

        @Override
        public Tensor tensor(int slot) {
            return read;
        }

        @Override
        public State copy() {
            State copy = newState();
            copy.set(this);
            return copy;
        }

        @Override
        public void set(State other) {
            read.copyFrom(other.tensor(0));
        }

        @Override
        public long sizeInBytes() {
            return 8;
        }

        @Override
        public void save(Path file) {
            try {
                Files.write(file, read.segment().toArray(ValueLayout.JAVA_BYTE));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public Origin load(Path file) {
            try {
                ByteBuffer bytes =
                        ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
                read.segment().copyFrom(MemorySegment.ofBuffer(bytes));
                return Origin.TEXT;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public boolean sameAs(State other) {
            return read.segment().mismatch(other.tensor(0).segment()) < 0;
        }

        @Override
        public void close() {
            open--;
            arena.close();
        }
    }
}
