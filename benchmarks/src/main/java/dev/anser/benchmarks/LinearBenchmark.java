package dev.anser.benchmarks;

import dev.anser.tensor.Backends;
import dev.anser.tensor.DType;
import dev.anser.tensor.EagerOps;
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
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/// `x · wᵀ` for one row (memory-bound: bytes per ms) and for many (compute-bound).
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(
        value = 1,
        jvmArgsAppend = {
            "--add-modules=jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED",
            "-Djdk.incubator.vector.VECTOR_ACCESS_OOB_CHECK=0"
        })
@NullUnmarked
public class LinearBenchmark {
    /// How the weights are stored.
    @Param({"F32", "F16", "BF16"})
    public DType type;

    /// Rows of `x`.
    @Param({"1", "512"})
    public int rows;

    /// Length of a row.
    @Param("1024")
    public int in;

    /// Outputs; 65536 × 1024 weights do not fit any cache.
    @Param("65536")
    public int out;

    /// Members of the team.
    @Param("2")
    public int threads;

    private Arena arena;
    private Threads team;
    private EagerOps ops;
    private Tensor x;
    private Tensor weight;

    /// Makes random operands.
    @Setup(Level.Trial)
    public void open() {
        arena = Arena.ofShared();
        team = new Threads(threads);
        ops = Backends.choose().newOps(team);
        Random random = new Random(1);
        x = Tensor.allocate(arena, DType.F32, rows, in);
        weight = Tensor.allocate(arena, type, out, in);
        for (long i = 0; i < x.elements(); i++) {
            x.set(i, (float) random.nextGaussian());
        }
        for (long i = 0; i < weight.elements(); i++) {
            weight.set(i, (random.nextFloat() - 0.5f) * 0.1f);
        }
    }

    /// Frees them.
    @TearDown(Level.Trial)
    public void close() {
        ops.close();
        team.close();
        arena.close();
    }

    /// One product.
    @Benchmark
    public Tensor linear() {
        ops.begin();
        return ops.linear(x, weight);
    }
}
