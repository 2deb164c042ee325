package dev.anser.cli;

import dev.anser.model.LanguageModel;
import dev.anser.model.State;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// The state that a command begins with.
final class StateOption {
    @Option(
            names = {"--state", "--state-in"},
            paramLabel = "S",
            description = {
                "The state to begin with, told by the names in the file: a whole one"
                        + " (.safetensors), as --state-out and /save of chat write it, to go on"
                        + " with its text; or one that state tuning learned (.safetensors or .pth"
                        + " with blocks.N.att.time_state), to begin with. Default: the learned"
                        + " state that MODEL has itself, else an empty one."
            })
    private @Nullable Path file;

    StateOption() {}

    Optional<Path> file() {
        return Optional.ofNullable(file);
    }

    /// A new state of `model` with what was asked for; the caller closes it.
    State newState(LanguageModel model) {
        State state = model.newState();
        try {
            if (file != null) {
                state.load(file);
            }
            return state;
        } catch (RuntimeException e) {
            state.close();
            throw e;
        }
    }
}
