package dev.anser.benchmarks;

import dev.anser.base.WholeFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.knowm.xchart.VectorGraphicsEncoder;
import org.knowm.xchart.VectorGraphicsEncoder.VectorGraphicsFormat;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/// Tables and plots of what tokens cost.
final class Results {
    /// What a token costs after, or among, so many tokens.
    record Cost(long tokens, double microsPerToken, double megabytes) {}

    /// What a plot is called, its axis of tokens and its line of memory.
    record Labels(String title, String tokens, String memory) {}

    /// How the axis of tokens runs.
    enum Axis {
        EVEN,
        /// Each power of two has a mark, all at one distance.
        DOUBLING
    }

    private Results() {}

    /// Writes `result.csv`, whole or not at all.
    static void table(String result, String header, List<String> rows) {
        String lines = header + "\n" + String.join("\n", rows) + "\n";
        byte[] bytes = lines.getBytes(StandardCharsets.UTF_8);
        WholeFile.write(Path.of(result + ".csv"), channel -> channel.write(ByteBuffer.wrap(bytes)));
    }

    /// Writes `result.svg`: time per token and memory, both from zero.
    static void plot(String result, Labels labels, Axis axis, List<Cost> costs) throws IOException {
        boolean doubling = axis == Axis.DOUBLING;
        double[] x =
                costs.stream()
                        .mapToDouble(
                                cost -> doubling ? log2(cost.tokens()) : (double) cost.tokens())
                        .toArray();
        double[] micros = costs.stream().mapToDouble(Cost::microsPerToken).toArray();
        double[] megabytes = costs.stream().mapToDouble(Cost::megabytes).toArray();
        XYChart chart =
                new XYChartBuilder()
                        .width(900)
                        .height(420)
                        .title(labels.title())
                        .xAxisTitle(labels.tokens())
                        .build();
        XYSeries time = chart.addSeries("µs per token (left)", x, micros);
        XYSeries memory = chart.addSeries(labels.memory() + ", MB (right)", x, megabytes);
        memory.setYAxisGroup(1);
        for (XYSeries series : List.of(time, memory)) {
            series.setMarker(doubling ? SeriesMarkers.CIRCLE : SeriesMarkers.NONE);
        }
        chart.setYAxisGroupTitle(0, "µs per token");
        chart.setYAxisGroupTitle(1, "MB");
        chart.getStyler()
                .setYAxisMin(0, 0.0)
                .setYAxisMin(1, 0.0)
                .setYAxisGroupPosition(1, Styler.YAxisPosition.Right)
                .setLegendPosition(Styler.LegendPosition.InsideS);
        if (doubling) {
            chart.getStyler()
                    .setxAxisTickLabelsFormattingFunction(
                            power -> Long.toString(Math.round(Math.pow(2, power))));
        }
        VectorGraphicsEncoder.saveVectorGraphic(chart, result, VectorGraphicsFormat.SVG);
    }

    private static double log2(long tokens) {
        return Math.log((double) tokens) / Math.log(2);
    }
}
