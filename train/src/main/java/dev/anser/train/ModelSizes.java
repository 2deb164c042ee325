package dev.anser.train;

import dev.anser.model.Architectures;
import dev.anser.model.NamedSizes;
import dev.anser.model.NewModel;
import dev.anser.model.RwkvInitial;
import dev.anser.model.SizeException;
import dev.anser.model.rwkv7.Rwkv7Initial;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedSet;
import java.util.TreeSet;

/// The family and the sizes of new models.
final class ModelSizes {
    private static final String PREFIX = "model.";
    private static final String ARCHITECTURE = "model.architecture";
    private static final String PRESET = "model.preset";
    private static final String VOCABULARY = "vocabulary";
    private static final String USUAL = "rwkv7";

    private ModelSizes() {}

    /// Small models of any family; the vocabulary follows from the data.
    private static Map<String, Map<String, Integer>> small() {
        Map<String, Map<String, Integer>> small = new LinkedHashMap<>();
        small.put("tiny", Map.of("layers", 2, "width", 64, "headSize", 32));
        small.put("4l128", Map.of("layers", 4, "width", 128));
        small.put("6l256", Map.of("layers", 6, "width", 256));
        small.put("6l384", Map.of("layers", 6, "width", 384));
        small.put("8l512", Map.of("layers", 8, "width", 512));
        return small;
    }

    /// The settings that say what a new model is.
    static List<String> names() {
        List<String> names = new ArrayList<>(List.of(ARCHITECTURE, PRESET));
        sizes().forEach(name -> names.add(PREFIX + name));
        return names;
    }

    /// The names of all sizes of all families.
    private static SequencedSet<String> sizes() {
        SequencedSet<String> names = new TreeSet<>();
        Architectures.newFamilies().forEach(name -> names.addAll(Architectures.sizes(name)));
        return names;
    }

    /// What `model.preset`, or the sizes one by one, say; empty when there is something wrong.
    static Optional<NewModel> read(Settings settings) {
        names().forEach(settings::has);
        String architecture = settings.text(ARCHITECTURE, USUAL);
        if (!Architectures.newFamilies().contains(architecture)) {
            settings.impossible(
                    ARCHITECTURE,
                    "is '"
                            + architecture
                            + "'; expected one of "
                            + String.join(", ", Architectures.newFamilies()));
            return Optional.empty();
        }
        Map<String, Integer> given = new LinkedHashMap<>();
        for (String name : sizes()) {
            if (settings.has(PREFIX + name)) {
                given.put(name, size(settings, name, 0));
            }
        }
        if (settings.has(PRESET)) {
            return preset(settings, architecture, given);
        }
        if (!given.containsKey("layers") && !given.containsKey("width")) {
            settings.impossible(
                    "model",
                    "is not said; give model.preset, model.from, or model.layers and model.width");
            return Optional.empty();
        }
        for (String name : List.of("layers", "width")) {
            if (!given.containsKey(name)) {
                settings.missing(PREFIX + name);
                return Optional.empty();
            }
        }
        NamedSizes named = new NamedSizes(given);
        try {
            NewModel model = Architectures.create(architecture, named);
            named.understood().forEach((name, value) -> size(settings, name, value));
            return Optional.of(model);
        } catch (SizeException e) {
            settings.impossible(PREFIX + e.size(), e.reason());
            return Optional.empty();
        }
    }

    private static int size(Settings settings, String name, int otherwise) {
        int most = name.equals(VOCABULARY) ? NamedSizes.MOST_TOKENS : NamedSizes.MOST;
        return settings.integer(PREFIX + name, otherwise, 1, most);
    }

    private static Optional<NewModel> preset(
            Settings settings, String architecture, Map<String, Integer> given) {
        for (String name : given.keySet()) {
            settings.onlyIf(
                    name.equals(VOCABULARY),
                    PREFIX + name,
                    "cannot be given together with model.preset");
        }
        String name = settings.text(PRESET);
        List<String> official = official(architecture);
        Map<String, Integer> small = small().get(name);
        NewModel model;
        if (small != null) {
            model = Architectures.create(architecture, smallSizes(architecture, small));
        } else if (official.contains(name)) {
            model =
                    architecture.equals(USUAL)
                            ? Rwkv7Initial.preset(name)
                            : RwkvInitial.preset(name);
        } else {
            List<String> known = new ArrayList<>(small().keySet());
            known.addAll(official);
            settings.impossible(
                    PRESET, "is '" + name + "'; expected one of " + String.join(", ", known));
            return Optional.empty();
        }
        Integer vocabulary = given.get(VOCABULARY);
        return Optional.of(vocabulary == null ? model : model.withVocabulary(vocabulary));
    }

    /// Those of `sizes` that the family has: in RWKV-4 a channel is a head of its own.
    private static NamedSizes smallSizes(String architecture, Map<String, Integer> sizes) {
        Map<String, Integer> own = new LinkedHashMap<>(sizes);
        own.keySet().retainAll(Architectures.sizes(architecture));
        return new NamedSizes(own);
    }

    /// The official presets of the family.
    private static List<String> official(String architecture) {
        return architecture.equals(USUAL)
                ? Rwkv7Initial.presets()
                : RwkvInitial.presets().stream()
                        .filter(name -> name.startsWith(architecture + "-"))
                        .toList();
    }
}
