package dev.anser.benchmarks;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.Architectures;
import dev.anser.model.Batch;
import dev.anser.model.LanguageModel;
import dev.anser.model.State;
import dev.anser.tensor.Backends;
import dev.anser.tensor.EagerOps;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.nio.file.Path;
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
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/// One token of one sequence, and a prompt of 512, through a whole model. With `-prof gc` the first
/// shows that decoding allocates nothing on the Java heap.
@org.openjdk.jmh.annotations.State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 3, time = 3)
@Measurement(iterations = 5, time = 3)
@Fork(
        value = 1,
        jvmArgsAppend = {
            "--add-modules=jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED",
            "-Djdk.incubator.vector.VECTOR_ACCESS_OOB_CHECK=0"
        })
@NullUnmarked
public class DecodeBenchmark {
    /// The model file, such as one made by `anser init 0.1b`.
    @Param("")
    public String model;

    /// Members of the team.
    @Param("2")
    public int threads;

    private Checkpoint checkpoint;
    private LanguageModel languageModel;
    private Threads team;
    private EagerOps ops;
    private State state;
    private Batch token;
    private Batch prompt;
    private int next;

    /// Opens the model.
    @Setup(Level.Trial)
    public void open() {
        checkpoint = Architectures.open(Path.of(model));
        languageModel = Architectures.load(checkpoint);
        team = new Threads(threads);
        ops = Backends.choose().newOps(team);
        state = languageModel.newState();
        token = Batch.of(state, Batch.Logits.LAST, 0);
        int[] tokens = new int[512];
        for (int i = 0; i < tokens.length; i++) {
            tokens[i] = i % languageModel.config().vocabulary();
        }
        prompt = Batch.of(state, Batch.Logits.LAST, tokens);
    }

    /// Closes everything.
    @TearDown(Level.Trial)
    public void close() {
        state.close();
        ops.close();
        team.close();
        languageModel.close();
        checkpoint.close();
    }

    /// The next token of a sequence.
    @Benchmark
    public Tensor decode() {
        next = (next + 1) % languageModel.config().vocabulary();
        token.token(0, next);
        return languageModel.forward(ops, token);
    }

    /// 512 tokens at once.
    @Benchmark
    public Tensor prefill512() {
        return languageModel.forward(ops, prompt);
    }
}
