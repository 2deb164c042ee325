package dev.anser.benchmarks;

import dev.anser.tensor.Backends;
import dev.anser.tensor.DType;
import dev.anser.tensor.EagerOps;
import dev.anser.tensor.Ops;
import dev.anser.tensor.RecordingOps;
import dev.anser.tensor.Segments;
import dev.anser.tensor.Tape;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;

/// Times each operation of training that is neither a product nor WKV, forwards and backwards.
///
/// Arguments: rows, columns, repetitions and one operation; by default 2048, 256, 50 and all. The
/// median is printed.
public final class OperationProfile {
    private static final int HEAD_SIZE = 64;
    private static final int SEQUENCE = 256;

    private final Arena arena = Arena.ofShared();
    private final Random random = new Random(1);
    private final Tape tape = new Tape();

    private OperationProfile() {}

    /// Runs the profile.
    public static void main(String[] arguments) {
        int rows = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 2048;
        int columns = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 256;
        int repetitions = arguments.length > 2 ? Integer.parseInt(arguments[2]) : 50;
        String wanted = arguments.length > 3 ? arguments[3] : "";
        new OperationProfile().run(rows, columns, repetitions, wanted);
    }

    private record Equal(int rows, Tensor[] states) implements Segments {
        @Override
        public int count() {
            return states.length;
        }

        @Override
        public int start(int segment) {
            return segment * SEQUENCE;
        }

        @Override
        public int end(int segment) {
            return Math.min(rows, (segment + 1) * SEQUENCE);
        }

        @Override
        public int segment(int row) {
            return row / SEQUENCE;
        }

        @Override
        public Tensor carried(int segment, int slot) {
            return states[segment];
        }
    }

    private Tensor random(long... sizes) {
        Tensor tensor = Tensor.allocate(arena, DType.F32, sizes);
        for (long i = 0; i < tensor.elements(); i++) {
            tensor.set(i, (float) random.nextGaussian());
        }
        return tensor;
    }

    /// A vector with a gradient.
    private Tensor parameter(int columns) {
        Tensor parameter = random(columns);
        tape.watch(parameter, Tensor.allocate(arena, DType.F32, columns));
        return parameter;
    }

    private void run(int rows, int columns, int repetitions, String wanted) {
        Tensor x = random(rows, columns);
        Tensor[] more = new Tensor[5];
        for (int i = 0; i < more.length; i++) {
            more[i] = random(rows, columns);
        }
        Tensor weight = parameter(columns);
        Tensor bias = parameter(columns);
        Tensor bonus = parameter(columns);
        Tensor[] mixes = new Tensor[6];
        for (int i = 0; i < mixes.length; i++) {
            mixes[i] = parameter(columns);
        }
        Tensor[] one = {mixes[0]};
        Tensor[] states = new Tensor[(rows + SEQUENCE - 1) / SEQUENCE];
        for (int i = 0; i < states.length; i++) {
            states[i] = random(columns);
        }
        Segments segments = new Equal(rows, states);
        Tensor table = random(256, columns);
        tape.watch(table, Tensor.allocate(arena, DType.F32, 256, columns));
        int[] ids = new int[rows];
        Arrays.setAll(ids, i -> random.nextInt(256));

        Map<String, Function<Ops, Tensor>> all = new LinkedHashMap<>();
        all.put("embedding", ops -> ops.embedding(table, ids, rows));
        all.put("add", ops -> ops.add(x, more[0]));
        all.put("tanh", ops -> ops.tanh(x));
        all.put("sigmoid", ops -> ops.sigmoid(x));
        all.put("reluSquared", ops -> ops.reluSquared(x));
        all.put("sigmoidWithBias", ops -> ops.sigmoidWithBias(x, bias));
        all.put("decay7", ops -> ops.decay7(x, bias));
        all.put("lerp", ops -> ops.lerp(x, more[0], more[1]));
        all.put("layerNorm", ops -> ops.layerNorm(x, weight, bias, 1e-5f));
        all.put("shiftLerp of 1", ops -> ops.shiftLerp(x, one, segments, 0));
        all.put("shiftLerp of 6", ops -> ops.shiftLerp(x, mixes, segments, 0));
        all.put("keys7", ops -> ops.keys7(x, more[0], weight, bias, HEAD_SIZE));
        all.put(
                "gatedGroupNorm7",
                ops ->
                        ops.gatedGroupNorm7(
                                x, weight, bias, 64e-5f, more[0], more[1], more[2], bonus, more[3],
                                HEAD_SIZE));

        try (arena;
                tape;
                Threads threads = new Threads(Threads.defaultCount());
                EagerOps eager = Backends.choose().newOps(threads)) {
            Ops ops = new RecordingOps(eager, threads, tape);
            System.out.printf("%d rows of %d, %d threads%n", rows, columns, threads.count());
            all.forEach((name, operation) -> {
                if (name.startsWith(wanted)) {
                    time(name, operation, ops, repetitions);
                }
            });
        }
    }

    private void time(String name, Function<Ops, Tensor> operation, Ops ops, int repetitions) {
        long[] forward = new long[repetitions];
        long[] backward = new long[repetitions];
        for (int i = -repetitions; i < repetitions; i++) {
            ops.begin();
            long start = System.nanoTime();
            Tensor y = operation.apply(ops);
            long end = System.nanoTime();
            tape.gradient(y).copyFrom(y);
            long startBack = System.nanoTime();
            tape.backward();
            long endBack = System.nanoTime();
            if (i >= 0) {
                forward[i] = end - start;
                backward[i] = endBack - startBack;
            }
        }
        Arrays.sort(forward);
        Arrays.sort(backward);
        System.out.printf(
                Locale.ROOT,
                "%-16s forward %8.0f us, backward %8.0f us%n",
                name,
                forward[repetitions / 2] / 1e3,
                backward[repetitions / 2] / 1e3);
    }
}
