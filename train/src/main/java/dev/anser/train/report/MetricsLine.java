package dev.anser.train.report;

import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

/// One line of a metrics file: what happened, and its members.
///
/// A member is a `String`, a `Long`, a `Double` (NaN for null), or a map of strings.
final class MetricsLine {
    /// A line that is none; the message says why, without the place.
    static final class Malformed extends Exception {
        private static final long serialVersionUID = 1L;

        Malformed(String message) {
            super(message);
        }
    }

    private static final JsonFactory JSON = new JsonFactory();

    private final Map<String, Object> members;
    private final String kind;
    private final long step;

    private MetricsLine(Map<String, Object> members) throws Malformed {
        this.members = members;
        this.kind = text("kind");
        this.step = integer(kind.equals("run") ? "firstStep" : "step");
        if (step < 0) {
            throw new Malformed("its step is " + step + ", expected one from 0");
        }
    }

    /// Reads the line in `length` bytes of `bytes`.
    static MetricsLine parse(byte[] bytes, int length) throws Malformed {
        try (JsonParser json = JSON.createParser(ObjectReadContext.empty(), bytes, 0, length)) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                throw new Malformed("it is no JSON object");
            }
            Map<String, Object> members = new LinkedHashMap<>();
            while (json.nextToken() == JsonToken.PROPERTY_NAME) {
                String name = json.currentName();
                members.put(name, value(json, name));
            }
            if (json.nextToken() != null) {
                throw new Malformed("there is something after its JSON object");
            }
            return new MetricsLine(members);
        } catch (JacksonException e) {
            throw new Malformed("it is no JSON object (" + e.getOriginalMessage() + ")");
        }
    }

    private static Object value(JsonParser json, String name) throws Malformed {
        JsonToken token = json.nextToken();
        return switch (token) {
            case VALUE_STRING -> json.getString();
            case VALUE_NUMBER_INT -> json.getLongValue();
            case VALUE_NUMBER_FLOAT -> json.getDoubleValue();
            case VALUE_NULL -> Double.NaN;
            case START_OBJECT -> texts(json, name);
            default ->
                    throw new Malformed(
                            name + " is neither a number, nor a text, nor an object of texts");
        };
    }

    private static Map<String, String> texts(JsonParser json, String name) throws Malformed {
        Map<String, String> texts = new LinkedHashMap<>();
        while (json.nextToken() == JsonToken.PROPERTY_NAME) {
            String key = json.currentName();
            if (json.nextToken() != JsonToken.VALUE_STRING) {
                throw new Malformed(name + "." + key + " is no text");
            }
            texts.put(key, json.getString());
        }
        return texts;
    }

    /// `run`, `step`, `evaluation`, `sample`, `saved`, `finished`, or one of a later version.
    String kind() {
        return kind;
    }

    /// The steps done when it happened.
    long step() {
        return step;
    }

    boolean has(String name) {
        return members.containsKey(name);
    }

    double number(String name) throws Malformed {
        if (members.get(name) instanceof Number number) {
            return number.doubleValue();
        }
        throw missing(name, "a number");
    }

    long integer(String name) throws Malformed {
        if (members.get(name) instanceof Long number) {
            return number;
        }
        throw missing(name, "a whole number");
    }

    String text(String name) throws Malformed {
        if (members.get(name) instanceof String text) {
            return text;
        }
        throw missing(name, "a text");
    }

    Map<String, String> texts(String name) throws Malformed {
        if (members.get(name) instanceof Map<?, ?> map) {
            Map<String, String> texts = new LinkedHashMap<>();
            map.forEach((key, value) -> texts.put(String.valueOf(key), String.valueOf(value)));
            return texts;
        }
        throw missing(name, "an object of texts");
    }

    private Malformed missing(String name, String expected) {
        return new Malformed(
                has(name)
                        ? name + " is not " + expected
                        : "it has no " + name + ", expected " + expected);
    }
}
