package dev.anser.cli;

import dev.anser.base.AnserException;
import dev.anser.model.rwkv7.Rwkv7Initial;
import dev.anser.tensor.Backend;
import dev.anser.tensor.Backends;
import dev.anser.tensor.Precision;
import dev.anser.tensor.Threads;
import dev.anser.train.TrainingBenchmark;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.core.JsonGenerator;

/// `anser bench-train`: how fast a model trains here, and where the time goes.
@Command(
        name = "bench-train",
        description = {
            "Measures how fast a model of given sizes trains, and where the time goes.",
            "",
            "Whole optimiser steps on random weights and tokens, beside the best rate at which this"
                    + " machine multiplies matrices (512 x 2048 x 8192), measured in the same run."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footer = {
            "",
            "Examples:",
            "  anser bench-train 0.1b --context 512 --sequences 4",
            "  anser bench-train --layers 6 --width 256 --vocabulary 256 --context 256 --sequences 32"
        })
final class BenchTrainCommand implements Callable<Integer> {
    private final Console console;

    @Spec private CommandSpec spec;

    @Parameters(
            index = "0",
            arity = "0..1",
            paramLabel = "PRESET",
            description = "0.1b, 0.4b, 1.5b or 2.9b; or give --layers and --width.")
    private @Nullable String preset;

    @Option(names = "--layers", paramLabel = "N", description = "Layers, 1 to 1024.")
    private int layers;

    @Option(names = "--width", paramLabel = "N", description = "Channels, a multiple of 64.")
    private int width;

    @Option(
            names = "--vocabulary",
            paramLabel = "N",
            description = "Token ids, 2 to 1048576. Default: 65536.")
    private int vocabulary = 65536;

    @Option(
            names = "--context",
            paramLabel = "TOKENS",
            description = "Inputs of a sample, 1 to 1048576. Default: 512.")
    private int context = 512;

    @Option(
            names = "--sequences",
            paramLabel = "N",
            description = "Samples of a step, 1 to 4096. Default: 4.")
    private int sequences = 4;

    @Option(names = "--steps", paramLabel = "N", description = "Steps, 1 to 1000. Default: 5.")
    private int steps = 5;

    @Option(
            names = "--warmup",
            paramLabel = "N",
            description = "Steps before those that count, 0 to 1000. Default: 3.")
    private int warmup = 3;

    @Option(
            names = "--precision",
            paramLabel = "P",
            description = "Of the operands of matrix products: f32 or bf16. Default: f32.")
    private Precision precision = Precision.F32;

    @Option(
            names = "--recompute",
            description =
                    "Compute layers again in the backward pass instead of keeping their activations;"
                            + " their time then counts as other.")
    private boolean recompute;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Mixin private ComputeOptions compute;

    BenchTrainCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        requireRange("--context", context, 1, 1 << 20);
        requireRange("--sequences", sequences, 1, 4096);
        requireRange("--steps", steps, 1, 1000);
        requireRange("--warmup", warmup, 0, 1000);
        requireRange("--vocabulary", vocabulary, 2, 1 << 20);
        if ((long) context * sequences > 1 << 22) {
            throw new AnserException(
                    "a step of "
                            + (long) context * sequences
                            + " tokens is too large; take fewer --sequences or a shorter --context");
        }
        TrainingBenchmark.Settings settings =
                new TrainingBenchmark.Settings(
                        sizes(), sequences, context, warmup, steps, precision, recompute);
        Backend backend = Backends.chooseForTraining();
        try (Threads threads = new Threads(compute.threads());
                Progress progress =
                        Progress.count(console, "training", (long) warmup + steps, "steps")) {
            TrainingBenchmark.Result result =
                    TrainingBenchmark.run(
                            settings,
                            backend,
                            threads,
                            _ -> {
                                progress.advance(1);
                                console.interruption().check();
                            });
            Optional<Long> peak = Machine.peakResidentMemory();
            if (json) {
                Json.print(console, out -> write(result, peak, threads, backend, out));
            } else {
                print(result, peak, threads, backend);
            }
        }
        return 0;
    }

    private Rwkv7Initial.Sizes sizes() {
        if (preset != null) {
            if (layers != 0 || width != 0) {
                throw new ParameterException(
                        spec.commandLine(), "give PRESET, or --layers and --width, not both");
            }
            return Rwkv7Initial.preset(preset);
        }
        requireRange("--layers", layers, 1, 1024);
        requireRange("--width", width, 64, 1 << 16);
        if (width % 64 != 0) {
            throw new ParameterException(
                    spec.commandLine(), "--width is " + width + "; expected a multiple of 64");
        }
        return Rwkv7Initial.Sizes.of(layers, width, 64, vocabulary);
    }

    private void requireRange(String option, int value, int least, int most) {
        if (value < least || value > most) {
            throw new ParameterException(
                    spec.commandLine(),
                    option + " is " + value + "; expected " + least + " to " + most);
        }
    }

    private void write(
            TrainingBenchmark.Result result,
            Optional<Long> peak,
            Threads threads,
            Backend backend,
            JsonGenerator out) {
        double[] rates = result.tokensPerSecond();
        out.writeName("tokensPerSecond");
        out.writeArray(rates, 0, rates.length);
        Json.number(out, "median", result.medianTokensPerSecond());
        Json.number(out, "gigaflopsPerSecond", result.gigaflops());
        Json.number(out, "productGigaflopsPerSecond", result.productGigaflops());
        out.writeObjectPropertyStart("shares");
        Json.number(out, "products", result.productShare());
        Json.number(out, "wkv", result.recurrenceShare());
        Json.number(out, "optimiser", result.optimiserShare());
        Json.number(out, "other", result.otherShare());
        out.writeEndObject();
        out.writeNumberProperty("context", context);
        out.writeNumberProperty("sequences", sequences);
        out.writeStringProperty("precision", precision.name().toLowerCase(Locale.ROOT));
        if (peak.isPresent()) {
            out.writeNumberProperty("peakResidentBytes", peak.get());
        } else {
            out.writeNullProperty("peakResidentBytes");
        }
        out.writeNumberProperty("threads", threads.count());
        out.writeStringProperty("backend", backend.name());
    }

    private void print(
            TrainingBenchmark.Result result,
            Optional<Long> peak,
            Threads threads,
            Backend backend) {
        console.printLine(
                String.format(
                        Locale.ROOT,
                        "%.0f tokens/s (median of %d steps of %d x %d tokens, %s, %d threads)",
                        result.medianTokensPerSecond(),
                        steps,
                        sequences,
                        context,
                        backend.name(),
                        threads.count()));
        console.printLine(
                String.format(
                        Locale.ROOT,
                        "%.1f GFLOP/s of products over whole steps, %.0f %% of the %.1f that this"
                                + " machine multiplies in %s",
                        result.gigaflops(),
                        100 * result.gigaflops() / result.productGigaflops(),
                        result.productGigaflops(),
                        precision.name().toLowerCase(Locale.ROOT)));
        console.printLine(
                String.format(
                        Locale.ROOT,
                        "time: products %.0f %%, WKV %.0f %%, optimiser %.0f %%, other %.0f %%",
                        100 * result.productShare(),
                        100 * result.recurrenceShare(),
                        100 * result.optimiserShare(),
                        100 * result.otherShare()));
        peak.ifPresent(bytes -> console.printLine("Peak memory: " + Units.bytes(bytes) + "."));
    }
}
