package dev.anser.data;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;

/// Reads a file with one JSON object a line. Empty lines are passed over.
final class JsonLines {
    private static final JsonFactory JSON =
            JsonFactory.builder()
                    .streamReadConstraints(
                            StreamReadConstraints.builder()
                                    .maxStringLength(Integer.MAX_VALUE)
                                    .build())
                    .build();

    /// What takes a line.
    @FunctionalInterface
    interface Line {
        /// Reads the object that `json` stands at the beginning of.
        void read(JsonParser json) throws IOException;
    }

    private final Path file;
    private final String field;
    private long number;

    JsonLines(Path file, String field) {
        this.file = file;
        this.field = field;
    }

    /// Reads the text of every line as one document.
    void read(InputStream in, Documents.Sink sink) throws IOException {
        each(
                in,
                json -> {
                    String text = text(json);
                    byte[] bytes = utf8(text);
                    sink.add(bytes, 0, bytes.length);
                    sink.end();
                });
    }

    private String text(JsonParser json) {
        String text = null;
        for (JsonToken token = json.nextToken();
                token == JsonToken.PROPERTY_NAME;
                token = json.nextToken()) {
            String name = json.currentName();
            token = json.nextToken();
            if (!name.equals(field)) {
                json.skipChildren();
                continue;
            }
            if (token != JsonToken.VALUE_STRING) {
                throw wrong("has \"" + field + "\" that is no string");
            }
            text = json.getString();
        }
        if (text == null) {
            throw wrong("has no \"" + field + "\"; name the field of the text with --field");
        }
        return text;
    }

    /// Reads every line of the file, also in gzip, as an object.
    ///
    /// @throws DataException when the file cannot be read, or a line is wrong
    void each(Line line) {
        try (InputStream raw = Files.newInputStream(file);
                InputStream in = file.toString().endsWith(".gz") ? new GZIPInputStream(raw) : raw) {
            each(in, line);
        } catch (IOException e) {
            throw new DataException(
                    "%s: cannot be read (%s: %s); check the path"
                            .formatted(file, e.getClass().getSimpleName(), e.getMessage()),
                    e);
        }
    }

    /// Reads every line as an object.
    private void each(InputStream in, Line line) throws IOException {
        ByteArrayOutputStream rest = new ByteArrayOutputStream();
        byte[] buffer = new byte[1 << 16];
        for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
            int from = 0;
            for (int i = 0; i < read; i++) {
                if (buffer[i] == '\n') {
                    rest.write(buffer, from, i - from);
                    object(rest.toByteArray(), line);
                    rest.reset();
                    from = i + 1;
                }
            }
            rest.write(buffer, from, read - from);
        }
        object(rest.toByteArray(), line);
    }

    private void object(byte[] bytes, Line line) throws IOException {
        number++;
        if (isBlank(bytes)) {
            return;
        }
        try (JsonParser json = JSON.createParser(ObjectReadContext.empty(), bytes)) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                throw wrong("is no JSON object; expected one such as {\"text\": \"…\"}");
            }
            line.read(json);
            if (json.currentToken() != JsonToken.END_OBJECT || json.nextToken() != null) {
                throw wrong("goes on after its JSON object");
            }
        } catch (JacksonException e) {
            throw wrong("is not JSON (" + e.getOriginalMessage() + ")", e);
        }
    }

    private static boolean isBlank(byte[] bytes) {
        for (byte value : bytes) {
            if (value != ' ' && value != '\t' && value != '\r') {
                return false;
            }
        }
        return true;
    }

    /// The UTF-8 form of `text`.
    ///
    /// @throws DataException when it has half a surrogate pair
    byte[] utf8(String text) {
        try {
            ByteBuffer bytes = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
            byte[] copy = new byte[bytes.remaining()];
            bytes.get(copy);
            return copy;
        } catch (CharacterCodingException e) {
            throw wrong("has half a surrogate pair, which is no character", e);
        }
    }

    /// An error at the current line.
    DataException wrong(String what) {
        return wrong(what, null);
    }

    private DataException wrong(String what, @Nullable Throwable cause) {
        String message = file + ": line " + number + " " + what;
        return cause == null ? new DataException(message) : new DataException(message, cause);
    }
}
