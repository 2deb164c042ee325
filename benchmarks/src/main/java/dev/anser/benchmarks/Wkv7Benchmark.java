package dev.anser.benchmarks;

import dev.anser.tensor.Backends;
import dev.anser.tensor.DType;
import dev.anser.tensor.EagerOps;
import dev.anser.tensor.RecordingOps;
import dev.anser.tensor.Segments;
import dev.anser.tensor.Tape;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.lang.foreign.Arena;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullUnmarked;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/// The WKV-7 recurrence of one sequence, in nanoseconds per token and head of size 64.
///
/// `backward` is the time of `training` less that of `recorded`; it includes clearing the six
/// gradients.
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
        value = 1,
        jvmArgsAppend = {
            "--add-modules=jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED",
            "-Djdk.incubator.vector.VECTOR_ACCESS_OOB_CHECK=0"
        })
@NullUnmarked
public class Wkv7Benchmark {
    private static final int TOKENS = 512;
    private static final int HEADS = 8;
    private static final int SIZE = 64;

    /// Members of the team.
    @Param("1")
    public int threads;

    private Arena arena;
    private Threads team;
    private EagerOps ops;
    private Tape tape;
    private RecordingOps recording;
    private final Tensor[] inputs = new Tensor[6];
    private final Tensor[] token = new Tensor[6];
    private Tensor state;
    private float[] gradient;

    /// Makes inputs as a model has them: r, w, k, v, a, b.
    @Setup(Level.Trial)
    public void open() {
        arena = Arena.ofShared();
        team = new Threads(threads);
        ops = Backends.choose().newOps(team);
        tape = new Tape();
        recording = new RecordingOps(ops, team, tape);
        Random random = new Random(1);
        double[] scales = {1, 0, 1, 1, 0.125, 0.0625};
        for (int n = 0; n < inputs.length; n++) {
            inputs[n] = Tensor.allocate(arena, DType.F32, TOKENS, HEADS * SIZE);
            for (long i = 0; i < inputs[n].elements(); i++) {
                double value = random.nextGaussian() * scales[n];
                inputs[n].set(i, (float) (n == 1 ? 0.6 + 0.399 * random.nextDouble() : value));
            }
            token[n] = Tensor.allocate(arena, DType.F32, 1, HEADS * SIZE);
            token[n].set(java.util.Arrays.copyOf(inputs[n].toFloats(), HEADS * SIZE));
        }
        state = Tensor.allocate(arena, DType.F32, HEADS, SIZE, SIZE);
        gradient = new float[TOKENS * HEADS * SIZE];
        for (int i = 0; i < gradient.length; i++) {
            gradient[i] = (float) random.nextGaussian();
        }
    }

    /// Frees them.
    @TearDown(Level.Trial)
    public void close() {
        tape.close();
        ops.close();
        team.close();
        arena.close();
    }

    /// One token after another, as in decoding.
    @Benchmark
    @OperationsPerInvocation(HEADS)
    public Tensor decode() {
        ops.begin();
        return ops.wkv7(
                token[0],
                token[1],
                token[2],
                token[3],
                token[4],
                token[5],
                SIZE,
                new OneSequence(1, state),
                0);
    }

    /// All tokens at once, as in reading a prompt.
    @Benchmark
    @OperationsPerInvocation(TOKENS * HEADS)
    public Tensor forward() {
        ops.begin();
        return ops.wkv7(
                inputs[0],
                inputs[1],
                inputs[2],
                inputs[3],
                inputs[4],
                inputs[5],
                SIZE,
                new OneSequence(TOKENS, state),
                0);
    }

    /// The same, keeping what a backward pass needs.
    @Benchmark
    @OperationsPerInvocation(TOKENS * HEADS)
    public Tensor recorded() {
        recording.begin();
        return recording.wkv7(
                inputs[0],
                inputs[1],
                inputs[2],
                inputs[3],
                inputs[4],
                inputs[5],
                SIZE,
                new OneSequence(TOKENS, state),
                0);
    }

    /// The same, and the backward pass.
    @Benchmark
    @OperationsPerInvocation(TOKENS * HEADS)
    public Tensor training() {
        Tensor y = recorded();
        tape.gradient(y).set(gradient);
        tape.backward();
        return tape.gradient(inputs[0]);
    }

    private record OneSequence(int rows, Tensor state) implements Segments {
        @Override
        public int count() {
            return 1;
        }

        @Override
        public int start(int segment) {
            return 0;
        }

        @Override
        public int end(int segment) {
            return rows;
        }

        @Override
        public int segment(int row) {
            return 0;
        }

        @Override
        public Tensor carried(int segment, int slot) {
            return state;
        }
    }
}
