package dev.anser.cli;

import dev.anser.base.AnserException;
import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;

/// Where a command reads and writes: results go to [#out()], all else to [#err()], everything in
/// UTF-8.
///
/// @param in standard input, as bytes
/// @param out standard output; its errors surface, see [ResultStream]
/// @param err standard error
/// @param interactive whether a person sits at both ends
/// @param environment the environment variables
/// @param interruption how the user stops the command
record Console(
        InputStream in,
        ResultStream out,
        PrintStream err,
        boolean interactive,
        Map<String, String> environment,
        Interruption interruption) {

    /// Thrown when whoever read standard output has gone, as `head` does. Ends the command quietly.
    static final class OutputClosedException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        OutputClosedException(IOException cause) {
            super("standard output was closed", cause);
        }
    }

    /// Standard output: buffered, with unchecked errors.
    static final class ResultStream extends OutputStream {
        private final OutputStream stream;

        ResultStream(OutputStream stream) {
            this.stream = new BufferedOutputStream(stream, 1 << 13);
        }

        @Override
        public void write(int value) {
            try {
                stream.write(value);
            } catch (IOException e) {
                throw failure(e);
            }
        }

        @Override
        public void write(byte[] bytes, int offset, int length) {
            try {
                stream.write(bytes, offset, length);
            } catch (IOException e) {
                throw failure(e);
            }
        }

        @Override
        public void flush() {
            try {
                stream.flush();
            } catch (IOException e) {
                throw failure(e);
            }
        }

        private static RuntimeException failure(IOException e) {
            String reason = String.valueOf(e.getMessage());
            if (reason.contains("pipe") || reason.contains("Stream closed")) {
                return new OutputClosedException(e);
            }
            return new AnserException("standard output could not be written (" + reason + ")", e);
        }
    }

    /// The console of this process.
    // A process without any console still has none, whatever Error Prone says.
    @SuppressWarnings("SystemConsoleNull")
    static Console ofProcess() {
        java.io.Console console = System.console();
        return new Console(
                System.in,
                new ResultStream(new FileOutputStream(FileDescriptor.out)),
                new PrintStream(
                        new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8),
                console != null && console.isTerminal(),
                System.getenv(),
                new Interruption());
    }

    /// Prints `text` as a result.
    void print(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        out.write(bytes, 0, bytes.length);
    }

    /// Prints `line` as a result.
    void printLine(String line) {
        print(line + "\n");
    }

    /// All bytes of standard input.
    byte[] readAll() {
        interruption.waitingForInput(true);
        try {
            return in.readAllBytes();
        } catch (IOException e) {
            throw new AnserException(
                    "standard input could not be read (" + e.getMessage() + ")", e);
        } finally {
            interruption.waitingForInput(false);
        }
    }

    /// The environment variable `name`, when it is set to something.
    Optional<String> variable(String name) {
        return Optional.ofNullable(environment.get(name)).filter(value -> !value.isBlank());
    }

    /// Whether colours and other escape codes may be used.
    boolean escapeCodes() {
        return interactive
                && variable("NO_COLOR").isEmpty()
                && !variable("TERM").orElse("").equals("dumb");
    }
}
