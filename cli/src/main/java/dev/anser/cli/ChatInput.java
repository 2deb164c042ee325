package dev.anser.cli;

import dev.anser.base.AnserException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/// Where the lines of a conversation come from.
interface ChatInput extends AutoCloseable {
    /// The longest line that is read, in characters.
    int MAX_LINE = 1 << 24;

    /// The next line without its end, or null at the end of the input.
    ///
    /// @param prompt shown before it when a person writes
    @Nullable String readLine(String prompt);

    /// Runs `answer` such that Ctrl-C calls `stop` meanwhile.
    void whileAnswering(Runnable answer, Runnable stop);

    @Override
    void close();

    /// A line editor in a terminal, else plain lines.
    static ChatInput of(Console console) {
        return console.interactive() ? new TerminalInput(console) : new Piped(console);
    }

    /// Lines from a pipe or a file, in UTF-8.
    final class Piped implements ChatInput {
        private final Console console;
        private final BufferedReader reader;

        Piped(Console console) {
            this.console = console;
            this.reader =
                    new BufferedReader(new InputStreamReader(console.in(), StandardCharsets.UTF_8));
        }

        @Override
        public @Nullable String readLine(String prompt) {
            console.interruption().waitingForInput(true);
            try {
                return boundedLine();
            } catch (IOException e) {
                throw new AnserException(
                        "standard input could not be read (" + e.getMessage() + ")", e);
            } finally {
                console.interruption().waitingForInput(false);
            }
        }

        private @Nullable String boundedLine() throws IOException {
            StringBuilder line = new StringBuilder();
            for (int c = reader.read(); c != '\n'; c = reader.read()) {
                if (c < 0) {
                    return line.isEmpty() ? null : line.toString();
                }
                if (line.length() == MAX_LINE) {
                    throw new AnserException(
                            "a line of standard input has more than " + MAX_LINE + " characters");
                }
                line.append((char) c);
            }
            int end = line.length();
            return end > 0 && line.charAt(end - 1) == '\r'
                    ? line.substring(0, end - 1)
                    : line.toString();
        }

        @Override
        public void whileAnswering(Runnable answer, Runnable stop) {
            answer.run();
        }

        @Override
        public void close() {
            // Standard input is not ours to close.
        }
    }
}
