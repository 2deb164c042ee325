package dev.anser.cli;

import dev.anser.base.AnserException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.reader.impl.completer.StringsCompleter;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.jspecify.annotations.Nullable;

/// A line editor with a history that outlives the process, in `$XDG_STATE_HOME/anser/history`.
final class TerminalInput implements ChatInput {
    private final Console console;
    private final Terminal terminal;
    private final LineReader reader;

    TerminalInput(Console console) {
        this.console = console;
        try {
            terminal =
                    TerminalBuilder.builder().system(true).nativeSignals(true).dumb(true).build();
        } catch (IOException e) {
            throw new AnserException("the terminal cannot be used (" + e.getMessage() + ")", e);
        }
        LineReaderBuilder builder =
                LineReaderBuilder.builder()
                        .terminal(terminal)
                        .appName("anser")
                        .completer(new StringsCompleter(ChatLoop.COMMANDS))
                        .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true)
                        .option(LineReader.Option.HISTORY_IGNORE_SPACE, false);
        history(console).ifPresent(file -> builder.variable(LineReader.HISTORY_FILE, file));
        reader = builder.build();
    }

    private static Optional<Path> history(Console console) {
        Path folder =
                console.variable("XDG_STATE_HOME")
                        .map(Path::of)
                        .or(() ->
                                console.variable("HOME")
                                        .map(home -> Path.of(home, ".local", "state")))
                        .orElse(null);
        if (folder == null) {
            return Optional.empty();
        }
        try {
            Path file = Files.createDirectories(folder.resolve("anser")).resolve("history");
            return Files.notExists(file) || Files.isWritable(file)
                    ? Optional.of(file)
                    : Optional.empty();
        } catch (IOException e) {
            console.err().println("anser: no history, " + folder + " cannot be written");
            return Optional.empty();
        }
    }

    @Override
    public @Nullable String readLine(String prompt) {
        console.interruption().waitingForInput(true);
        try {
            return reader.readLine(prompt);
        } catch (UserInterruptException e) {
            // Ctrl-C at the prompt drops the line, as in a shell.
            return "";
        } catch (EndOfFileException e) {
            return null;
        } finally {
            console.interruption().waitingForInput(false);
        }
    }

    @Override
    public void whileAnswering(Runnable answer, Runnable stop) {
        Terminal.SignalHandler previous = terminal.handle(Terminal.Signal.INT, _ -> stop.run());
        try {
            answer.run();
        } finally {
            terminal.handle(Terminal.Signal.INT, previous);
        }
    }

    @Override
    public void close() {
        try {
            reader.getHistory().save();
            terminal.close();
        } catch (IOException e) {
            console.err().println("anser: the history was not saved (" + e.getMessage() + ")");
        }
    }
}
