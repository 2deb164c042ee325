package dev.anser.generate;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import java.util.zip.GZIPInputStream;

/// What the reference implementation gives, from the test resources: fields between tabs.
final class Goldens {
    private Goldens() {}

    static List<String[]> lines(String name, String kind) {
        return lines(name).stream().filter(fields -> fields[0].equals(kind)).toList();
    }

    static List<String[]> lines(String name) {
        InputStream resource = Goldens.class.getResourceAsStream("/golden/" + name);
        try (InputStream in = new GZIPInputStream(Objects.requireNonNull(resource, name))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .filter(line -> !line.startsWith("#"))
                    .map(line -> line.split("\t", -1))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static float[] floats(String base64) {
        ByteBuffer bytes =
                ByteBuffer.wrap(Base64.getDecoder().decode(base64)).order(ByteOrder.LITTLE_ENDIAN);
        float[] values = new float[bytes.remaining() / 4];
        bytes.asFloatBuffer().get(values);
        return values;
    }
}
