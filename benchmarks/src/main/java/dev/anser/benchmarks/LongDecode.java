package dev.anser.benchmarks;

import dev.anser.base.WholeFile;
import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.model.Architectures;
import dev.anser.model.Batch;
import dev.anser.model.LanguageModel;
import dev.anser.model.State;
import dev.anser.tensor.Backends;
import dev.anser.tensor.EagerOps;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.knowm.xchart.VectorGraphicsEncoder;
import org.knowm.xchart.VectorGraphicsEncoder.VectorGraphicsFormat;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/// Decodes a million tokens greedily from one state, and writes the time per token and the resident
/// memory of each block of tokens as a table and a plot: both must stay flat, since the state has a
/// fixed size.
///
/// Arguments: the model, the number of tokens, and the path of the results without ending.
public final class LongDecode {
    private static final int BLOCKS = 100;

    private record Block(long tokens, double microsPerToken, double residentMegabytes) {}

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
        List<Block> blocks = run(model, tokens);
        writeTable(blocks, Path.of(arguments[2] + ".csv"));
        plot(blocks, model.getFileName().toString(), arguments[2]);
    }

    private static List<Block> run(Path file, int tokens) throws IOException {
        List<Block> blocks = new ArrayList<>();
        try (Checkpoint checkpoint = Checkpoints.open(file);
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
                Block block = new Block(done + perBlock, micros, residentBytes() / 1e6);
                blocks.add(block);
                System.err.printf(
                        Locale.ROOT,
                        "%,d tokens: %.1f µs per token, %.1f MB resident%n",
                        block.tokens(),
                        block.microsPerToken(),
                        block.residentMegabytes());
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

    private static long residentBytes() throws IOException {
        Path status = Path.of("/proc/self/status");
        if (!Files.exists(status)) {
            throw new IOException(
                    "/proc/self/status is not there; this benchmark reads the memory of Linux");
        }
        for (String line : Files.readAllLines(status)) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024;
            }
        }
        throw new IOException("/proc/self/status has no VmRSS line");
    }

    private static void writeTable(List<Block> blocks, Path file) {
        StringBuilder table = new StringBuilder("tokens,microsecondsPerToken,residentMegabytes\n");
        for (Block block : blocks) {
            table.append(
                    String.format(
                            Locale.ROOT,
                            "%d,%.2f,%.1f%n",
                            block.tokens(),
                            block.microsPerToken(),
                            block.residentMegabytes()));
        }
        byte[] bytes = table.toString().getBytes(StandardCharsets.UTF_8);
        WholeFile.write(file, channel -> channel.write(ByteBuffer.wrap(bytes)));
    }

    private static void plot(List<Block> blocks, String model, String result) throws IOException {
        double[] x = blocks.stream().mapToDouble(Block::tokens).toArray();
        double[] micros = blocks.stream().mapToDouble(Block::microsPerToken).toArray();
        double[] megabytes = blocks.stream().mapToDouble(Block::residentMegabytes).toArray();
        XYChart chart =
                new XYChartBuilder()
                        .width(900)
                        .height(420)
                        .title(
                                "Decoding "
                                        + String.format(Locale.ROOT, "%,.0f", x[x.length - 1])
                                        + " tokens, "
                                        + model)
                        .xAxisTitle("tokens since the start")
                        .build();
        chart.addSeries("µs per token (left)", x, micros).setMarker(SeriesMarkers.NONE);
        chart.addSeries("resident memory, MB (right)", x, megabytes)
                .setMarker(SeriesMarkers.NONE)
                .setYAxisGroup(1);
        chart.setYAxisGroupTitle(0, "µs per token");
        chart.setYAxisGroupTitle(1, "MB resident");
        chart.getStyler()
                .setYAxisMin(0, 0.0)
                .setYAxisMin(1, 0.0)
                .setYAxisGroupPosition(1, Styler.YAxisPosition.Right)
                .setLegendPosition(Styler.LegendPosition.InsideS);
        VectorGraphicsEncoder.saveVectorGraphic(chart, result, VectorGraphicsFormat.SVG);
    }
}
