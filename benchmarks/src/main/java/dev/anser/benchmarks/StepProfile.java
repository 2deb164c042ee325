package dev.anser.benchmarks;

import dev.anser.checkpoint.TensorCheckpoint;
import dev.anser.model.Architectures;
import dev.anser.model.Batch;
import dev.anser.model.InitialWeight;
import dev.anser.model.InitialWeights;
import dev.anser.model.LanguageModel;
import dev.anser.model.State;
import dev.anser.model.Weight;
import dev.anser.model.rwkv7.Rwkv7Initial;
import dev.anser.tensor.Backends;
import dev.anser.tensor.CrossEntropy;
import dev.anser.tensor.DType;
import dev.anser.tensor.EagerOps;
import dev.anser.tensor.OperationTimes;
import dev.anser.tensor.RecordingOps;
import dev.anser.tensor.Tape;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.SequencedMap;
import java.util.Set;

/// Times the training passes of a byte model of 6 layers and 256 channels, operation by operation.
///
/// Arguments: sequences a batch, tokens a sequence, measured passes; by default 8, 256 and 5.
public final class StepProfile {
    private static final int VOCABULARY = 256;
    private static final Set<String> PRODUCTS = Set.of("linear", "project");
    private static final Set<String> WKV = Set.of("wkv7");

    private StepProfile() {}

    /// Runs the profile.
    public static void main(String[] arguments) {
        int sequences = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 8;
        int context = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 256;
        int passes = arguments.length > 2 ? Integer.parseInt(arguments[2]) : 5;
        try (Arena arena = Arena.ofShared();
                Threads threads = new Threads(Threads.defaultCount());
                LanguageModel model = model(arena, threads);
                EagerOps eager = Backends.choose().newOps(threads);
                Tape tape = new Tape()) {
            for (Weight weight : model.weights()) {
                tape.watch(
                        weight.tensor(),
                        Tensor.allocate(arena, DType.F32, weight.tensor().shape().sizes()));
            }
            OperationTimes times = new OperationTimes();
            tape.time(times);
            RecordingOps ops = new RecordingOps(eager, threads, tape);
            Random random = new Random(1);
            long loss = 0;
            long start = 0;
            for (int pass = -passes; pass < passes; pass++) {
                if (pass == 0) {
                    times.clear();
                    loss = 0;
                    start = System.nanoTime();
                }
                loss += pass(model, ops, tape, eager, sequences, context, random);
            }
            double all = (System.nanoTime() - start) / 1e6 / passes;
            print(times, loss, all, passes);
            System.out.printf(
                    Locale.ROOT,
                    "%d x %d tokens, %d threads: %.0f tokens/s%n",
                    sequences,
                    context,
                    threads.count(),
                    sequences * context / all * 1e3);
        }
    }

    private static void print(OperationTimes times, long loss, double all, int passes) {
        long sum = loss;
        for (OperationTimes.Entry entry : times.entries()) {
            sum += entry.forwardNanos() + entry.backwardNanos();
            System.out.printf(
                    Locale.ROOT,
                    "%-16s forward %8.2f ms, backward %8.2f ms%n",
                    entry.operation(),
                    entry.forwardNanos() / 1e6 / passes,
                    entry.backwardNanos() / 1e6 / passes);
        }
        long products = times.nanos(PRODUCTS);
        long wkv = times.nanos(WKV);
        System.out.printf(Locale.ROOT, "%-16s %8.2f ms%n", "loss", loss / 1e6 / passes);
        System.out.printf(
                Locale.ROOT,
                "products %.1f ms, WKV %.1f ms, other %.1f ms, of %.1f ms%n",
                products / 1e6 / passes,
                wkv / 1e6 / passes,
                (sum - products - wkv) / 1e6 / passes,
                all);
    }

    /// Returns the nanoseconds of the loss.
    private static long pass(
            LanguageModel model,
            RecordingOps ops,
            Tape tape,
            EagerOps eager,
            int sequences,
            int context,
            Random random) {
        List<State> states = new ArrayList<>();
        Batch.Builder batch = Batch.builder();
        for (int i = 0; i < sequences; i++) {
            State state = model.newState();
            states.add(state);
            batch.add(state, Batch.Logits.ALL, random.ints(context, 0, VOCABULARY).toArray());
        }
        Tensor logits = model.forward(ops, batch.build());
        int[] targets = random.ints((long) sequences * context, 0, VOCABULARY).toArray();
        long start = System.nanoTime();
        CrossEntropy.sum(eager, logits, targets, 1.0 / targets.length, logits, false);
        long nanos = System.nanoTime() - start;
        tape.setGradient(logits, logits);
        tape.backward();
        states.forEach(State::close);
        return nanos;
    }

    private static LanguageModel model(Arena arena, Threads threads) {
        InitialWeights initial =
                Rwkv7Initial.of(new Rwkv7Initial.Sizes(6, 256, 64, VOCABULARY, 32, 32, 32, 64), 1);
        SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
        for (InitialWeight weight : initial.weights()) {
            Tensor tensor = Tensor.allocate(arena, DType.F32, weight.shape().sizes());
            weight.fill(tensor, threads);
            tensors.put(weight.name(), tensor);
        }
        return Architectures.load(new TensorCheckpoint("profile", "profile", tensors, Map.of()));
    }
}
