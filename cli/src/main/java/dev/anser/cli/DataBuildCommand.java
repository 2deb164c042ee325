package dev.anser.cli;

import dev.anser.data.Binidx;
import dev.anser.data.BinidxBuild;
import dev.anser.text.Tokenizer;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `anser data build`: texts to RWKV's binidx.
@Command(
        name = "build",
        description = {
            "Turns text into PREFIX.bin and PREFIX.idx, the data files of RWKV's trainer.",
            "Every document is followed by token 0."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footer = {
            "",
            "Example:",
            "  anser data build --out stories --vocab rwkv_vocab_v20230424.txt stories.jsonl",
            "  anser data build --out books --bytes --separator '<|endoftext|>' books.txt.gz"
        })
final class DataBuildCommand implements Callable<Integer> {
    private final Console console;

    @Spec private CommandSpec spec;

    @Option(
            names = "--out",
            required = true,
            paramLabel = "PREFIX",
            description = "What the two files are called, without .bin and .idx.")
    private Path out;

    @ArgGroup(exclusive = true, multiplicity = "1")
    private VocabularyOrBytes vocabulary;

    @Mixin private DocumentOptions documents;

    @Option(
            names = "--shuffle",
            description = "Write the documents in a random order, a new one for each epoch.")
    private boolean shuffle;

    @Option(
            names = "--epochs",
            paramLabel = "N",
            description = "With --shuffle: how often to write every document. Default: 1.")
    private @Nullable Integer epochs;

    @Option(
            names = "--seed",
            paramLabel = "S",
            description = "With --shuffle: what the order follows from. Default: 0.")
    private @Nullable Long seed;

    @Parameters(
            paramLabel = "INPUT",
            arity = "1..*",
            description = "Text (any name) or .jsonl files, also with .gz, and .parquet files.")
    private List<Path> inputs;

    DataBuildCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        if (!shuffle && (epochs != null || seed != null)) {
            throw new ParameterException(
                    spec.commandLine(),
                    (epochs != null ? "--epochs" : "--seed") + " needs --shuffle; add it");
        }
        if (epochs != null && epochs < 1) {
            throw new ParameterException(
                    spec.commandLine(), "--epochs is " + epochs + "; expected 1 or more");
        }
        Outputs.requireWritable(Binidx.binFile(out));
        Outputs.requireWritable(Binidx.idxFile(out));
        Tokenizer tokenizer = vocabulary.tokenizer();
        BinidxBuild build = new BinidxBuild(tokenizer, documents.documents());
        List<Path> outputs = List.of(Binidx.binFile(out), Binidx.idxFile(out));
        try (InputProgress progress = InputProgress.start(console, "build", inputs, outputs)) {
            if (shuffle) {
                int times = epochs == null ? 1 : epochs;
                build.writeShuffled(out, inputs, times, seed == null ? 0 : seed, progress);
            } else {
                build.write(out, inputs, progress);
            }
        }
        try (Binidx data = Binidx.open(out)) {
            console.printLine(
                    Binidx.binFile(out)
                            + " and .idx: "
                            + Units.count(data.documents())
                            + " documents, "
                            + Units.count(data.size())
                            + " tokens");
        }
        return 0;
    }
}
