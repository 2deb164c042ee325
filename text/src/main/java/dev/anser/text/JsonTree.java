package dev.anser.text;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;

/// A JSON object of a file that somebody else wrote, in memory: maps, lists, strings, numbers,
/// booleans and nulls. Asks for its parts by name and says what is missing.
final class JsonTree {
    private static final int MAX_DEPTH = 64;

    private static final JsonFactory JSON =
            JsonFactory.builder()
                    .streamReadConstraints(
                            StreamReadConstraints.builder().maxNestingDepth(MAX_DEPTH).build())
                    .build();

    private final String where;
    private final Map<?, ?> fields;

    private JsonTree(String where, Map<?, ?> fields) {
        this.where = where;
        this.fields = fields;
    }

    /// Reads `content`, one JSON object; `source` names it in messages.
    ///
    /// @throws TokenizerException when it is anything else, names a field twice or is nested deeper
    ///   than 64 levels
    static JsonTree read(String source, byte[] content) {
        try (JsonParser json = JSON.createParser(ObjectReadContext.empty(), content)) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                throw new TokenizerException(source + ": is no JSON object");
            }
            Object root = value(source, json);
            if (json.nextToken() != null) {
                throw new TokenizerException(source + ": goes on after its JSON object");
            }
            return new JsonTree(source, (Map<?, ?>) root);
        } catch (JacksonException e) {
            throw new TokenizerException(
                    source + ": is not JSON (" + e.getOriginalMessage() + ")", e);
        }
    }

    /// An object without fields.
    static JsonTree empty() {
        return new JsonTree("", Map.of());
    }

    private static Object value(String source, JsonParser json) {
        return switch (json.currentToken()) {
            case START_OBJECT -> {
                Map<String, Object> object = new LinkedHashMap<>();
                while (json.nextToken() == JsonToken.PROPERTY_NAME) {
                    String name = json.currentName();
                    json.nextToken();
                    if (object.put(name, value(source, json)) != null) {
                        throw new TokenizerException(
                                source + ": names \"" + shown(name) + "\" twice");
                    }
                }
                yield object;
            }
            case START_ARRAY -> {
                List<Object> array = new ArrayList<>();
                while (json.nextToken() != JsonToken.END_ARRAY) {
                    array.add(value(source, json));
                }
                yield array;
            }
            case VALUE_STRING -> json.getString();
            case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> json.getDoubleValue();
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            default -> Missing.NULL;
        };
    }

    /// What stands for JSON's null, which the maps here do not hold.
    private enum Missing {
        NULL
    }

    /// Where this object stands, for messages.
    String where() {
        return where;
    }

    /// The object under `name`, or null when there is none.
    @Nullable JsonTree object(String name) {
        return fields.get(name) instanceof Map<?, ?> map
                ? new JsonTree(where + ": " + name, map)
                : null;
    }

    /// The objects in the array under `name`; none when there is no array.
    List<JsonTree> objects(String name) {
        List<JsonTree> objects = new ArrayList<>();
        for (Object item : array(name)) {
            if (!(item instanceof Map<?, ?> map)) {
                throw new TokenizerException(
                        where + ": " + name + "[" + objects.size() + "] is no object");
            }
            objects.add(new JsonTree(where + ": " + name + "[" + objects.size() + "]", map));
        }
        return objects;
    }

    /// The array under `name`; empty when there is none.
    List<?> array(String name) {
        return fields.get(name) instanceof List<?> list ? list : List.of();
    }

    /// All fields of this object: strings to values.
    Map<?, ?> fields() {
        return fields;
    }

    /// The string under `name`, or null when there is none.
    @Nullable String string(String name) {
        return fields.get(name) instanceof String text ? text : null;
    }

    /// The boolean under `name`, or null when there is none.
    @Nullable Boolean flag(String name) {
        return fields.get(name) instanceof Boolean value ? value : null;
    }

    /// The token under `name`: a string, or an object with the string as its `content`; null when
    /// there is none.
    @Nullable String token(String name) {
        JsonTree token = object(name);
        return token == null ? string(name) : token.string("content");
    }

    /// The boolean under `name`, or `otherwise`.
    boolean bool(String name, boolean otherwise) {
        return fields.get(name) instanceof Boolean value ? value : otherwise;
    }

    /// The number under `name`, or `otherwise`.
    double number(String name, double otherwise) {
        return fields.get(name) instanceof Double value ? value : otherwise;
    }

    /// `text` cut short and without control characters, fit for one line of a message.
    static String shown(String text) {
        String cut = text.length() > 60 ? text.substring(0, 60) + "…" : text;
        return cut.replaceAll("\\p{Cntrl}", "?");
    }
}
