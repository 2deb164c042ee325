package dev.anser.model;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.ModelFormatException;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import java.util.stream.Collectors;

/// Finds which architecture a checkpoint is.
///
/// ```java
/// try (Checkpoint checkpoint = Checkpoints.open(Path.of("model.pth"));
///         LanguageModel model = Architectures.load(checkpoint);
///         State state = model.newState()) {
///     ...
/// }
/// ```
public final class Architectures {
    private Architectures() {}

    /// Builds the model that `checkpoint` holds. Keep the checkpoint open as long as the model.
    ///
    /// @throws ModelFormatException when no architecture recognises it, or its tensors are not what
    ///   they should be
    public static LanguageModel load(Checkpoint checkpoint) {
        return find(checkpoint).load(checkpoint);
    }

    /// The sizes of the model that `checkpoint` holds, without reading its weights.
    ///
    /// @throws ModelFormatException when no architecture recognises it, or its tensors are not what
    ///   they should be
    public static ModelConfig describe(Checkpoint checkpoint) {
        return find(checkpoint).describe(checkpoint);
    }

    /// The tensors that a sequence's state has in the model that `checkpoint` holds, without
    /// reading its weights.
    ///
    /// @throws ModelFormatException when no architecture recognises it, or its tensors are not what
    ///   they should be
    public static StateLayout stateLayout(Checkpoint checkpoint) {
        Architecture architecture = find(checkpoint);
        return architecture.stateLayout(architecture.describe(checkpoint));
    }

    private static Architecture find(Checkpoint checkpoint) {
        List<Architecture> known = new ArrayList<>();
        for (Architecture architecture : ServiceLoader.load(Architecture.class)) {
            if (architecture.recognises(checkpoint)) {
                return architecture;
            }
            known.add(architecture);
        }
        String names = known.stream().map(Architecture::name).collect(Collectors.joining(", "));
        throw new ModelFormatException(
                checkpoint.source()
                        + ": its "
                        + checkpoint.names().size()
                        + " tensors ("
                        + firstNames(checkpoint)
                        + ") are not those of an architecture known here ("
                        + names
                        + ")");
    }

    private static String firstNames(Checkpoint checkpoint) {
        String first = checkpoint.names().stream().limit(3).collect(Collectors.joining(", "));
        return checkpoint.names().size() > 3 ? first + ", …" : first;
    }
}
