package dev.anser.data;

import dev.anser.text.ByteTokenizer;
import dev.anser.text.Tokenizer;
import java.io.IOException;
import java.util.Arrays;

/// Encodes a text of any length piece by piece; the tokens are those of the whole text.
///
/// A greedy longest match looks at most as far ahead as the longest token is long. So of a piece,
/// all tokens stand that begin at least that far before its end; the rest is encoded again with the
/// next piece. Other vocabularies see a document as a whole.
final class TextEncoder {
    /// What takes the tokens.
    @FunctionalInterface
    interface Sink {
        void add(int[] ids, int offset, int count) throws IOException;
    }

    private static final int PIECE_BYTES = 1 << 20;
    private static final int WHOLE_BYTES = 1 << 28;

    private final Tokenizer tokenizer;
    private final Sink sink;
    private final int[] lengths;
    private final int longest;
    private final int most;
    private byte[] pending = new byte[1 << 16];
    private int size;

    TextEncoder(Tokenizer tokenizer, Sink sink) {
        this.tokenizer = tokenizer;
        this.sink = sink;
        this.lengths = new int[tokenizer.vocabularySize()];
        int longest = 1;
        for (int id = 0; id < lengths.length; id++) {
            lengths[id] = tokenizer.contains(id) ? tokenizer.bytes(id).length : 0;
            longest = Math.max(longest, lengths[id]);
        }
        this.longest = tokenizer instanceof ByteTokenizer ? 1 : longest;
        this.most = tokenizer.greedy() ? PIECE_BYTES : WHOLE_BYTES;
    }

    /// Takes more of the text.
    void add(byte[] bytes, int offset, int count) throws IOException {
        while (count > 0) {
            if (size == pending.length && size < most) {
                pending = Arrays.copyOf(pending, Math.min(size * 2, most));
            }
            int taken = Math.min(count, pending.length - size);
            System.arraycopy(bytes, offset, pending, size, taken);
            size += taken;
            offset += taken;
            count -= taken;
            if (size == most) {
                requirePieces();
                encode(size - longest);
            }
        }
    }

    private void requirePieces() {
        if (!tokenizer.greedy()) {
            throw new DataException(
                    "a document has "
                            + (WHOLE_BYTES >> 20)
                            + " MiB or more, which this vocabulary cannot encode in pieces; cut the"
                            + " text into documents");
        }
    }

    /// Ends the text; the next one may begin.
    void end() throws IOException {
        if (tokenizer.greedy()) {
            encode(size);
        } else {
            int[] ids = tokenizer.encode(Arrays.copyOf(pending, size));
            sink.add(ids, 0, ids.length);
            size = 0;
        }
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
