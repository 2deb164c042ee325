package dev.anser.train.report;

import dev.anser.train.report.Curve.Against;
import dev.anser.train.report.Curve.Point;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Draws curves as SVG.
///
/// The picture knows its scales (`data-` attributes), from which the script of the report reads
/// values under the pointer; without the script it is a plain picture.
final class Chart {
    /// How a curve is drawn.
    enum Style {
        RAW("raw"),
        SMOOTH("smooth"),
        MARKED("marked");

        private final String name;

        Style(String name) {
            this.name = name;
        }
    }

    /// A curve of the chart.
    ///
    /// @param label its name in the legend and under the pointer
    /// @param colour from 0
    record Line(String label, int colour, Style style, List<Point> points) {}

    private static final int LEFT = 58;
    private static final int RIGHT = 16;
    private static final int TOP = 10;
    private static final int BOTTOM = 42;
    private static final int COLOURS = 8;
    private static final int MARKERS = 60;

    private final int width;
    private final int height;
    private final boolean fromZero;
    private final List<Line> lines = new ArrayList<>();

    /// A chart of so many pixels, whose vertical axis starts at zero or where the values do.
    Chart(int width, int height, boolean fromZero) {
        this.width = width;
        this.height = height;
        this.fromZero = fromZero;
    }

    void add(Line line) {
        if (line.points().stream().anyMatch(point -> !point.isGap())) {
            lines.add(line);
        }
    }

    boolean isEmpty() {
        return lines.isEmpty();
    }

    List<Line> lines() {
        return lines;
    }

    /// The highest value, when it is so far above the others that it is outside of the picture;
    /// otherwise NaN.
    double outside() {
        double[] values = values();
        double top = top(values);
        double highest = values[values.length - 1];
        return highest > top ? highest : Double.NaN;
    }

    private double[] values() {
        return lines.stream()
                .flatMap(line -> line.points().stream())
                .filter(point -> !point.isGap())
                .mapToDouble(Point::value)
                .sorted()
                .toArray();
    }

    /// One spike must not flatten the rest.
    private static double top(double[] sorted) {
        double highest = sorted[sorted.length - 1];
        double usual = sorted[(int) (0.98 * (sorted.length - 1))];
        return sorted.length >= 100 && usual > 0 && highest > 4 * usual ? 1.5 * usual : highest;
    }

    /// The picture against steps, tokens or time.
    String svg(Against against) {
        double end =
                lines.stream()
                        .flatMap(line -> line.points().stream())
                        .mapToDouble(point -> point.at(against))
                        .filter(Double::isFinite)
                        .max()
                        .orElse(0);
        String unit = against == Against.STEPS ? "steps" : "tokens";
        double size = 1;
        if (against == Against.SECONDS) {
            size = end >= 7200 ? 3600 : end >= 120 ? 60 : 1;
            unit = "training time (" + (size == 3600 ? "h" : size == 60 ? "min" : "s") + ")";
        }
        double right = end > 0 ? end / size : 1;
        double[] values = values();
        double top = top(values);
        double low = fromZero ? Math.min(0, values[0]) : values[0];
        double margin = top > low ? 0.05 * (top - low) : Math.max(Math.abs(top) * 0.05, 1e-12);
        double high = top + margin;
        low = fromZero && low == 0 ? 0 : low - margin;
        StringBuilder svg = new StringBuilder();
        svg.append(
                String.format(
                        Locale.ROOT,
                        "<svg viewBox=\"0 0 %d %d\" role=\"img\" class=\"x-%s\" data-left=\"%d\""
                                + " data-right=\"%d\" data-top=\"%d\" data-bottom=\"%d\""
                                + " data-x=\"%s\" data-low=\"%s\" data-high=\"%s\""
                                + " data-unit=\"%s\">\n",
                        width,
                        height,
                        against.name().toLowerCase(Locale.ROOT),
                        LEFT,
                        width - RIGHT,
                        TOP,
                        height - BOTTOM,
                        right,
                        low,
                        high,
                        unit));
        axes(svg, right, low, high, unit, against != Against.SECONDS);
        for (Line line : lines) {
            line(svg, line, new Scale(against, size, right, low, high));
        }
        return svg.append("</svg>\n").toString();
    }

    private void axes(
            StringBuilder svg, double right, double low, double high, String unit, boolean whole) {
        int bottom = height - BOTTOM;
        int end = width - RIGHT;
        Ticks up = Ticks.within(low, high, height > 300 ? 7 : 5);
        for (int i = 0; i < up.count(); i++) {
            double y = bottom - (up.at(i) - low) / (high - low) * (bottom - TOP);
            rule(svg, "grid", LEFT, y, end, y);
            text(svg, "tick", LEFT - 8, y + 4, "end", up.label(i));
        }
        Ticks along = Ticks.within(0, right, width > 600 ? 9 : 5);
        if (whole && along.step() < 1) {
            along = new Ticks(0, 1, (int) right + 1);
        }
        for (int i = 0; i < along.count(); i++) {
            double x = LEFT + along.at(i) / right * (end - LEFT);
            rule(svg, "axis", x, bottom, x, bottom + 4);
            text(svg, "tick", x, bottom + 17, "middle", along.label(i));
        }
        rule(svg, "axis", LEFT, bottom, end, bottom);
        text(svg, "unit", (LEFT + end) / 2.0, bottom + 35, "middle", unit);
    }

    private static void rule(
            StringBuilder svg, String style, double x1, double y1, double x2, double y2) {
        svg.append(
                String.format(
                        Locale.ROOT,
                        "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
                        style,
                        x1,
                        y1,
                        x2,
                        y2));
    }

    private static void text(
            StringBuilder svg, String style, double x, double y, String anchor, String text) {
        svg.append(
                String.format(
                        Locale.ROOT,
                        "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n",
                        style,
                        x,
                        y,
                        anchor,
                        text));
    }

    /// From values to pixels.
    private final class Scale {
        private final Against against;
        private final double size;
        private final double right;
        private final double low;
        private final double high;

        Scale(Against against, double size, double right, double low, double high) {
            this.against = against;
            this.size = size;
            this.right = right;
            this.low = low;
            this.high = high;
        }

        double x(Point point) {
            return LEFT + point.at(against) / size / right * (width - RIGHT - LEFT);
        }

        double y(Point point) {
            int bottom = height - BOTTOM;
            double y = bottom - (point.value() - low) / (high - low) * (bottom - TOP);
            // Far above the picture is above the picture.
            return Math.max(y, -9 * height);
        }
    }

    /// A path for each stretch without a gap; a lone point is a dot.
    private static void line(StringBuilder svg, Line line, Scale scale) {
        svg.append("<g class=\"line ").append(line.style().name);
        svg.append(" c").append(line.colour() % COLOURS);
        svg.append(line.colour() >= COLOURS ? " again" : "");
        svg.append("\" data-label=\"").append(Texts.html(line.label())).append("\">");
        int from = 0;
        List<Point> points = line.points();
        for (int i = 0; i <= points.size(); i++) {
            if (i == points.size() || points.get(i).isGap()) {
                path(svg, points.subList(from, i), scale);
                from = i + 1;
            }
        }
        if (line.style() == Style.MARKED && points.size() <= MARKERS) {
            points.stream().filter(point -> !point.isGap()).forEach(p -> dot(svg, p, scale));
        }
        svg.append("</g>\n");
    }

    private static void path(StringBuilder svg, List<Point> points, Scale scale) {
        if (points.size() == 1) {
            dot(svg, points.getFirst(), scale);
        }
        if (points.isEmpty()) {
            return;
        }
        svg.append("<polyline points=\"");
        for (Point point : points) {
            pixel(svg, scale.x(point));
            svg.append(',');
            pixel(svg, scale.y(point));
            svg.append(' ');
        }
        svg.setLength(svg.length() - 1);
        svg.append("\"/>");
    }

    private static void dot(StringBuilder svg, Point point, Scale scale) {
        svg.append("<circle r=\"2.6\" cx=\"");
        pixel(svg, scale.x(point));
        svg.append("\" cy=\"");
        pixel(svg, scale.y(point));
        svg.append("\"/>");
    }

    /// With one decimal, without the cost of a format.
    private static void pixel(StringBuilder svg, double value) {
        svg.append(Math.round(value * 10) / 10.0);
    }
}
