package dev.anser.data;

import java.nio.file.Path;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/// A prompt and what is to follow it.
///
/// @param prompt may be empty
/// @param completion the text right behind it
public record PromptCompletion(String prompt, String completion) {
    /// Reads a JSONL file, also in gzip, whose lines have `prompt` and `completion`; other fields
    /// are passed over.
    ///
    /// @throws DataException when the file cannot be read, or a line is wrong; the message names it
    public static void read(Path file, Consumer<PromptCompletion> consumer) {
        JsonLines lines = new JsonLines(file, "completion");
        lines.each(json -> consumer.accept(pair(json, lines)));
    }

    private static PromptCompletion pair(JsonParser json, JsonLines lines) {
        String prompt = null;
        String completion = null;
        while (json.nextToken() == JsonToken.PROPERTY_NAME) {
            String name = json.currentName();
            json.nextToken();
            switch (name) {
                case "prompt" -> prompt = text(json, name, lines);
                case "completion" -> completion = text(json, name, lines);
                default -> json.skipChildren();
            }
        }
        return new PromptCompletion(
                required(prompt, "prompt", lines), required(completion, "completion", lines));
    }

    private static String text(JsonParser json, String name, JsonLines lines) {
        if (json.currentToken() != JsonToken.VALUE_STRING) {
            throw lines.wrong("has \"" + name + "\" that is no string");
        }
        return json.getString();
    }

    private static String required(@Nullable String text, String name, JsonLines lines) {
        if (text == null) {
            throw lines.wrong("has no \"" + name + "\"; expected prompt and completion");
        }
        return text;
    }
}
