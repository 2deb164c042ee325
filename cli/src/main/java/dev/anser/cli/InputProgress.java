package dev.anser.cli;

import dev.anser.base.AnserException;
import dev.anser.data.DataException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.LongConsumer;

/// Shows how much of a command's input files is done, and stops it when the user wants.
final class InputProgress implements LongConsumer, AutoCloseable {
    private final Console console;
    private final Progress progress;

    private InputProgress(Console console, Progress progress) {
        this.console = console;
        this.progress = progress;
    }

    /// Starts a bar for `inputs`, each checked to be there and none of `outputs`.
    ///
    /// @throws AnserException naming the first that is not
    static InputProgress start(
            Console console, String what, List<Path> inputs, List<Path> outputs) {
        long total = 0;
        for (Path input : inputs) {
            if (!Files.isRegularFile(input)) {
                throw new DataException(input + ": there is no such file; check the path");
            }
            if (outputs.stream().anyMatch(output -> Outputs.same(input, output))) {
                throw new DataException(
                        input + ": is input and output at once; give another --out");
            }
            try {
                total += Files.size(input);
            } catch (IOException e) {
                throw new DataException(input + ": cannot be read (" + e.getMessage() + ")", e);
            }
        }
        return new InputProgress(console, Progress.start(console, what, total));
    }

    @Override
    public void accept(long bytes) {
        console.interruption().check();
        progress.advance(bytes);
    }

    @Override
    public void close() {
        progress.close();
    }
}
