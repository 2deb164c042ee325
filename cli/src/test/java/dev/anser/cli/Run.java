package dev.anser.cli;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;

/// One command line, run in this process.
///
/// @param code its exit code
/// @param bytes what it wrote to standard output
/// @param err what it wrote to standard error
record Run(int code, byte[] bytes, String err) {
    /// Runs `arguments` with nothing on standard input.
    static Run of(Object... arguments) {
        return with(new byte[0], arguments);
    }

    /// Runs `arguments` with `input` on standard input.
    static Run with(String input, Object... arguments) {
        return with(input.getBytes(StandardCharsets.UTF_8), arguments);
    }

    static Run with(byte[] input, Object... arguments) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        return on(out, out, new Interruption(), input, arguments);
    }

    /// Runs `arguments` with these environment variables alone.
    static Run in(Map<String, String> environment, Object... arguments) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        return on(out, out, new Interruption(), new byte[0], environment, arguments);
    }

    /// Runs `arguments` with standard output going to `target`.
    static Run on(OutputStream target, Interruption interruption, Object... arguments) {
        return on(target, new ByteArrayOutputStream(), interruption, new byte[0], arguments);
    }

    private static Run on(
            OutputStream target,
            ByteArrayOutputStream copy,
            Interruption interruption,
            byte[] input,
            Object... arguments) {
        return on(target, copy, interruption, input, Map.of(), arguments);
    }

    private static Run on(
            OutputStream target,
            ByteArrayOutputStream copy,
            Interruption interruption,
            byte[] input,
            Map<String, String> environment,
            Object... arguments) {
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Console console =
                new Console(
                        new ByteArrayInputStream(input),
                        new Console.ResultStream(target),
                        new PrintStream(err, true, StandardCharsets.UTF_8),
                        false,
                        environment,
                        interruption);
        String[] words = Arrays.stream(arguments).map(Object::toString).toArray(String[]::new);
        int code = Cli.run(console, words);
        return new Run(code, copy.toByteArray(), err.toString(StandardCharsets.UTF_8));
    }

    /// Standard output as text.
    String out() {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /// A byte-level model of 834 thousand weights as a file in `folder`.
    static Path tinyModel(Path folder) {
        try {
            return Files.write(
                    folder.resolve("tiny.bin"), resource("tiny/tiny-rwkv-7v0-834K-FP16.bin"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// The trained model that reverses digits, and its vocabulary.
    record Reversing(Path model, Path vocabulary) {
        static Reversing in(Path folder) {
            try {
                Path model = folder.resolve("reverse.pth");
                Files.write(model, resource("golden/reverse/model-folded-L4.pth"));
                StringBuilder lines = new StringBuilder();
                String tokens = "0123456789,#";
                for (int i = 0; i < tokens.length(); i++) {
                    lines.append(i).append(" '").append(tokens.charAt(i)).append("' 1\n");
                }
                return new Reversing(
                        model, Files.writeString(folder.resolve("digits.txt"), lines.toString()));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /// The bytes of a file of this room's test resources.
    static byte[] resource(String name) {
        try (InputStream in = Run.class.getClassLoader().getResourceAsStream(name)) {
            if (in == null) {
                throw new AssertionError(name + " is missing");
            }
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
