package dev.anser.cli;

import dev.anser.data.PromptCompletion;
import dev.anser.evaluate.PairEvaluation;
import dev.anser.evaluate.PairScore;
import dev.anser.evaluate.Score;
import dev.anser.evaluate.TextEvaluation;
import dev.anser.evaluate.TextScore;
import dev.anser.model.State;
import dev.anser.tensor.Activations;
import dev.anser.text.Tokenizer;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.core.JsonGenerator;

/// `anser evaluate`: how well a model predicts texts, or the answers to prompts.
@Command(
        name = "evaluate",
        description = {
            "Measures how well a model predicts texts, or what follows prompts.",
            "",
            "--text: every document is read from its beginning to its end with the state carried"
                    + " along. Prints the cross entropy in nats a token, its exponential (the"
                    + " perplexity), bits a byte, and the share of tokens that the model held for"
                    + " the most probable.",
            "--pairs: JSONL with \"prompt\" and \"completion\". Prints how many tokens of the"
                    + " completions the model gets right, each from the right ones before it, and"
                    + " how many whole completions: those that greedy decoding writes.",
            "In front of texts and prompts stands the begin-of-text token, where the vocabulary has one;"
                    + " texts begin with that for the end of a document where it has only this."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footer = {
            "",
            "Examples:",
            "  anser evaluate model.pth --text books.txt.gz --separator '<|endoftext|>'",
            "  anser evaluate model.pth --vocab digits.txt --pairs pairs.jsonl --json"
        })
final class EvaluateCommand implements Callable<Integer> {
    private final Console console;

    @Parameters(
            paramLabel = "MODEL",
            converter = ModelPath.class,
            arity = "0..1",
            description = "A model file or folder of any format. Default: the embedded model.")
    private @Nullable Path model;

    @ArgGroup(exclusive = true, multiplicity = "1")
    private What what;

    private static final class What {
        @Option(
                names = "--text",
                paramLabel = "FILE",
                description =
                        "Text (any name) or .jsonl, also with .gz, or .parquet; may be given more"
                                + " than once.")
        private List<Path> texts = List.of();

        @Option(
                names = "--pairs",
                paramLabel = "FILE",
                description = "JSONL of prompts and completions, also with .gz.")
        private @Nullable Path pairs;
    }

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Mixin private DocumentOptions documents;
    @Mixin private VocabularyOption vocabulary;
    @Mixin private StateOption state;
    @Mixin private ActivationOption activations;
    @Mixin private ComputeOptions compute;

    EvaluateCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        try (Engine engine = Engine.open(model, compute);
                State begin = state.newState(engine.model())) {
            activations.apply(engine, Activations.F32);
            Tokenizer tokenizer = vocabulary.tokenizer(model, engine);
            if (what.pairs == null) {
                print(texts(engine, tokenizer, begin));
            } else {
                print(pairs(engine, tokenizer, begin, what.pairs));
            }
        }
        return 0;
    }

    private TextScore texts(Engine engine, Tokenizer tokenizer, State begin) {
        try (Progress progress = Progress.count(console, "evaluate", "tokens")) {
            TextEvaluation evaluation =
                    new TextEvaluation(
                            engine.model(),
                            engine.ops(),
                            tokenizer,
                            begin,
                            tokens -> advance(progress, tokens));
            for (Path file : what.texts) {
                documents.documents().read(file, evaluation, _ -> console.interruption().check());
            }
            return evaluation.score();
        }
    }

    private PairScore pairs(Engine engine, Tokenizer tokenizer, State begin, Path file) {
        try (Progress progress = Progress.count(console, "evaluate", "tokens")) {
            PairEvaluation evaluation =
                    new PairEvaluation(
                            engine.model(),
                            engine.ops(),
                            tokenizer,
                            begin,
                            tokens -> advance(progress, tokens));
            PromptCompletion.read(file, evaluation);
            return evaluation.score();
        }
    }

    private void advance(Progress progress, int tokens) {
        console.interruption().check();
        progress.advance(tokens);
    }

    private void print(TextScore text) {
        Score score = text.score();
        if (json) {
            Json.print(
                    console,
                    out -> {
                        out.writeNumberProperty("documents", text.documents());
                        out.writeNumberProperty("bytes", text.bytes());
                        writeScore(score, out);
                        Json.number(out, "bitsPerByte", text.bitsPerByte());
                    });
            return;
        }
        console.printLine(
                String.format(
                        Locale.ROOT,
                        "%s documents, %s tokens, %s",
                        Units.count(text.documents()),
                        Units.count(score.tokens()),
                        Units.bytes(text.bytes())));
        if (score.tokens() > 0) {
            console.printLine(
                    String.format(
                            Locale.ROOT,
                            "loss %.4f nats a token, perplexity %.3f, %.4f bits a byte, %.2f %% of"
                                    + " the tokens right",
                            score.loss(),
                            score.perplexity(),
                            text.bitsPerByte(),
                            100 * score.accuracy()));
        }
    }

    private void print(PairScore pairs) {
        Score score = pairs.score();
        if (json) {
            Json.print(
                    console,
                    out -> {
                        out.writeNumberProperty("pairs", pairs.pairs());
                        out.writeNumberProperty("pairsRight", pairs.right());
                        writeScore(score, out);
                    });
            return;
        }
        console.printLine(
                String.format(
                        Locale.ROOT,
                        "%d of %d completions right, %d of %d tokens (%.3f %%), loss %.5f nats a token",
                        pairs.right(),
                        pairs.pairs(),
                        score.right(),
                        score.tokens(),
                        100 * score.accuracy(),
                        score.loss()));
    }

    private static void writeScore(Score score, JsonGenerator out) {
        out.writeNumberProperty("tokens", score.tokens());
        out.writeNumberProperty("tokensRight", score.right());
        Json.number(out, "accuracy", score.accuracy());
        Json.number(out, "loss", score.loss());
        Json.number(out, "perplexity", score.perplexity());
    }
}
