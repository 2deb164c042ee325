package dev.anser.model;

import dev.anser.base.AnserException;
import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.checkpoint.ModelFormatException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// Finds which architecture a checkpoint is.
///
/// ```java
/// try (Checkpoint checkpoint = Architectures.open(Path.of("model.pth"));
///         LanguageModel model = Architectures.load(checkpoint);
///         State state = model.newState()) {
///     ...
/// }
/// ```
public final class Architectures {
    private Architectures() {}

    /// Opens the model file at `path` and shows its tensors under their official names, whatever
    /// program wrote it.
    ///
    /// @throws ModelFormatException when it is no model file, or one of a known layout with tensors
    ///   that have no place in it
    /// @throws AnserException when it cannot be read
    public static Checkpoint open(Path path) {
        Checkpoint file = Checkpoints.open(path);
        try {
            return official(file);
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    /// The tensors of `file` under their official names: a view that owns `file`, or `file` itself
    /// when it has no other layout.
    public static Checkpoint official(Checkpoint file) {
        for (Architecture architecture : ServiceLoader.load(Architecture.class)) {
            for (Layout layout : architecture.layouts()) {
                if (layout.recognises(file)) {
                    return layout.official(file);
                }
            }
        }
        return file;
    }

    /// The layout `name` of the family that `official` is of, if it is of one that has it.
    static Optional<Layout> knownLayout(Checkpoint official, String name) {
        return layouts(official).filter(layout -> layout.name().equals(name)).findFirst();
    }

    /// The layout that the family of `official` has in folders, if it is not the official one.
    static Optional<FolderLayout> folderLayout(Checkpoint official) {
        return layouts(official)
                .filter(FolderLayout.class::isInstance)
                .map(FolderLayout.class::cast)
                .findFirst();
    }

    private static Stream<Layout> layouts(Checkpoint official) {
        return all().filter(architecture -> architecture.recognises(official))
                .flatMap(architecture -> architecture.layouts().stream());
    }

    /// The layout `name` of the family that `official` is of.
    ///
    /// @throws ModelFormatException when the family has none of that name
    public static Layout layout(Checkpoint official, String name) {
        return knownLayout(official, name)
                .orElseThrow(() ->
                        new ModelFormatException(
                                official.source()
                                        + ": a model of the family "
                                        + find(official).name()
                                        + " has no layout for "
                                        + name
                                        + " files"));
    }

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

    /// What a `config.json` has to say beside the weights of `checkpoint`; empty for a family that
    /// needs none, whatever lies beside its file.
    ///
    /// @throws ModelFormatException when no architecture recognises it
    public static Map<String, Object> configuration(Checkpoint checkpoint) {
        return find(checkpoint).needsConfiguration() ? checkpoint.configuration() : Map.of();
    }

    /// The names of the families whose models can begin without a checkpoint, as
    /// [ModelConfig#architecture()] says them.
    public static List<String> newFamilies() {
        return newModels().map(Architecture::name).sorted().toList();
    }

    /// The names of the sizes that a new model of the family `architecture` can be given.
    ///
    /// @throws AnserException when there is no such family
    public static List<String> sizes(String architecture) {
        return Stream.concat(NamedSizes.COMMON.stream(), named(architecture).sizes().stream())
                .toList();
    }

    /// A new model of the family `architecture`.
    ///
    /// @throws SizeException when a size is unknown to the family, missing or impossible
    /// @throws AnserException when there is no such family
    public static NewModel create(String architecture, NamedSizes sizes) {
        List<String> known = sizes(architecture);
        for (String name : sizes.names()) {
            if (!known.contains(name)) {
                throw new SizeException(
                        name,
                        "is no size of "
                                + architecture
                                + " models; expected "
                                + String.join(", ", known));
            }
        }
        return named(architecture).create(sizes);
    }

    private static NewModels named(String name) {
        return newModels()
                .filter(architecture -> architecture.name().equals(name))
                .findFirst()
                .orElseThrow(() ->
                        new AnserException(
                                "there is no architecture '"
                                        + name
                                        + "' to begin with; expected one of "
                                        + String.join(", ", newFamilies())));
    }

    private static Stream<NewModels> newModels() {
        return all().filter(NewModels.class::isInstance).map(NewModels.class::cast);
    }

    private static Stream<Architecture> all() {
        return ServiceLoader.load(Architecture.class).stream().map(ServiceLoader.Provider::get);
    }

    private static Architecture find(Checkpoint checkpoint) {
        List<Architecture> known = new ArrayList<>();
        for (Architecture architecture : ServiceLoader.load(Architecture.class)) {
            if (architecture.recognises(checkpoint)) {
                return architecture;
            }
            known.add(architecture);
        }
        String family = checkpoint.metadata().get("general.architecture");
        if (checkpoint.format().equals("gguf") && family != null) {
            throw new ModelFormatException(
                    checkpoint.source()
                            + ": its general.architecture is "
                            + family
                            + "; GGUF files are known here of "
                            + ggufFamilies(known));
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

    private static String ggufFamilies(List<Architecture> known) {
        return known.stream()
                .flatMap(architecture -> architecture.layouts().stream())
                .filter(GgufLayout.class::isInstance)
                .map(layout -> ((GgufLayout) layout).architecture())
                .sorted()
                .collect(Collectors.joining(", "));
    }

    private static String firstNames(Checkpoint checkpoint) {
        String first = checkpoint.names().stream().limit(3).collect(Collectors.joining(", "));
        return checkpoint.names().size() > 3 ? first + ", …" : first;
    }
}
