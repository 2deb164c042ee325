package dev.anser.data;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.zip.GZIPInputStream;
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
        try (InputStream raw = new BufferedInputStream(Files.newInputStream(file));
                InputStream in = file.toString().endsWith(".gz") ? new GZIPInputStream(raw) : raw) {
            lines.each(in, json -> consumer.accept(pair(json, lines)));
        } catch (IOException e) {
            throw new DataException(
                    "%s: cannot be read (%s: %s); check the path"
                            .formatted(file, e.getClass().getSimpleName(), e.getMessage()),
                    e);
        }
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
