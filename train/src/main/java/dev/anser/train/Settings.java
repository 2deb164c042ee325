package dev.anser.train;

import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.composer.Composer;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.parser.ParserImpl;
import org.snakeyaml.engine.v2.scanner.StreamReader;

/// Settings from a YAML file and from `key=value` words that come after it, each under its dotted
/// name, asked for one by one.
///
/// A setting that is wrong does not stop the asking: [#requireSound()] says what was wrong first.
/// An unknown key comes before everything else, as it is often why something else is missing.
final class Settings {
    private static final int MOST_BYTES = 1 << 20;

    /// A value as it was written.
    ///
    /// @param items the scalars; one unless it is a list
    /// @param list whether it is a list
    /// @param place where it was written, for messages
    /// @param folder what its relative paths begin at
    private record Value(List<String> items, boolean list, String place, @Nullable Path folder) {}

    private final SequencedMap<String, Value> values = new LinkedHashMap<>();
    private final Set<String> known = new LinkedHashSet<>();
    private final SequencedMap<String, String> described = new LinkedHashMap<>();
    private final String source;
    private @Nullable String problem;

    private Settings(String source) {
        this.source = source;
    }

    /// Reads `file`, and lets `overrides` (`a.b=value`) replace what it says.
    ///
    /// @throws TrainingException when the file cannot be read or is no YAML mapping
    static Settings read(Path file, List<String> overrides) {
        String text;
        try {
            if (Files.isRegularFile(file) && Files.size(file) > MOST_BYTES) {
                throw new TrainingException(
                        file + ": is larger than 1 MiB; expected a YAML file of settings");
            }
            text = Files.readString(file);
        } catch (NoSuchFileException e) {
            throw new TrainingException(file + ": there is no such file; check the path", e);
        } catch (IOException e) {
            throw new TrainingException(
                    file + ": cannot be read as text (" + e.getMessage() + ")", e);
        }
        Path folder = file.toAbsolutePath().getParent();
        return parse(file.toString(), text, folder, overrides);
    }

    /// Reads `text`, which messages call `source`.
    static Settings parse(
            String source, String text, @Nullable Path folder, List<String> overrides) {
        Settings settings = new Settings(source);
        settings.compose(text)
                .ifPresent(node -> {
                    if (!(node instanceof MappingNode mapping)) {
                        throw new TrainingException(
                                source + ": expected settings, each as 'name: value'");
                    }
                    settings.flatten("", mapping, folder);
                });
        for (String override : overrides) {
            int equals = override.indexOf('=');
            if (equals < 1) {
                throw new TrainingException(
                        "--set " + override + ": expected name=value, as in --set steps=100");
            }
            String name = override.substring(0, equals).strip();
            Settings one = new Settings("--set " + override);
            Node node = one.compose(override.substring(equals + 1)).orElse(null);
            if (node == null || node instanceof MappingNode) {
                throw new TrainingException("--set " + override + ": expected a value after =");
            }
            settings.values.put(name, one.value(name, node, "--set " + name, null));
        }
        return settings;
    }

    private Optional<Node> compose(String text) {
        try {
            LoadSettings yaml = LoadSettings.builder().setLabel(source).build();
            return new Composer(yaml, new ParserImpl(yaml, new StreamReader(yaml, text)))
                    .getSingleNode();
        } catch (MarkedYamlEngineException e) {
            String at = e.getProblemMark().map(mark -> ": line " + (mark.getLine() + 1)).orElse("");
            throw new TrainingException(source + at + ": is no YAML, " + e.getProblem(), e);
        } catch (YamlEngineException e) {
            throw new TrainingException(
                    source + ": is no YAML, " + String.valueOf(e.getMessage()).split("\\R")[0], e);
        }
    }

    private void flatten(String prefix, MappingNode mapping, @Nullable Path folder) {
        for (NodeTuple tuple : mapping.getValue()) {
            if (!(tuple.getKeyNode() instanceof ScalarNode key)) {
                throw new TrainingException(
                        place(tuple.getKeyNode()) + ": expected a name before the colon");
            }
            String name = prefix + key.getValue();
            if (tuple.getValueNode() instanceof MappingNode inner) {
                flatten(name + ".", inner, folder);
            } else if (values.containsKey(name)) {
                throw new TrainingException(place(key) + ": " + name + " stands here twice");
            } else {
                values.put(name, value(name, tuple.getValueNode(), place(key), folder));
            }
        }
    }

    private Value value(String name, Node node, String place, @Nullable Path folder) {
        return switch (node) {
            case ScalarNode scalar -> new Value(List.of(scalar.getValue()), false, place, folder);
            case SequenceNode sequence -> {
                List<String> items = new ArrayList<>();
                for (Node item : sequence.getValue()) {
                    if (!(item instanceof ScalarNode scalar)) {
                        throw new TrainingException(
                                place + ": " + name + " is a list of lists; expected values");
                    }
                    items.add(scalar.getValue());
                }
                yield new Value(List.copyOf(items), true, place, folder);
            }
            default -> throw new TrainingException(place + ": " + name + " has no value");
        };
    }

    private String place(Node node) {
        return source
                + node.getStartMark().map(mark -> ": line " + (mark.getLine() + 1)).orElse("");
    }

    /// Whether a value is given.
    boolean has(String name) {
        known.add(name);
        return values.containsKey(name);
    }

    /// A text.
    String text(String name, String otherwise) {
        return describe(name, scalar(name).orElse(otherwise));
    }

    /// A text that must be given.
    String text(String name) {
        Optional<String> text = scalar(name);
        if (text.isEmpty()) {
            missing(name);
        }
        return describe(name, text.orElse("?"));
    }

    /// A path; a relative one begins at the file's folder, or at the working directory when it was
    /// given by an override.
    Optional<Path> path(String name) {
        Value value = values.get(name);
        Optional<Path> path = scalar(name).map(text -> resolve(value, text));
        path.ifPresent(file -> describe(name, file.toAbsolutePath().normalize().toString()));
        return path;
    }

    private static Path resolve(@Nullable Value value, String text) {
        Path folder = value == null ? null : value.folder();
        return (folder == null ? Path.of(text) : folder.resolve(text)).normalize();
    }

    /// A path that must be given.
    Path requiredPath(String name) {
        Optional<Path> path = path(name);
        if (path.isEmpty()) {
            missing(name);
        }
        return path.orElse(Path.of("?"));
    }

    /// A whole number from `least` to `most`.
    long whole(String name, long otherwise, long least, long most) {
        long value = otherwise;
        Optional<String> text = scalar(name);
        if (text.isPresent()) {
            try {
                value = new BigDecimal(text.get().replace("_", "")).longValueExact();
            } catch (ArithmeticException | NumberFormatException e) {
                wrong(name, "a whole number");
            }
            if (value < least || value > most) {
                wrong(
                        name,
                        "a whole number from "
                                + least
                                + (most == Long.MAX_VALUE || most == Integer.MAX_VALUE
                                        ? " on"
                                        : " to " + most));
                value = otherwise;
            }
        }
        // What is not given and has no usual value is not part of what was understood.
        if (text.isPresent() || otherwise >= least) {
            describe(name, Long.toString(value));
        }
        return value;
    }

    /// A whole number that an `int` holds.
    int integer(String name, int otherwise, int least, int most) {
        return (int) whole(name, otherwise, least, most);
    }

    /// A finite number, above `bound` or, when `inclusive`, from it on.
    double number(String name, double otherwise, double bound, boolean inclusive) {
        double value = otherwise;
        Optional<String> text = scalar(name);
        if (text.isPresent()) {
            value = decimal(text.get());
            if (!(inclusive ? value >= bound : value > bound)) {
                wrong(name, "a number " + (inclusive ? "from " + bound + " on" : "above " + bound));
                value = otherwise;
            }
        }
        describe(name, Double.toString(value));
        return value;
    }

    /// Two numbers, each from 0 to below 1.
    double[] shares(String name, double first, double second) {
        double[] shares = {first, second};
        Value value = values.get(name);
        known.add(name);
        if (value != null) {
            if (value.items().size() != 2 || !value.list()) {
                wrong(name, "two numbers, as in [0.9, 0.99]");
            } else {
                for (int i = 0; i < 2; i++) {
                    double share = decimal(value.items().get(i));
                    if (share >= 0 && share < 1) {
                        shares[i] = share;
                    } else {
                        wrong(name, "two numbers from 0 up to, not including, 1");
                    }
                }
            }
        }
        describe(name, "[" + shares[0] + ", " + shares[1] + "]");
        return shares;
    }

    private static double decimal(String text) {
        if (!text.matches("[+-]?[0-9_]*\\.?[0-9_]*([eE][+-]?[0-9]+)?")) {
            return Double.NaN;
        }
        try {
            double value = Double.parseDouble(text.replace("_", ""));
            return Double.isFinite(value) ? value : Double.NaN;
        } catch (NumberFormatException e) {
            return Double.NaN;
        }
    }

    /// True or false.
    boolean flag(String name, boolean otherwise) {
        String text = scalar(name).orElse(Boolean.toString(otherwise));
        if (!text.equals("true") && !text.equals("false")) {
            wrong(name, "true or false");
        }
        describe(name, text);
        return text.equals("true");
    }

    /// One of the constants of an enum, in lower case.
    <E extends Enum<E>> E choice(String name, E otherwise) {
        Class<E> type = otherwise.getDeclaringClass();
        E choice = otherwise;
        Optional<String> text = scalar(name);
        if (text.isPresent()) {
            List<String> names = new ArrayList<>();
            boolean found = false;
            for (E constant : type.getEnumConstants()) {
                String lower = constant.name().toLowerCase(Locale.ROOT);
                names.add(lower);
                if (lower.equals(text.get())) {
                    choice = constant;
                    found = true;
                }
            }
            if (!found) {
                wrong(name, "one of " + String.join(", ", names) + nearest(text.get(), names));
            }
        }
        describe(name, choice.name().toLowerCase(Locale.ROOT));
        return choice;
    }

    /// A list of texts; a single one may stand without brackets.
    List<String> texts(String name) {
        known.add(name);
        Value value = values.get(name);
        List<String> texts = value == null ? List.of() : value.items();
        if (!texts.isEmpty()) {
            describe(name, texts.toString());
        }
        return texts;
    }

    private Optional<String> scalar(String name) {
        known.add(name);
        Value value = values.get(name);
        if (value == null) {
            return Optional.empty();
        }
        if (value.list()) {
            complain(value.place() + ": " + name + " is a list; expected one value");
            return Optional.empty();
        }
        return Optional.of(value.items().getFirst());
    }

    private String describe(String name, String value) {
        described.put(name, value);
        return value;
    }

    private void wrong(String name, String expected) {
        Value value = values.get(name);
        if (value != null) {
            complain(
                    "%s: %s is '%s'; expected %s"
                            .formatted(
                                    value.place(),
                                    name,
                                    String.join(", ", value.items()),
                                    expected));
        }
    }

    /// Notes that `name` is missing.
    void missing(String name) {
        complain("%s: %s is missing; add it, or give --set %s=…".formatted(source, name, name));
    }

    /// Checks that `name` is given only where it has an effect, and elsewhere leaves it out of what
    /// was understood.
    void onlyIf(boolean effective, String name, String why) {
        if (!effective) {
            described.remove(name);
            if (has(name)) {
                impossible(name, why);
            }
        }
    }

    /// Notes that `name` does not go together with something else.
    void impossible(String name, String why) {
        Value value = values.get(name);
        complain((value == null ? source : value.place()) + ": " + name + " " + why);
    }

    private void complain(String message) {
        if (problem == null) {
            problem = message;
        }
    }

    /// Every setting that was asked for, as understood, in the order of asking.
    SequencedMap<String, String> described() {
        return described;
    }

    /// Checks that everything asked for was right, and everything given was asked for.
    ///
    /// @throws TrainingException naming the key
    void requireSound() {
        for (Map.Entry<String, Value> entry : values.entrySet()) {
            String name = entry.getKey();
            if (!known.contains(name)) {
                boolean section = known.stream().anyMatch(key -> key.startsWith(name + "."));
                throw new TrainingException(
                        entry.getValue().place()
                                + ": "
                                + (section
                                        ? name
                                                + " has no settings under it; expected some, as in "
                                                + known.stream()
                                                        .filter(key -> key.startsWith(name + "."))
                                                        .findFirst()
                                                        .orElseThrow()
                                        : "there is no setting " + name + nearest(name, known)));
            }
        }
        if (problem != null) {
            throw new TrainingException(problem);
        }
    }

    private static String nearest(String name, Iterable<String> names) {
        String best = "";
        int least = Integer.MAX_VALUE;
        for (String candidate : names) {
            String last = candidate.substring(candidate.lastIndexOf('.') + 1);
            int distance =
                    Math.min(
                            distance(name, candidate),
                            1 + distance(name.substring(name.lastIndexOf('.') + 1), last));
            if (distance < least) {
                least = distance;
                best = candidate;
            }
        }
        return least <= Math.max(2, name.length() / 3) ? "; did you mean " + best + "?" : "";
    }

    /// How many letters to add, take away or change between `a` and `b` (Levenshtein 1966).
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int corner = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int change = corner + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                corner = row[j];
                row[j] = Math.min(change, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[b.length()];
    }
}
