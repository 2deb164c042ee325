package dev.anser.cli;

import dev.anser.data.VocabularyBuild;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `anser data vocabulary`: a small vocabulary, learned from texts.
@Command(
        name = "vocabulary",
        description = {
            "Learns a vocabulary from texts: the 256 bytes, and the tokens with which the greedy"
                    + " longest match of RWKV's tokenizer makes the fewest tokens of them.",
            "Id 0 ends documents and is not in the file."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footer = {
            "",
            "Example:",
            "  anser data vocabulary --size 2048 --out rwkv_vocab_stories.txt stories.txt.gz"
        })
final class DataVocabularyCommand implements Callable<Integer> {
    private final Console console;

    @Spec private CommandSpec spec;

    @Option(
            names = "--size",
            required = true,
            paramLabel = "N",
            description = "Ids of the vocabulary with id 0, 257 to 65536.")
    private int size;

    @Option(
            names = "--out",
            required = true,
            paramLabel = "FILE",
            description = "The vocabulary, in the format of RWKV's rwkv_vocab_*.txt.")
    private Path out;

    @Mixin private DocumentOptions documents;

    @Parameters(
            paramLabel = "INPUT",
            arity = "1..*",
            description = "Text (any name) or .jsonl files, also with .gz, and .parquet files.")
    private List<Path> inputs;

    DataVocabularyCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        if (size < 257 || size > 1 << 16) {
            throw new ParameterException(
                    spec.commandLine(), "--size is " + size + "; expected 257 to 65536");
        }
        Outputs.requireWritable(out);
        VocabularyBuild build = new VocabularyBuild(documents.documents());
        try (InputProgress progress = InputProgress.start(console, "read", inputs, List.of(out))) {
            for (Path input : inputs) {
                build.read(input, progress);
            }
        }
        VocabularyBuild.write(out, build.learn(size, console.interruption()::check));
        console.printLine(out + ": " + size + " ids");
        return 0;
    }
}
