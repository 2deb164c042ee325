package dev.anser.checkpoint;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/// Reads any JSON as plain Java values: `String`, `Long`, `Double`, `Boolean`, `List` and `Map`.
///
/// Whole numbers that fit are `Long`, all others `Double`. A member that is null is left out; in a
/// list, which must keep its places, null is an empty `Optional`. `NaN` and `Infinity` are read,
/// for Python writes them.
final class JsonValues {
    private static final int MAX_DEPTH = 64;
    private static final Pattern NUMBER =
            Pattern.compile("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?");

    private final JsonReader json;

    private JsonValues(JsonReader json) {
        this.json = json;
    }

    /// Reads the one object that is all of `file`, whose size the caller has bounded.
    static Map<String, Object> object(FileBytes file) {
        JsonReader json = new JsonReader(file, 0, file.size(), "JSON text");
        json.expect('{');
        Map<String, Object> members = new JsonValues(json).members(1);
        json.expectEnd();
        return members;
    }

    private Optional<Object> value(int depth) {
        if (json.accept('{')) {
            return Optional.of(members(nested(depth)));
        }
        if (json.accept('[')) {
            return Optional.of(items(nested(depth)));
        }
        if (json.comes('"')) {
            return Optional.of(json.string(FileBytes.MAX_METADATA_BYTES, "a text"));
        }
        return literal(json.literal());
    }

    private int nested(int depth) {
        if (depth == MAX_DEPTH) {
            throw json.error("nests deeper than " + MAX_DEPTH + " objects and lists");
        }
        return depth + 1;
    }

    private Map<String, Object> members(int depth) {
        Map<String, Object> members = new LinkedHashMap<>();
        if (!json.accept('}')) {
            do {
                String name = json.string(FileBytes.MAX_NAME_BYTES, "a name");
                json.expect(':');
                Optional<Object> value = value(depth);
                if (value.isPresent() && members.putIfAbsent(name, value.get()) != null) {
                    throw json.error("the name " + FileBytes.quote(name) + " comes twice");
                }
            } while (json.accept(','));
            json.expect('}');
        }
        return Collections.unmodifiableMap(members);
    }

    private List<Object> items(int depth) {
        List<Object> items = new ArrayList<>();
        if (!json.accept(']')) {
            do {
                Optional<Object> value = value(depth);
                items.add(value.isPresent() ? value.get() : value);
            } while (json.accept(','));
            json.expect(']');
        }
        return Collections.unmodifiableList(items);
    }

    private Optional<Object> literal(String text) {
        return switch (text) {
            case "null" -> Optional.empty();
            case "true", "false" -> Optional.of(text.equals("true"));
            case "NaN", "Infinity", "-Infinity" -> Optional.of(Double.valueOf(text));
            default -> Optional.of(number(text));
        };
    }

    private Object number(String text) {
        if (!NUMBER.matcher(text).matches()) {
            throw json.error(
                    FileBytes.quote(text) + " is no value; expected a number, true, false or null");
        }
        boolean whole = text.chars().allMatch(c -> c == '-' || (c >= '0' && c <= '9'));
        if (whole && text.length() < 20) {
            try {
                return Long.valueOf(text);
            } catch (NumberFormatException _) {
                // Beyond 64 bits: rounded, as below.
            }
        }
        return Double.valueOf(text);
    }
}
