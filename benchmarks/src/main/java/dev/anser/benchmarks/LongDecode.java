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
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Decodes a million tokens greedily from one state, and writes the time per token and the resident
/// memory of each block of tokens as a table and a plot: both must stay flat, since the state has a
/// fixed size.
///
/// Arguments: the model, the number of tokens, and the path of the results without ending.
public final class LongDecode {
    private static final int BLOCKS = 100;

    private LongDecode() {}

    /// Runs the benchmark.
    public static void main(String[] arguments) throws IOException {
        if (arguments.length != 3) {
            System.err.println(
                    "usage: LongDecode MODEL TOKENS RESULT (RESULT.csv and RESULT.svg are written)");
            System.exit(2);
        }
        Path model = Path.of(arguments[0]);
        int tokens = Integer.parseInt(arguments[1]);
        List<Results.Cost> blocks = run(model, tokens);
        writeTable(blocks, arguments[2]);
        plot(blocks, model.getFileName().toString(), arguments[2]);
    }

    private static List<Results.Cost> run(Path file, int tokens) throws IOException {
        List<Results.Cost> blocks = new ArrayList<>();
        try (Checkpoint checkpoint = Architectures.open(file);
                LanguageModel model = Architectures.load(checkpoint);
                Threads threads = new Threads(Threads.defaultCount());
                EagerOps ops = Backends.choose().newOps(threads);
                State state = model.newState()) {
            Batch batch = Batch.of(state, Batch.Logits.LAST, 0);
            int perBlock = Math.max(1, tokens / BLOCKS);
            int next = 0;
            for (int i = 0; i < 2_000; i++) { // let the compiler finish before the first block
                next = greedy(model.forward(ops, batch));
                batch.token(0, next);
            }
            for (long done = 0; done < tokens; done += perBlock) {
                long start = System.nanoTime();
                for (int i = 0; i < perBlock; i++) {
                    batch.token(0, next);
                    next = greedy(model.forward(ops, batch));
                }
                double micros = (System.nanoTime() - start) / 1e3 / perBlock;
                Results.Cost block =
                        new Results.Cost(done + perBlock, micros, ResidentMemory.now() / 1e6);
                blocks.add(block);
                System.err.printf(
                        Locale.ROOT,
                        "%,d tokens: %.1f µs per token, %.1f MB resident%n",
                        block.tokens(),
                        block.microsPerToken(),
                        block.megabytes());
            }
        }
        return blocks;
    }

    private static int greedy(Tensor logits) {
        int best = 0;
        for (int i = 1; i < logits.columns(); i++) {
            if (logits.get(i) > logits.get(best)) {
                best = i;
            }
        }
        return best;
    }

    private static void writeTable(List<Results.Cost> blocks, String result) {
        Results.table(
                result,
                "tokens,microsecondsPerToken,residentMegabytes",
                blocks.stream()
                        .map(block ->
                                String.format(
                                        Locale.ROOT,
                                        "%d,%.2f,%.1f",
                                        block.tokens(),
                                        block.microsPerToken(),
                                        block.megabytes()))
                        .toList());
    }

    private static void plot(List<Results.Cost> blocks, String model, String result)
            throws IOException {
        String title =
                String.format(
                        Locale.ROOT, "Decoding %,d tokens, %s", blocks.getLast().tokens(), model);
        Results.plot(
                result,
                new Results.Labels(title, "tokens since the start", "resident memory"),
                Results.Axis.EVEN,
                blocks);
    }
}
