package dev.anser.train.report;

import dev.anser.train.report.Chart.Style;
import dev.anser.train.report.Curve.Against;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/// The page of one run or of several.
final class ReportPage {
    private static final int WIDE = 1040;
    private static final int NARROW = 508;

    private final List<RunHistory> runs;
    private final List<String> names;
    private final StringBuilder html = new StringBuilder(1 << 20);

    ReportPage(List<RunHistory> runs) {
        this.runs = runs;
        this.names = distinct(runs);
    }

    private static List<String> distinct(List<RunHistory> runs) {
        Set<String> names = new LinkedHashSet<>();
        for (RunHistory run : runs) {
            String name = run.name();
            for (int i = 2; !names.add(name); i++) {
                name = run.name() + " (" + i + ")";
            }
        }
        return List.copyOf(names);
    }

    private boolean single() {
        return runs.size() == 1;
    }

    String html() {
        String title = Texts.html(String.join(" · ", names));
        html.append("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        html.append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        html.append("<title>").append(title).append("</title>\n");
        html.append("<style>\n").append(resource("report.css")).append("</style>\n");
        html.append(
                        "</head>\n<body"
                                + (single() ? "" : " class=\"compare\"")
                                + ">\n<main>\n<header><h1>")
                .append(title)
                .append("</h1>\n");
        if (single()) {
            RunHistory run = runs.getFirst();
            html.append("<p class=\"about\">").append(Texts.html(about(run))).append("</p>\n");
        }
        html.append("</header>\n");
        if (single()) {
            cards(runs.getFirst());
        } else {
            comparison();
        }
        charts();
        for (int i = 0; i < runs.size(); i++) {
            samples(runs.get(i), names.get(i));
        }
        table("Settings", run -> run.settings());
        table("Environment", ReportPage::environment);
        html.append("<footer>Made by Anser from the metrics of the run.</footer>\n");
        html.append("</main>\n<script>\n").append(resource("report.js"));
        html.append("</script>\n</body>\n</html>\n");
        return html.toString();
    }

    private static String about(RunHistory run) {
        List<String> about = new ArrayList<>();
        if (!run.version().isEmpty()) {
            about.add("Anser " + run.version());
        }
        if (run.began().length() >= 16) {
            about.add("started " + run.began().substring(0, 16).replace('T', ' ') + " UTC");
        }
        about.add(state(run));
        return String.join(" · ", about);
    }

    private static String state(RunHistory run) {
        if (run.reason().isEmpty()) {
            return run.step() == 0 ? "nothing has happened yet" : "not finished";
        }
        return run.reason();
    }

    private static Map<String, String> environment(RunHistory run) {
        Map<String, String> lines = new LinkedHashMap<>();
        lines.put("Anser", run.version());
        lines.putAll(run.environment());
        if (!run.lastSaved().isEmpty()) {
            lines.put("last checkpoint", run.lastSaved());
        }
        if (!run.resumptions().isEmpty()) {
            lines.put(
                    "changed when resumed",
                    run.resumptions().stream()
                            .map(step -> "after step " + step)
                            .collect(Collectors.joining(", ")));
        }
        return lines;
    }

    private void cards(RunHistory run) {
        html.append("<section class=\"cards\">\n");
        facts(run)
                .forEach((name, fact) ->
                        html.append("<div class=\"card\"><b>")
                                .append(Texts.html(fact.value()))
                                .append("</b><span>")
                                .append(Texts.html(name))
                                .append("</span><small>")
                                .append(Texts.html(fact.note()))
                                .append("</small></div>\n"));
        html.append("</section>\n");
    }

    private record Fact(String value, String note) {}

    private static Map<String, Fact> facts(RunHistory run) {
        Map<String, Fact> facts = new LinkedHashMap<>();
        facts.put(
                "training loss",
                new Fact(
                        Ticks.number(run.recentLoss()),
                        "nats, mean of the last " + run.recentSteps()));
        facts.put(
                "validation loss",
                new Fact(
                        Ticks.number(run.best().loss()),
                        "nats, best, after step " + Ticks.whole(run.best().step())));
        facts.put(
                "bits per byte",
                new Fact(
                        Ticks.number(run.last().bitsPerByte()),
                        "after step " + Ticks.whole(run.last().step())));
        facts.put("steps", new Fact(Ticks.whole(run.step()), "of " + Ticks.whole(run.steps())));
        facts.put("tokens", new Fact(Ticks.number((double) run.tokens()), "seen in training"));
        facts.put("training time", new Fact(Ticks.time(run.seconds()), "evaluations included"));
        facts.put(
                "tokens/s",
                new Fact(Ticks.number(run.tokens() / run.seconds()), "over the whole run"));
        facts.put("parameters", new Fact(Ticks.number((double) run.parameters()), "that learn"));
        facts.values().removeIf(fact -> fact.value().equals("–"));
        return facts;
    }

    private void comparison() {
        Set<String> columns = new LinkedHashSet<>();
        runs.forEach(run -> columns.addAll(facts(run).keySet()));
        html.append("<section class=\"scroll\"><table class=\"runs\"><thead><tr><th>run</th>");
        columns.forEach(name -> html.append("<th>").append(name).append("</th>"));
        html.append("<th>state</th></tr></thead>\n<tbody>\n");
        for (int i = 0; i < runs.size(); i++) {
            Map<String, Fact> facts = facts(runs.get(i));
            html.append("<tr><th><i class=\"key c").append(i % 8).append("\"></i>");
            html.append(Texts.html(names.get(i))).append("</th>");
            for (String column : columns) {
                Fact fact = facts.getOrDefault(column, new Fact("–", ""));
                html.append("<td title=\"").append(Texts.html(fact.note())).append("\">");
                html.append(Texts.html(fact.value())).append("</td>");
            }
            html.append("<td class=\"state\">").append(Texts.html(state(runs.get(i))));
            html.append("</td></tr>\n");
        }
        html.append("</tbody></table></section>\n");
    }

    private void charts() {
        html.append(
                """
                <section class="charts">
                <fieldset><legend>against</legend>
                <label><input type="radio" name="x" id="x-steps" checked> steps</label>
                <label><input type="radio" name="x" id="x-tokens"> tokens</label>
                <label><input type="radio" name="x" id="x-seconds"> time</label></fieldset>
                """);
        chart("Loss", "nats per token", loss(new Chart(WIDE, 420, false), 0), run -> run.loss);
        html.append("<div class=\"grid-of-two\">\n");
        if (runs.stream().anyMatch(run -> run.step() >= 20)) {
            Chart later = loss(new Chart(NARROW, 260, false), 0.1);
            chart("Loss", "after the first tenth of the steps", later, _ -> new Curve());
        }
        small("Bits per byte", "validation", run -> run.bitsPerByte, Style.MARKED, false);
        small("Learning rate", "", run -> run.learningRate, Style.SMOOTH, true);
        small("Gradient norm", "before clipping", run -> run.gradientNorm, Style.RAW, true);
        small("Speed", "tokens per second", run -> run.tokensPerSecond, Style.RAW, true);
        if (highest(run -> run.gigaflopsPerSecond) > 0) {
            small(
                    "Matrix products",
                    "GFLOP per second",
                    run -> run.gigaflopsPerSecond,
                    Style.RAW,
                    true);
        }
        html.append("</div>\n</section>\n");
    }

    /// Adds the losses after a share of each run's steps to `chart`.
    private Chart loss(Chart chart, double after) {
        for (int i = 0; i < runs.size(); i++) {
            RunHistory run = runs.get(i);
            double from = after * run.step();
            String name = single() ? "training" : names.get(i);
            String validation = single() ? "validation" : names.get(i) + ", validation";
            chart.add(new Chart.Line("each step", i, Style.RAW, since(from, run.loss.points())));
            chart.add(new Chart.Line(name, i, Style.SMOOTH, since(from, run.loss.smoothed())));
            chart.add(
                    new Chart.Line(
                            validation,
                            single() ? 1 : i,
                            Style.MARKED,
                            since(from, run.validation.points())));
        }
        return chart;
    }

    private static List<Curve.Point> since(double step, List<Curve.Point> points) {
        return points.stream().filter(point -> point.step() >= step).toList();
    }

    private double highest(Function<RunHistory, Curve> curve) {
        ToDoubleFunction<RunHistory> highest =
                run ->
                        curve.apply(run).points().stream()
                                .mapToDouble(Curve.Point::value)
                                .filter(Double::isFinite)
                                .max()
                                .orElse(0);
        return runs.stream().mapToDouble(highest).max().orElse(0);
    }

    /// A chart of one curve a run; where single steps scatter, their mean as well.
    private void small(
            String title,
            String unit,
            Function<RunHistory, Curve> curve,
            Style style,
            boolean fromZero) {
        Chart chart = new Chart(NARROW, 260, fromZero);
        for (int i = 0; i < runs.size(); i++) {
            Curve of = curve.apply(runs.get(i));
            String name = single() ? title.toLowerCase(Locale.ROOT) : names.get(i);
            if (style == Style.RAW) {
                chart.add(new Chart.Line("each step", i, Style.RAW, of.points()));
                chart.add(new Chart.Line(name, i, Style.SMOOTH, of.smoothed()));
            } else {
                int colour = single() && style == Style.MARKED ? 1 : i;
                chart.add(new Chart.Line(name, colour, style, of.points()));
            }
        }
        chart(title, unit, chart, curve);
    }

    private void chart(String title, String unit, Chart chart, Function<RunHistory, Curve> curve) {
        List<String> notes = new ArrayList<>();
        for (int i = 0; i < runs.size(); i++) {
            Curve of = curve.apply(runs.get(i));
            if (of.gaps() > 0) {
                notes.add(
                        (single() ? "" : names.get(i) + ": ")
                                + Ticks.whole(of.gaps())
                                + (of.gaps() == 1 ? " step" : " steps")
                                + " without a finite value, first at "
                                + Ticks.whole((long) of.firstGap()));
            }
        }
        if (chart.isEmpty() && notes.isEmpty()) {
            return;
        }
        html.append("<figure><figcaption><h2>").append(title);
        html.append(unit.isEmpty() ? "" : " <small>" + unit + "</small>").append("</h2>");
        if (!chart.isEmpty()) {
            legend(chart);
            double outside = chart.outside();
            if (Double.isFinite(outside)) {
                notes.add("the highest, " + Ticks.number(outside) + ", is above the picture");
            }
        }
        html.append("</figcaption>\n");
        if (!chart.isEmpty()) {
            for (Against against : Against.values()) {
                html.append(chart.svg(against));
            }
        }
        for (String note : notes) {
            html.append("<p class=\"note\">").append(Texts.html(note)).append("</p>\n");
        }
        html.append("</figure>\n");
    }

    private void legend(Chart chart) {
        boolean smooth = chart.lines().stream().anyMatch(line -> line.style() == Style.SMOOTH);
        boolean marked = chart.lines().stream().anyMatch(line -> line.style() == Style.MARKED);
        List<Chart.Line> lines =
                chart.lines().stream()
                        .filter(line ->
                                single() || line.style() == (smooth ? Style.SMOOTH : Style.MARKED))
                        .toList();
        if (lines.size() < 2) {
            return;
        }
        html.append("<p class=\"legend\">");
        for (Chart.Line line : lines) {
            html.append("<span><i class=\"key c").append(line.colour() % 8).append(' ');
            html.append(line.style().name().toLowerCase(Locale.ROOT));
            html.append("\"></i>").append(Texts.html(line.label())).append("</span>");
        }
        html.append(!single() && smooth && marked ? "<span>dotted: validation</span>" : "");
        html.append("</p>");
    }

    private void samples(RunHistory run, String name) {
        if (run.samples().isEmpty()) {
            return;
        }
        html.append("<section class=\"samples\"><h2>Samples");
        html.append(single() ? "" : " of " + Texts.html(name));
        if (run.samplesSeen() > run.samples().size()) {
            html.append(" <small>")
                    .append(run.samples().size())
                    .append(" of ")
                    .append(Ticks.whole(run.samplesSeen()))
                    .append(" moments</small>");
        }
        html.append("</h2>\n");
        RunHistory.Samples last = run.samples().getLast();
        for (RunHistory.Samples samples : run.samples().reversed()) {
            html.append(samples == last ? "<details open>" : "<details>");
            html.append("<summary>after step ").append(Ticks.whole(samples.step()));
            html.append(" <q>").append(Texts.html(preview(samples))).append("</q></summary>\n");
            for (RunHistory.Sample sample : samples.texts()) {
                html.append("<pre><em>").append(Texts.html(sample.prompt())).append("</em>");
                html.append(Texts.html(sample.text())).append("</pre>\n");
            }
            html.append("</details>\n");
        }
        html.append("</section>\n");
    }

    private static String preview(RunHistory.Samples samples) {
        String text = samples.texts().getFirst().text().strip().replaceAll("\\s+", " ");
        return text.length() <= 110
                ? text
                : text.substring(0, Character.isHighSurrogate(text.charAt(109)) ? 109 : 110) + "…";
    }

    /// Names down, runs across; what is not the same in all runs stands out.
    private void table(String title, Function<RunHistory, Map<String, String>> of) {
        List<Map<String, String>> columns = runs.stream().map(of).toList();
        Set<String> rows = new LinkedHashSet<>();
        columns.forEach(column -> rows.addAll(column.keySet()));
        rows.removeIf(
                row -> columns.stream().allMatch(column -> column.getOrDefault(row, "").isEmpty()));
        if (rows.isEmpty()) {
            return;
        }
        html.append("<section><h2>").append(title).append("</h2>\n<div class=\"scroll\"><table>");
        if (!single()) {
            html.append("<thead><tr><th></th>");
            names.forEach(name -> html.append("<th>").append(Texts.html(name)).append("</th>"));
            html.append("</tr></thead>");
        }
        html.append("<tbody>\n");
        for (String row : rows) {
            List<String> values =
                    columns.stream().map(column -> column.getOrDefault(row, "–")).toList();
            boolean same = values.stream().distinct().count() == 1;
            html.append(same ? "<tr><th>" : "<tr class=\"differs\"><th>");
            html.append(Texts.html(row)).append("</th>");
            values.forEach(value -> html.append("<td>").append(Texts.html(value)).append("</td>"));
            html.append("</tr>\n");
        }
        html.append("</tbody></table></div></section>\n");
    }

    private static String resource(String name) {
        try (InputStream in =
                Objects.requireNonNull(ReportPage.class.getResourceAsStream(name), name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
