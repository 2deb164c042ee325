package dev.anser.cli;

import dev.anser.generate.FinishReason;
import dev.anser.generate.GenerateException;
import dev.anser.generate.Generation;
import dev.anser.generate.GenerationOptions;
import dev.anser.generate.Generator;
import dev.anser.generate.SamplerSettings;
import dev.anser.generate.Session;
import dev.anser.tensor.Activations;
import dev.anser.text.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `anser generate`: text that goes on from a prompt.
@Command(
        name = "generate",
        description = {
            "Writes text that goes on from a prompt.",
            "In front of the prompt stands the begin-of-text token, where the vocabulary has one."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footer = {
            "",
            "Example:",
            "  anser generate -p \"Once upon a time\" -n 200",
            "  anser generate model.pth --vocab rwkv_vocab_v20230424.txt -p - < prompt.txt"
        })
final class GenerateCommand implements Callable<Integer> {
    private final Console console;

    @Spec private CommandSpec spec;

    @Parameters(
            paramLabel = "MODEL",
            converter = ModelPath.class,
            arity = "0..1",
            description =
                    "A model file or folder of any format. Default: the embedded model, a small"
                            + " one that tells stories.")
    private @Nullable Path model;

    @Option(
            names = {"-p", "--prompt"},
            paramLabel = "TEXT",
            description =
                    "The text to go on from; - reads standard input. Default: standard input, when it"
                            + " is not a terminal.")
    private @Nullable String prompt;

    @Option(
            names = {"-n", "--tokens"},
            paramLabel = "N",
            description = "Write at most so many tokens, 0 or more. Default: 256.")
    private int tokens = 256;

    @Option(
            names = "--stop",
            paramLabel = "TEXT",
            description = "Stop before this text; may be given up to 64 times.")
    private List<String> stops = List.of();

    @Option(
            names = "--state-out",
            paramLabel = "S.safetensors",
            description = "Where to write the state after the last token.")
    private @Nullable Path stateOut;

    @Option(names = "--json", description = "Print one JSON object at the end instead of the text.")
    private boolean json;

    @Mixin private SamplingOptions sampling;
    @Mixin private VocabularyOption vocabulary;
    @Mixin private StateOption stateIn;
    @Mixin private ActivationOption activations;
    @Mixin private ComputeOptions compute;

    GenerateCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        GenerationOptions options = options();
        byte[] text = prompt();
        if (stateOut != null) {
            Outputs.requireWritable(stateOut);
        }
        try (Engine engine = Engine.open(model, compute);
                Session session = new Session(engine.model(), engine.ops())) {
            activations.apply(engine, Activations.INT8);
            Tokenizer tokenizer = vocabulary.tokenizer(model, engine);
            stateIn.file().ifPresent(session::load);
            Output output = new Output(console, !json);
            Generation result = new Generator(session, tokenizer).generate(text, options, output);
            output.end();
            if (stateOut != null && result.finishReason() != FinishReason.CANCELLED) {
                session.save(stateOut);
            }
            if (json) {
                printJson(result, options.sampling());
            }
            console.err().println(summary(result, options.sampling()));
            return result.finishReason() == FinishReason.CANCELLED ? Cli.INTERRUPTED : 0;
        }
    }

    private GenerationOptions options() {
        try {
            return GenerationOptions.builder()
                    .maxTokens(tokens)
                    .stops(stops)
                    .sampling(sampling.apply(DefaultModel.sampling(model == null)))
                    .cancelled(console.interruption()::requested)
                    .build();
        } catch (GenerateException e) {
            throw new ParameterException(spec.commandLine(), e.getMessage(), e);
        }
    }

    private byte[] prompt() {
        byte[] text;
        if (prompt != null && !prompt.equals("-")) {
            text = prompt.getBytes(StandardCharsets.UTF_8);
        } else if (prompt != null || !console.interactive()) {
            text = console.readAll();
        } else {
            throw new ParameterException(
                    spec.commandLine(), "there is no prompt; give one with -p TEXT");
        }
        if (text.length == 0) {
            throw new ParameterException(
                    spec.commandLine(), "the prompt is empty; give some text with -p TEXT");
        }
        return text;
    }

    /// Prints pieces of text as they come.
    private static final class Output implements Consumer<String> {
        private final Console console;
        private final boolean streaming;
        private boolean lineOpen = true;

        Output(Console console, boolean streaming) {
            this.console = console;
            this.streaming = streaming;
        }

        @Override
        public void accept(String piece) {
            if (streaming) {
                console.print(piece);
                console.out().flush();
                lineOpen = !piece.endsWith("\n");
            }
        }

        void end() {
            if (streaming && lineOpen) {
                console.print("\n");
                console.out().flush();
            }
        }
    }

    private void printJson(Generation result, SamplerSettings settings) {
        Json.print(
                console,
                out -> {
                    out.writeStringProperty("text", result.text());
                    out.writeArrayPropertyStart("tokens");
                    result.tokens().forEach(out::writeNumber);
                    out.writeEndArray();
                    out.writeStringProperty(
                            "finishReason", result.finishReason().name().toLowerCase(Locale.ROOT));
                    out.writeNumberProperty("promptTokens", result.promptTokens());
                    out.writeNumberProperty("generatedTokens", result.generatedTokens());
                    out.writeNumberProperty("prefillSeconds", result.prefillSeconds());
                    out.writeNumberProperty("decodeSeconds", result.decodeSeconds());
                    out.writeNumberProperty("seed", settings.seed());
                });
    }

    private static String summary(Generation result, SamplerSettings settings) {
        return "anser: prompt "
                + speed(result.promptTokens(), result.prefillSeconds())
                + ", text "
                + speed(result.generatedTokens(), result.decodeSeconds())
                + (settings.temperature() == 0 ? "" : ", seed " + settings.seed());
    }

    private static String speed(int tokens, double seconds) {
        return tokens
                + (tokens == 1 ? " token" : " tokens")
                + (tokens == 0 || seconds <= 0 ? "" : " (" + Units.rate(tokens / seconds) + "/s)");
    }
}
