package dev.anser.data;

import dev.anser.text.Tokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Objects;
import java.util.zip.GZIPInputStream;

/// The tokens of a text file, or of a part of it, in memory. For data too large for that, build
/// [Binidx].
///
/// ```java
/// Tokens train = TextTokens.read(Path.of("input.txt"), new ByteTokenizer(), 0, 0.9);
/// Tokens valid = TextTokens.read(Path.of("input.txt"), new ByteTokenizer(), 0.9, 1);
/// ```
public final class TextTokens implements Tokens {
    private final long bytes;
    private final int[] ids;

    private TextTokens(long bytes, int[] ids) {
        this.bytes = bytes;
        this.ids = ids;
    }

    /// Reads `file`, in gzip when its name ends in `.gz`.
    ///
    /// @param from where the part begins, as a share of the bytes, moved on to a whole character
    /// @param to where the part ends, likewise
    /// @throws DataException when it cannot be read, is empty or has no such part
    public static TextTokens read(Path file, Tokenizer tokenizer, double from, double to) {
        Fractions.require(from, to);
        byte[] text = bytes(file);
        int begin = boundary(text, Fractions.position(from, text.length));
        int end = boundary(text, Fractions.position(to, text.length));
        if (begin >= end) {
            throw new DataException(
                    "%s: has no text from %s to %s of its %d bytes"
                            .formatted(file, from, to, text.length));
        }
        Ids ids = new Ids((end - begin) / 2);
        try {
            TextEncoder encoder = new TextEncoder(tokenizer, ids);
            encoder.add(text, begin, end - begin);
            encoder.end();
        } catch (IOException e) {
            throw new AssertionError("memory has no input errors", e);
        }
        return new TextTokens(end - begin, Arrays.copyOf(ids.values, ids.size));
    }

    private static byte[] bytes(Path file) {
        try (InputStream raw = Files.newInputStream(file);
                InputStream in = file.toString().endsWith(".gz") ? new GZIPInputStream(raw) : raw) {
            byte[] text = in.readNBytes(1 << 30);
            if (in.read() >= 0) {
                throw new DataException(
                        file
                                + ": is longer than 1 GiB; build binidx data from it with anser"
                                + " data build");
            }
            return text;
        } catch (IOException e) {
            throw new DataException(
                    "%s: cannot be read (%s: %s); check the path"
                            .formatted(file, e.getClass().getSimpleName(), e.getMessage()),
                    e);
        }
    }

    private static int boundary(byte[] text, long position) {
        int at = (int) position;
        while (!Utf8.isBoundary(text, at)) {
            at++;
        }
        return at;
    }

    /// Bytes of the text, for bits per byte.
    public long bytes() {
        return bytes;
    }

    @Override
    public long size() {
        return ids.length;
    }

    @Override
    public void read(long position, int[] target, int offset, int count) {
        Objects.checkFromIndexSize(position, count, ids.length);
        System.arraycopy(ids, (int) position, target, offset, count);
    }

    @Override
    public int largest() {
        int largest = 0;
        for (int id : ids) {
            largest = Math.max(largest, id);
        }
        return largest;
    }

    @Override
    public String digest() {
        MessageDigest digest = Digests.sha256();
        ByteBuffer buffer = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);
        for (int id : ids) {
            buffer.putInt(id);
            if (!buffer.hasRemaining()) {
                digest.update(buffer.flip());
                buffer.clear();
            }
        }
        digest.update(buffer.flip());
        return Digests.hex(digest);
    }

    @Override
    public void close() {}

    /// Ids, as many as come.
    private static final class Ids implements TextEncoder.Sink {
        private int[] values;
        private int size;

        Ids(int capacity) {
            this.values = new int[Math.max(16, capacity)];
        }

        @Override
        public void add(int[] more, int offset, int count) {
            if (size + count > values.length) {
                values = Arrays.copyOf(values, Math.max(size + count, values.length * 3 / 2));
            }
            System.arraycopy(more, offset, values, size, count);
            size += count;
        }
    }
}
