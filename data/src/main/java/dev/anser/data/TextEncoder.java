package dev.anser.data;

import dev.anser.text.ByteTokenizer;
import dev.anser.text.Tokenizer;
import java.io.IOException;
import java.util.Arrays;

/// Encodes a text of any length piece by piece; the tokens are those of the whole text.
///
/// A greedy longest match looks at most as far ahead as the longest token is long. So of a piece,
/// all tokens stand that begin at least that far before its end; the rest is encoded again with the
/// next piece.
final class TextEncoder {
    /// What takes the tokens.
    @FunctionalInterface
    interface Sink {
        void add(int[] ids, int offset, int count) throws IOException;
    }

    private static final int PIECE_BYTES = 1 << 20;

    private final Tokenizer tokenizer;
    private final Sink sink;
    private final int[] lengths;
    private final int longest;
    private byte[] pending = new byte[1 << 16];
    private int size;

    TextEncoder(Tokenizer tokenizer, Sink sink) {
        this.tokenizer = tokenizer;
        this.sink = sink;
        this.lengths = new int[tokenizer.vocabularySize()];
        int most = 1;
        for (int id = 0; id < lengths.length; id++) {
            lengths[id] = tokenizer.contains(id) ? tokenizer.bytes(id).length : 0;
            most = Math.max(most, lengths[id]);
        }
        this.longest = tokenizer instanceof ByteTokenizer ? 1 : most;
    }

    /// Takes more of the text.
    void add(byte[] bytes, int offset, int count) throws IOException {
        while (count > 0) {
            if (size == pending.length && size < PIECE_BYTES) {
                pending = Arrays.copyOf(pending, size * 2);
            }
            int taken = Math.min(count, pending.length - size);
            System.arraycopy(bytes, offset, pending, size, taken);
            size += taken;
            offset += taken;
            count -= taken;
            if (size == PIECE_BYTES) {
                encode(size - longest);
            }
        }
    }

    /// Ends the text; the next one may begin.
    void end() throws IOException {
        encode(size);
    }

    /// Encodes what is pending and keeps the tokens that begin at or before `last`.
    private void encode(int last) throws IOException {
        int[] ids = tokenizer.encode(Arrays.copyOf(pending, size));
        int count = 0;
        int at = 0;
        while (count < ids.length && at <= last) {
            at += lengths[ids[count++]];
        }
        sink.add(ids, 0, count);
        System.arraycopy(pending, at, pending, 0, size - at);
        size -= at;
    }
}
