package dev.anser.train;

import dev.anser.data.Tokens;
import dev.anser.text.Tokenizer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;

/// The tokens of a text file, or a part of them, in memory.
final class TextTokens implements Tokens {
    private final int[] ids;
    private final int from;
    private final int to;

    private TextTokens(int[] ids, int from, int to) {
        this.ids = ids;
        this.from = from;
        this.to = to;
    }

    /// Reads and encodes `file`.
    static TextTokens read(Path file, Tokenizer tokenizer) {
        try {
            if (Files.size(file) > Integer.MAX_VALUE - 64) {
                throw new TrainingException(
                        file + ": is larger than 2 GiB; make a .bin and .idx of it first");
            }
            int[] ids = tokenizer.encode(Files.readAllBytes(file));
            return new TextTokens(ids, 0, ids.length);
        } catch (NoSuchFileException e) {
            throw new TrainingException(file + ": there is no such file; check the path", e);
        } catch (IOException e) {
            throw new TrainingException(file + ": cannot be read (" + e.getMessage() + ")", e);
        }
    }

    /// The tokens from `start` up to, not including, `end`.
    TextTokens part(long start, long end) {
        return new TextTokens(ids, from + (int) start, from + (int) end);
    }

    @Override
    public long size() {
        return to - from;
    }

    @Override
    public void read(long position, int[] target, int offset, int count) {
        if (position < 0 || position + count > size()) {
            throw new IndexOutOfBoundsException(
                    "tokens " + position + " to " + (position + count) + " of " + size());
        }
        System.arraycopy(ids, from + (int) position, target, offset, count);
    }

    @Override
    public int largest() {
        return Arrays.stream(ids, from, to).max().orElse(0);
    }

    @Override
    public String digest() {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
            for (int i = from; i < to; i++) {
                if (!buffer.hasRemaining()) {
                    digest.update(buffer.flip());
                    buffer.clear();
                }
                buffer.putInt(ids[i]);
            }
            digest.update(buffer.flip());
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java has SHA-256", e);
        }
    }

    @Override
    public void close() {
        // Nothing is open.
    }
}
