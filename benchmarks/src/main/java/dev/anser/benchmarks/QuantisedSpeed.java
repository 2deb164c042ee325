package dev.anser.benchmarks;

import dev.anser.tensor.Activations;
import dev.anser.tensor.Backends;
import dev.anser.tensor.DType;
import dev.anser.tensor.EagerOps;
import dev.anser.tensor.Quantiser;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/// How fast decoding reads weights of one type: one row times matrices of 4096 × 4096, in GB/s of
/// their bytes and in billions of weights a second. `benchmarks/quantised [THREADS [SECONDS]]` runs
/// it for every type, each in a Java of its own: a compiler that has seen one type treats the next
/// differently.
///
/// There are as many matrices as exceed any cache. Each number is the best pass over all of them
/// that fits into SECONDS, after a warm-up as long.
public final class QuantisedSpeed {
    private static final int SIZE = 4096;
    private static final long BYTES = 256 << 20;

    private QuantisedSpeed() {}

    /// Prints one line: THREADS SECONDS TYPE ACTIVATIONS.
    public static void main(String[] arguments) {
        int count = Integer.parseInt(arguments[0]);
        double seconds = Double.parseDouble(arguments[1]);
        DType type = DType.valueOf(arguments[2]);
        Activations activations = Activations.valueOf(arguments[3]);
        long bytes = type.bytes((long) SIZE * SIZE);
        int matrices = (int) (BYTES / bytes);
        double best = best(type, activations, matrices, count, seconds);
        double weights = (double) SIZE * SIZE * matrices;
        System.out.printf(
                "%-6s%5s%8.1f GB/s%8.2f Gweights/s%n",
                type, activations, bytes * matrices / best / 1e9, weights / best / 1e9);
    }

    private static double best(
            DType type, Activations activations, int matrices, int count, double seconds) {
        try (Arena arena = Arena.ofShared();
                Threads threads = new Threads(count);
                EagerOps ops = Backends.choose().newOps(threads)) {
            ops.activations(activations);
            Tensor x = gaussian(arena, 1);
            Tensor rows = gaussian(arena, 16);
            Tensor encoded = Tensor.allocate(arena, type, 16, SIZE);
            Quantiser.encode(rows, encoded);
            List<Tensor> weights = new ArrayList<>();
            for (int i = 0; i < matrices; i++) {
                Tensor weight = Tensor.allocate(arena, type, SIZE, SIZE);
                for (int row = 0; row < SIZE; row++) {
                    weight.part(row).copyFrom(encoded.part(row % 16));
                }
                weights.add(weight);
            }
            pass(ops, x, weights, seconds);
            return pass(ops, x, weights, seconds);
        }
    }

    private static double pass(EagerOps ops, Tensor x, List<Tensor> weights, double seconds) {
        double best = Double.MAX_VALUE;
        long end = System.nanoTime() + (long) (seconds * 1e9);
        while (System.nanoTime() < end) {
            long start = System.nanoTime();
            for (Tensor weight : weights) {
                ops.begin();
                ops.linear(x, weight);
            }
            best = Math.min(best, (System.nanoTime() - start) / 1e9);
        }
        return best;
    }

    private static Tensor gaussian(Arena arena, int rows) {
        Random random = new Random(1);
        Tensor tensor = Tensor.allocate(arena, DType.F32, rows, SIZE);
        for (long i = 0; i < tensor.elements(); i++) {
            tensor.set(i, (float) random.nextGaussian());
        }
        return tensor;
    }
}
