package dev.anser.benchmarks;

import dev.anser.base.AnserException;
import dev.anser.tensor.Backends;
import dev.anser.tensor.DType;
import dev.anser.tensor.EagerOps;
import dev.anser.tensor.Precision;
import dev.anser.tensor.RecordingOps;
import dev.anser.tensor.Tape;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/// GFLOP/s of the matrix products of training, by the Vector API and by oneDNN in turns:
/// `benchmarks/products [THREADS [SECONDS]]`.
///
/// `linear` is `x · wᵀ`, `project` is `x · w`, `gradients` is both gradients of `linear` (to x and
/// to w, added to what is there), counted as two products. Each number is the best of the
/// repetitions that fit into SECONDS.
public final class ProductSpeed {
    private record Size(int rows, int in, int out) {
        @Override
        public String toString() {
            return rows + "x" + in + "x" + out;
        }
    }

    private enum Form {
        LINEAR,
        PROJECT,
        GRADIENTS
    }

    private record Way(String backend, Precision precision) {}

    private static final List<Size> SIZES =
            List.of(
                    new Size(512, 2048, 8192),
                    new Size(2048, 768, 3072),
                    new Size(2048, 3072, 768),
                    new Size(2048, 768, 768),
                    new Size(2048, 768, 64),
                    new Size(2048, 64, 768),
                    new Size(8192, 256, 1024),
                    new Size(8192, 1024, 256));

    private static final List<Way> WAYS =
            List.of(
                    new Way("vector", Precision.F32),
                    new Way("onednn", Precision.F32),
                    new Way("onednn", Precision.BF16));

    private ProductSpeed() {}

    /// Prints one line for each size and form.
    public static void main(String[] arguments) {
        int count = arguments.length > 0 ? Integer.parseInt(arguments[0]) : Threads.defaultCount();
        double seconds = arguments.length > 1 ? Double.parseDouble(arguments[1]) : 1;
        List<Way> ways = new ArrayList<>();
        for (Way way : WAYS) {
            try {
                String description = Backends.named(way.backend()).description();
                System.out.printf("%s %s: %s%n", way.backend(), way.precision(), description);
                ways.add(way);
            } catch (AnserException e) {
                System.out.println(e.getMessage());
            }
        }
        System.out.printf("GFLOP/s, %d threads%n%-28s", count, "rows x in x out");
        ways.forEach(way -> System.out.printf("%14s", way.backend() + " " + way.precision()));
        System.out.println();
        for (Size size : SIZES) {
            for (Form form : Form.values()) {
                System.out.printf("%-28s", size + " " + form.name().toLowerCase(Locale.ROOT));
                for (Way way : ways) {
                    System.out.printf("%14.0f", flops(way, size, form, count, seconds) / 1e9);
                }
                System.out.println();
            }
        }
    }

    private static double flops(Way way, Size size, Form form, int count, double seconds) {
        try (Arena arena = Arena.ofShared();
                Threads threads = new Threads(count);
                EagerOps ops = Backends.named(way.backend()).newOps(threads);
                Tape tape = new Tape()) {
            ops.precision(way.precision());
            Random random = new Random(1);
            Tensor x = gaussian(arena, random, size.rows(), size.in());
            Tensor weight = gaussian(arena, random, size.out(), size.in());
            Tensor transposed = gaussian(arena, random, size.in(), size.out());
            RecordingOps recording = new RecordingOps(ops, threads, tape);
            tape.watch(weight, Tensor.allocate(arena, DType.F32, size.out(), size.in()));
            double best = Double.MAX_VALUE;
            long end = System.nanoTime() + (long) (seconds * 1e9);
            for (int i = 0; i < 3 || System.nanoTime() < end; i++) {
                recording.begin();
                if (form == Form.GRADIENTS) {
                    tape.gradient(recording.linear(x, weight));
                }
                long start = System.nanoTime();
                switch (form) {
                    case LINEAR -> ops.linear(x, weight);
                    case PROJECT -> ops.project(x, transposed);
                    case GRADIENTS -> tape.backward();
                }
                best = Math.min(best, (System.nanoTime() - start) / 1e9);
            }
            double product = 2.0 * size.rows() * size.in() * size.out();
            return (form == Form.GRADIENTS ? 2 : 1) * product / best;
        }
    }

    private static Tensor gaussian(Arena arena, Random random, int rows, int columns) {
        Tensor tensor = Tensor.allocate(arena, DType.F32, rows, columns);
        for (long i = 0; i < tensor.elements(); i++) {
            tensor.set(i, (float) random.nextGaussian());
        }
        return tensor;
    }
}
