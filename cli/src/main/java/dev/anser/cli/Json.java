package dev.anser.cli;

import java.io.ByteArrayOutputStream;
import tools.jackson.core.JsonEncoding;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/// Prints results for programs.
final class Json {
    /// Writes the members of the printed object.
    @FunctionalInterface
    interface Members {
        /// Writes them to `json`, which stands inside an open object.
        void writeTo(JsonGenerator json);
    }

    private Json() {}

    /// Prints one object on one line.
    static void print(Console console, Members members) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (JsonGenerator json =
                new JsonFactory()
                        .createGenerator(ObjectWriteContext.empty(), bytes, JsonEncoding.UTF8)) {
            json.writeStartObject();
            members.writeTo(json);
            json.writeEndObject();
        }
        bytes.write('\n');
        console.out().write(bytes.toByteArray(), 0, bytes.size());
        console.out().flush();
    }

    /// Writes a number that may be missing or not finite: null then.
    static void number(JsonGenerator json, String name, double value) {
        if (Double.isFinite(value)) {
            json.writeNumberProperty(name, value);
        } else {
            json.writeNullProperty(name);
        }
    }
}
