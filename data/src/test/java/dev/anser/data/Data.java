package dev.anser.data;

import dev.anser.text.WorldTokenizer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPOutputStream;

/// Small data for tests.
final class Data {
    private Data() {}

    /// Binidx data with `documents` in it, as they are.
    static Binidx binidx(Path folder, int[]... documents) {
        Path prefix = folder.resolve("data");
        BinidxWriter.write(
                prefix,
                ElementType.UINT16,
                writer -> {
                    for (int[] document : documents) {
                        writer.add(document, 0, document.length);
                        writer.endDocument();
                    }
                });
        return Binidx.open(prefix);
    }

    /// Binidx data of one document, the tokens 0, 1, … `count` - 1.
    static Binidx counting(Path folder, int count) {
        int[] tokens = new int[count];
        for (int i = 0; i < count; i++) {
            tokens[i] = i & 0xffff;
        }
        return binidx(folder, tokens);
    }

    static Path text(Path folder, String name, String text) {
        return bytes(folder, name, text.getBytes(StandardCharsets.UTF_8));
    }

    static Path bytes(Path folder, String name, byte[] bytes) {
        try {
            return Files.write(folder.resolve(name), bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static byte[] gzip(String text) {
        try {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            try (OutputStream out = new GZIPOutputStream(bytes)) {
                out.write(text.getBytes(StandardCharsets.UTF_8));
            }
            return bytes.toByteArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// The 256 bytes as ids 1 to 256, and `more` tokens from 257 on.
    static WorldTokenizer vocabulary(String... more) {
        StringBuilder lines = new StringBuilder();
        for (int value = 0; value < 256; value++) {
            lines.append(value + 1).append(" b'\\x").append(String.format("%02x", value));
            lines.append("' 1\n");
        }
        int id = 257;
        for (String token : more) {
            byte[] bytes = token.getBytes(StandardCharsets.UTF_8);
            lines.append(id++).append(' ').append(PythonLiteral.of(bytes));
            lines.append(' ').append(bytes.length).append('\n');
        }
        return WorldTokenizer.load("test", lines.toString().getBytes(StandardCharsets.UTF_8));
    }

    /// The documents of `files`, in their order.
    static List<String> documents(Documents documents, Path... files) {
        List<String> found = new ArrayList<>();
        ByteArrayOutputStream current = new ByteArrayOutputStream();
        for (Path file : files) {
            documents.read(
                    file,
                    new Documents.Sink() {
                        @Override
                        public void add(byte[] bytes, int offset, int count) {
                            current.write(bytes, offset, count);
                        }

                        @Override
                        public void end() {
                            found.add(current.toString(StandardCharsets.UTF_8));
                            current.reset();
                        }
                    },
                    _ -> {});
        }
        return found;
    }
}
