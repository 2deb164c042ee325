package dev.anser.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/// `anser data`: training data, to be built and looked at.
@Command(
        name = "data",
        description = "Builds training data of tokens, and shows it.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        synopsisSubcommandLabel = "COMMAND",
        footer = {
            "",
            "Example:",
            "  anser data build --out stories --vocab rwkv_vocab_v20230424.txt stories.jsonl",
            "  anser data COMMAND --help   tells more about a command"
        })
final class DataCommand implements Callable<Integer> {
    @Spec private CommandSpec spec;

    private DataCommand() {}

    /// The command with its own commands.
    static CommandLine commandLine(Console console) {
        CommandLine line = new CommandLine(new DataCommand());
        line.addSubcommand("build", new DataBuildCommand(console));
        line.addSubcommand("text", new DataTextCommand(console));
        line.addSubcommand("info", new DataInfoCommand(console));
        line.addSubcommand("vocabulary", new DataVocabularyCommand(console));
        return line;
    }

    @Override
    public Integer call() {
        CommandLine line = spec.commandLine();
        line.usage(line.getErr(), line.getColorScheme());
        return CommandLine.ExitCode.USAGE;
    }
}
