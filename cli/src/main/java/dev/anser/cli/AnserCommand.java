package dev.anser.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/// The command without a verb: prints the help.
@Command(
        name = "anser",
        description = "Runs linear-transformer language models (RWKV-7) on the JVM.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        synopsisSubcommandLabel = "COMMAND",
        footer = {
            "",
            "Environment: ANSER_BACKEND=vector|scalar, ANSER_THREADS=1..1024, NO_COLOR.",
            "Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.",
            "",
            "Example:",
            "  anser generate -p \"Once upon a time\" -n 100",
            "  anser COMMAND --help   tells more about a command"
        })
final class AnserCommand implements Callable<Integer> {
    @Spec private CommandSpec spec;

    @Option(
            names = "--debug",
            scope = ScopeType.INHERIT,
            description = "On failure, print the stack trace as well.")
    private boolean debug;

    AnserCommand() {}

    boolean debug() {
        return debug;
    }

    @Override
    public Integer call() {
        CommandLine line = spec.commandLine();
        line.usage(line.getErr(), line.getColorScheme());
        return CommandLine.ExitCode.USAGE;
    }
}
