package dev.anser.cli;

import dev.anser.base.AnserException;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/// Runs one command line: parses it, calls the command, turns every failure into one line and an
/// exit code.
final class Cli {
    /// The exit code after Ctrl-C, as shells have it.
    static final int INTERRUPTED = 130;

    private final Console console;
    private final AnserCommand root = new AnserCommand();

    private Cli(Console console) {
        this.console = console;
    }

    /// Runs `arguments` and returns the exit code: 0 done, 1 failed, 2 wrong usage, 130
    /// interrupted.
    static int run(Console console, String... arguments) {
        return new Cli(console).run(arguments);
    }

    private int run(String... arguments) {
        try {
            int code = commandLine().execute(arguments);
            console.out().flush();
            return code;
        } catch (Console.OutputClosedException e) {
            return ExitCode.OK;
        } catch (AnserException e) {
            return failed(e);
        } catch (OutOfMemoryError e) {
            return memoryExhausted(e);
        }
    }

    private CommandLine commandLine() {
        CommandLine line = new CommandLine(root, ModelPath.factory(console));
        line.addSubcommand("generate", new GenerateCommand(console));
        line.addSubcommand("chat", new ChatCommand(console));
        line.addSubcommand("info", new InfoCommand(console));
        line.addSubcommand("tokenize", new TokenizeCommand(console));
        line.addSubcommand("logits", new LogitsCommand(console));
        line.addSubcommand("bench", new BenchCommand(console));
        line.addSubcommand("bench-train", new BenchTrainCommand(console));
        line.addSubcommand("evaluate", new EvaluateCommand(console));
        line.addSubcommand("loss", new LossCommand(console));
        line.addSubcommand("step", new StepCommand(console));
        line.addSubcommand("train", new TrainCommand(console));
        line.addSubcommand("init", new InitCommand(console));
        line.addSubcommand("convert", new ConvertCommand(console));
        line.addSubcommand("merge", new MergeCommand(console));
        line.addSubcommand("data", DataCommand.commandLine(console));
        line.addSubcommand("pull", new PullCommand(console));
        line.addSubcommand("list", new ListCommand(console));
        line.addSubcommand("show", new ShowCommand(console));
        line.addSubcommand("rm", new RemoveCommand(console));
        line.addSubcommand("doctor", new DoctorCommand(console));
        line.setOut(new PrintWriter(new OutputStreamWriter(console.out(), StandardCharsets.UTF_8)));
        line.setErr(new PrintWriter(console.err(), true, StandardCharsets.UTF_8));
        line.setColorScheme(
                CommandLine.Help.defaultColorScheme(console.escapeCodes() ? Ansi.ON : Ansi.OFF));
        // A prompt may begin with @.
        line.setExpandAtFiles(false);
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setUsageHelpAutoWidth(false);
        line.setUsageHelpWidth(100);
        line.setParameterExceptionHandler(this::wrongUsage);
        line.setExecutionExceptionHandler((exception, _, _) -> exception(exception));
        return line;
    }

    private int exception(Exception exception) {
        return switch (exception) {
            case Interruption.InterruptedCommandException _ -> INTERRUPTED;
            case Console.OutputClosedException _ -> ExitCode.OK;
            case AnserException known -> failed(known);
            default -> broken(exception);
        };
    }

    private int failed(AnserException exception) {
        complain(exception.getMessage(), exception);
        return ExitCode.SOFTWARE;
    }

    private int broken(Exception exception) {
        complain(
                "internal error: " + exception + "; run again with --debug and report it",
                exception);
        return ExitCode.SOFTWARE;
    }

    private int memoryExhausted(OutOfMemoryError error) {
        complain(
                "out of memory (" + error.getMessage() + "); take a smaller model or batch", error);
        return ExitCode.SOFTWARE;
    }

    private int wrongUsage(ParameterException exception, String[] arguments) {
        CommandLine line = exception.getCommandLine();
        List<String> unmatched = line.getUnmatchedArguments();
        if (exception instanceof MissingParameterException && !unmatched.isEmpty()) {
            // A mistyped option is why the right one is missing.
            exception = new UnmatchedArgumentException(line, unmatched);
        }
        complain(exception.getMessage() + suggestion(exception), exception);
        console.err()
                .println(
                        "Try '"
                                + line.getCommandSpec().qualifiedName()
                                + " --help' for its options.");
        return ExitCode.USAGE;
    }

    private static String suggestion(ParameterException exception) {
        if (exception instanceof UnmatchedArgumentException unmatched) {
            List<String> suggestions = unmatched.getSuggestions();
            if (!suggestions.isEmpty()) {
                return "; did you mean '" + suggestions.getFirst() + "'?";
            }
        }
        return "";
    }

    private void complain(String message, Throwable cause) {
        // The text so far should stand before the message when both go to one terminal.
        if (!(cause instanceof ParameterException)) {
            flushQuietly();
        }
        console.err().println("anser: " + message.replaceAll("\\R+", " "));
        if (root.debug()) {
            cause.printStackTrace(console.err());
        }
    }

    private void flushQuietly() {
        try {
            console.out().flush();
        } catch (AnserException | Console.OutputClosedException e) {
            // The failure that is being reported matters more.
        }
    }
}
