package dev.anser.cli;

import dev.anser.model.Batch;
import dev.anser.model.LanguageModel;
import dev.anser.model.State;
import dev.anser.tensor.Activations;
import dev.anser.tensor.Threads;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.core.JsonGenerator;

/// `anser bench`: how fast a model runs here, beside how fast it could.
@Command(
        name = "bench",
        description = "Measures how fast a model reads prompts and decodes. Needs no tokenizer.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footer = {"", "Example:", "  anser bench model.pth -p 512 -n 128 -r 5"})
final class BenchCommand implements Callable<Integer> {
    /// As many tokens of a prompt are run at once.
    private static final int CHUNK = 512;

    private final Console console;

    @Spec private CommandSpec spec;

    @Parameters(
            paramLabel = "MODEL",
            converter = ModelPath.class,
            description = "A model file or folder of any format, or what was pulled.")
    private Path model;

    @Option(
            names = "-p",
            paramLabel = "TOKENS",
            description = "Tokens of the prompt, 0 to 1000000; 0 leaves it out. Default: 512.")
    private int promptTokens = 512;

    @Option(
            names = "-n",
            paramLabel = "TOKENS",
            description = "Tokens to decode, 0 to 1000000; 0 leaves it out. Default: 128.")
    private int decodeTokens = 128;

    @Option(
            names = "-b",
            paramLabel = "SEQUENCES",
            description = "Sequences decoded together, 1 to 1024. Default: 1.")
    private int batch = 1;

    @Option(names = "-r", paramLabel = "N", description = "Repetitions, 1 to 1000. Default: 5.")
    private int repetitions = 5;

    @Option(
            names = "--warmup",
            paramLabel = "N",
            description = "Repetitions before those that count, 0 to 1000. Default: 1.")
    private int warmup = 1;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Mixin private StateOption state;
    @Mixin private ActivationOption activations;
    @Mixin private ComputeOptions compute;

    BenchCommand(Console console) {
        this.console = console;
    }

    /// The rates of the repetitions of one test, in tokens/s.
    private record Rates(List<Double> tokensPerSecond) {
        double median() {
            if (tokensPerSecond.isEmpty()) {
                return Double.NaN;
            }
            double[] sorted = tokensPerSecond.stream().mapToDouble(rate -> rate).sorted().toArray();
            int half = sorted.length / 2;
            return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
        }

        double mean() {
            return tokensPerSecond.stream().mapToDouble(rate -> rate).average().orElse(Double.NaN);
        }

        double deviation() {
            double mean = mean();
            double squares =
                    tokensPerSecond.stream()
                            .mapToDouble(rate -> (rate - mean) * (rate - mean))
                            .sum();
            return tokensPerSecond.size() < 2
                    ? 0
                    : Math.sqrt(squares / (tokensPerSecond.size() - 1));
        }
    }

    private record Report(
            Engine engine,
            Rates prefill,
            Rates decode,
            double decodeGigabytesPerSecond,
            double readBandwidth,
            OptionalLong peakResidentBytes) {}

    @Override
    public Integer call() {
        requireRange("-p", promptTokens, 0, 1_000_000);
        requireRange("-n", decodeTokens, 0, 1_000_000);
        requireRange("-b", batch, 1, 1024);
        requireRange("-r", repetitions, 1, 1000);
        requireRange("--warmup", warmup, 0, 1000);
        if (promptTokens == 0 && decodeTokens == 0) {
            throw new ParameterException(
                    spec.commandLine(), "-p and -n are both 0; nothing to measure");
        }
        try (Engine engine = Engine.open(model, compute)) {
            activations.apply(engine, Activations.INT8);
            int[] tokens = tokens(engine.model().config().vocabulary());
            Rates prefill = promptTokens == 0 ? new Rates(List.of()) : prefill(engine, tokens);
            Rates decode = decodeTokens == 0 ? new Rates(List.of()) : decode(engine, tokens);
            // Before the buffer of the measurement below counts as well.
            OptionalLong peak =
                    Machine.peakResidentMemory().map(OptionalLong::of).orElse(OptionalLong.empty());
            double effective = decode.median() / batch * engine.model().bytesPerToken() / 1e9;
            Report report =
                    new Report(
                            engine, prefill, decode, effective, bandwidth(engine.threads()), peak);
            if (json) {
                Json.print(console, out -> writeJson(report, out));
            } else {
                printTable(report);
            }
        }
        return 0;
    }

    private void requireRange(String option, int value, int least, int most) {
        if (value < least || value > most) {
            throw new ParameterException(
                    spec.commandLine(),
                    option + " is " + value + "; expected " + least + " to " + most);
        }
    }

    private int[] tokens(int vocabulary) {
        return new SplittableRandom(1)
                .ints(Math.max(Math.max(promptTokens, decodeTokens), batch), 0, vocabulary)
                .toArray();
    }

    private double bandwidth(Threads threads) {
        console.interruption().check();
        try (ReadBandwidth bandwidth = new ReadBandwidth()) {
            return bandwidth.gigabytesPerSecond(threads);
        }
    }

    private Rates prefill(Engine engine, int[] tokens) {
        List<Double> rates = new ArrayList<>();
        for (int i = -warmup; i < repetitions; i++) {
            try (State state = this.state.newState(engine.model())) {
                long start = System.nanoTime();
                for (int from = 0; from < promptTokens; from += CHUNK) {
                    console.interruption().check();
                    int to = Math.min(from + CHUNK, promptTokens);
                    Batch.Logits wanted =
                            to == promptTokens ? Batch.Logits.LAST : Batch.Logits.NONE;
                    engine.model()
                            .forward(
                                    engine.ops(),
                                    Batch.of(state, wanted, Arrays.copyOfRange(tokens, from, to)));
                }
                double seconds = (System.nanoTime() - start) / 1e9;
                if (i >= 0) {
                    rates.add(promptTokens / seconds);
                }
            }
        }
        return new Rates(rates);
    }

    private Rates decode(Engine engine, int[] tokens) {
        LanguageModel language = engine.model();
        List<Double> rates = new ArrayList<>();
        List<State> states = new ArrayList<>();
        try {
            Batch.Builder builder = Batch.builder();
            for (int s = 0; s < batch; s++) {
                states.add(state.newState(language));
                builder.add(states.get(s), Batch.Logits.LAST, tokens[s]);
            }
            Batch step = builder.build();
            for (int i = -warmup; i < repetitions; i++) {
                long start = System.nanoTime();
                for (int n = 0; n < decodeTokens; n++) {
                    console.interruption().check();
                    for (int s = 0; s < batch; s++) {
                        step.token(s, tokens[(n + s) % tokens.length]);
                    }
                    language.forward(engine.ops(), step);
                }
                double seconds = (System.nanoTime() - start) / 1e9;
                if (i >= 0) {
                    rates.add((double) decodeTokens * batch / seconds);
                }
            }
        } finally {
            states.forEach(State::close);
        }
        return new Rates(rates);
    }

    private void writeJson(Report report, JsonGenerator out) {
        out.writeObjectPropertyStart("prefill");
        out.writeNumberProperty("tokens", promptTokens);
        writeRates(report.prefill(), out);
        out.writeEndObject();
        out.writeObjectPropertyStart("decode");
        out.writeNumberProperty("tokens", decodeTokens);
        out.writeNumberProperty("batch", batch);
        writeRates(report.decode(), out);
        Json.number(out, "gigabytesPerSecond", report.decodeGigabytesPerSecond());
        out.writeEndObject();
        out.writeNumberProperty("readBandwidthGigabytesPerSecond", report.readBandwidth());
        out.writeNumberProperty("modelBytes", report.engine().model().bytesPerToken());
        if (report.peakResidentBytes().isPresent()) {
            out.writeNumberProperty("peakResidentBytes", report.peakResidentBytes().getAsLong());
        } else {
            out.writeNullProperty("peakResidentBytes");
        }
        out.writeNumberProperty("threads", report.engine().threads().count());
        out.writeStringProperty("backend", report.engine().backend().name());
    }

    private static void writeRates(Rates rates, JsonGenerator out) {
        double[] values = rates.tokensPerSecond().stream().mapToDouble(rate -> rate).toArray();
        out.writeName("tokensPerSecond");
        out.writeArray(values, 0, values.length);
        Json.number(out, "median", rates.median());
    }

    private void printTable(Report report) {
        Engine engine = report.engine();
        String setting =
                String.format(
                        Locale.ROOT,
                        "| %s | %s | %s | %d | ",
                        model.getFileName(),
                        Units.bytes(engine.model().bytesPerToken()),
                        engine.backend().name(),
                        engine.threads().count());
        console.printLine("| model | read per token | backend | threads | test | tokens/s |");
        console.printLine("|---|---|---|---|---|---|");
        if (promptTokens > 0) {
            printRow(setting, "pp" + promptTokens, report.prefill());
        }
        if (decodeTokens > 0) {
            String test = "tg" + decodeTokens + (batch == 1 ? "" : " x " + batch);
            printRow(setting, test, report.decode());
            console.printLine("");
            console.printLine(
                    "Decoding reads "
                            + Units.rate(report.decodeGigabytesPerSecond())
                            + " GB/s of weights, "
                            + Math.round(
                                    100
                                            * report.decodeGigabytesPerSecond()
                                            / report.readBandwidth())
                            + " % of the "
                            + Units.rate(report.readBandwidth())
                            + " GB/s that this machine reads.");
        }
        if (report.peakResidentBytes().isPresent()) {
            console.printLine(
                    "Peak memory: " + Units.bytes(report.peakResidentBytes().getAsLong()) + ".");
        }
    }

    private void printRow(String setting, String test, Rates rates) {
        console.printLine(
                String.format(
                        Locale.ROOT,
                        "%s%s | %.2f ± %.2f |",
                        setting,
                        test,
                        rates.mean(),
                        rates.deviation()));
    }
}
