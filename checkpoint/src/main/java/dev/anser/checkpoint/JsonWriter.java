package dev.anser.checkpoint;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Writes plain Java values as indented JSON, in their order, as [JsonValues] reads them.
final class JsonWriter {
    private final Path target;
    private final StringBuilder json = new StringBuilder();

    private JsonWriter(Path target) {
        this.target = target;
    }

    /// @param target the file, for errors
    static String write(Path target, Map<String, Object> values) {
        JsonWriter writer = new JsonWriter(target);
        writer.object(values, "\n");
        return writer.json.append('\n').toString();
    }

    private void value(Object value, String indent) {
        switch (value) {
            case String text -> quote(target, json, text, FileBytes.MAX_METADATA_BYTES);
            case Boolean flag -> json.append(flag);
            case Long _, Integer _ -> json.append(value);
            case Double number when Double.isFinite(number) -> json.append(value);
            case Float number when Float.isFinite(number) -> json.append(value);
            case List<?> list -> list(list, indent);
            case Map<?, ?> map -> object(map, indent);
            case Optional<?> none when none.isEmpty() -> json.append("null");
            default ->
                    throw WrittenTensors.unwritable(
                            target,
                            FileBytes.quote(value.toString())
                                    + " is no text, finite number, truth value, list or map");
        }
    }

    private void object(Map<?, ?> map, String indent) {
        json.append('{');
        Iterator<? extends Map.Entry<?, ?>> entries = map.entrySet().iterator();
        while (entries.hasNext()) {
            Map.Entry<?, ?> entry = entries.next();
            json.append(indent).append("  ");
            quote(target, json, entry.getKey().toString(), FileBytes.MAX_NAME_BYTES);
            json.append(": ");
            value(entry.getValue(), indent + "  ");
            json.append(entries.hasNext() ? "," : indent);
        }
        json.append('}');
    }

    private void list(List<?> list, String indent) {
        json.append('[');
        String separator = "";
        for (Object item : list) {
            json.append(separator);
            value(item, indent);
            separator = ", ";
        }
        json.append(']');
    }

    /// Appends `text` to `json` in quotes.
    static void quote(Path target, StringBuilder json, String text, int maxBytes) {
        if (!StandardCharsets.UTF_8.newEncoder().canEncode(text)
                || text.getBytes(StandardCharsets.UTF_8).length > maxBytes) {
            throw WrittenTensors.unwritable(
                    target,
                    "the text "
                            + FileBytes.quote(text)
                            + " has half a surrogate pair or more than "
                            + maxBytes
                            + " bytes");
        }
        json.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                json.append('\\').append(c);
            } else if (c < 0x20) {
                json.append(String.format("\\u%04x", (int) c));
            } else {
                json.append(c);
            }
        }
        json.append('"');
    }
}
