package dev.anser.hub;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Which files of a repository a model needs.
final class FileChoice {
    /// The formats of weights, those first that are taken first.
    private static final List<String> FORMATS = List.of(".safetensors", ".pth", ".gguf", ".bin");

    private static final Pattern COMPANION =
            Pattern.compile("config\\.json|tokenizer[^/]*\\.json|[^/]*vocab[^/]*\\.txt");
    private static final Pattern SHARD =
            Pattern.compile("(.*)-\\d{5}-of-(\\d{5}\\.(?:safetensors|bin))");
    private static final Pattern OF_A_TRAINER =
            Pattern.compile("(?:.*/)?(?:training_args|optimizer|scheduler)\\.bin");

    private FileChoice() {}

    /// The one file of weights among `names`, or all parts of one.
    ///
    /// @throws HubException when there is none, or more than one
    static List<String> weights(String repository, Collection<String> names) {
        for (String format : FORMATS) {
            List<String> found =
                    names.stream()
                            .filter(name -> name.endsWith(format))
                            .filter(name -> !OF_A_TRAINER.matcher(name).matches())
                            .sorted()
                            .toList();
            if (found.size() == 1 || arePartsOfOne(found)) {
                return found;
            }
            if (!found.isEmpty()) {
                throw new HubException(
                        "%s: holds %d files of weights; name one of them as %s:FILE: %s"
                                .formatted(
                                        repository,
                                        found.size(),
                                        repository,
                                        String.join(", ", found)));
            }
        }
        throw new HubException(
                "%s: holds no file of weights (%s); name a file as %s:FILE"
                        .formatted(repository, String.join(", ", FORMATS), repository));
    }

    /// Whether `name` is one of weights.
    static boolean isWeights(String name) {
        return FORMATS.stream().anyMatch(name::endsWith);
    }

    /// What belongs to `weights`: settings, tokenizers, and the table of parts.
    static List<String> companions(List<String> weights, Collection<String> names) {
        List<String> companions = new ArrayList<>();
        for (String name : names) {
            boolean table =
                    weights.size() > 1
                            && name.endsWith(".index.json")
                            && weights.getFirst().endsWith(extension(name));
            if (table || COMPANION.matcher(name).matches()) {
                companions.add(name);
            }
        }
        return companions;
    }

    private static String extension(String index) {
        String name = index.substring(0, index.length() - ".index.json".length());
        return name.substring(name.lastIndexOf('.') + 1);
    }

    private static boolean arePartsOfOne(List<String> names) {
        return !names.isEmpty()
                && names.stream().map(FileChoice::whole).distinct().count() == 1
                && !whole(names.getFirst()).equals(names.getFirst());
    }

    private static String whole(String name) {
        Matcher shard = SHARD.matcher(name);
        return shard.matches() ? shard.group(1) + "/" + shard.group(2) : name;
    }
}
