package dev.anser.data;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Counts the pieces of texts that tokens may be parts of: words with the space before them, the
/// endings after an apostrophe, single digits, runs of punctuation and line breaks, runs of spaces.
final class PieceCounts implements Documents.Sink {
    /// A piece and how often it stands in the texts.
    record Piece(byte[] bytes, long count) {}

    static final int MAX_PIECE_BYTES = 64;
    private static final int MAX_COUNTED = 1 << 22;

    private final Map<String, long[]> counts = new HashMap<>();
    private byte[] pending = new byte[1 << 16];
    private int size;
    private long bytes;

    /// Bytes of all texts so far.
    long bytes() {
        return bytes;
    }

    /// The `most` most frequent pieces, the most frequent first.
    List<Piece> mostFrequent(int most) {
        List<Piece> pieces = new ArrayList<>(counts.size());
        counts.forEach((key, count) ->
                pieces.add(new Piece(key.getBytes(StandardCharsets.ISO_8859_1), count[0])));
        pieces.sort(
                Comparator.comparingLong(Piece::count)
                        .reversed()
                        .thenComparing(Piece::bytes, Arrays::compareUnsigned));
        return pieces.subList(0, Math.min(most, pieces.size()));
    }

    @Override
    public void add(byte[] text, int offset, int count) {
        bytes += count;
        while (count > 0) {
            int taken = Math.min(count, pending.length - size);
            System.arraycopy(text, offset, pending, size, taken);
            size += taken;
            offset += taken;
            count -= taken;
            if (size == pending.length) {
                // A piece that is this far from the end does not depend on what follows.
                count(size - 2 * MAX_PIECE_BYTES);
            }
        }
    }

    @Override
    public void end() {
        count(size);
    }

    private void count(int last) {
        int at = 0;
        while (at < last) {
            int end = pieceEnd(at);
            // ISO 8859-1 keeps every byte, in strings that are compact and hash fast.
            String key = new String(pending, at, end - at, StandardCharsets.ISO_8859_1);
            counts.computeIfAbsent(key, _ -> new long[1])[0]++;
            at = end;
        }
        System.arraycopy(pending, at, pending, 0, size - at);
        size -= at;
        if (counts.size() > MAX_COUNTED) {
            forgetRare();
        }
    }

    /// Memory is bounded: of very many different pieces the rare ones are forgotten.
    private void forgetRare() {
        for (long rare = 1; counts.size() > MAX_COUNTED / 2; rare *= 2) {
            long most = rare;
            counts.values().removeIf(count -> count[0] <= most);
        }
    }

    /// Where the piece that begins at `at` ends.
    private int pieceEnd(int at) {
        int end = Math.min(size, at + MAX_PIECE_BYTES);
        int i = at;
        if (pending[i] == ' ') {
            int run = i;
            while (run < end && pending[run] == ' ') {
                run++;
            }
            // The last space belongs to what follows.
            if (run - i > 1) {
                return run < end ? run - 1 : run;
            }
            i++;
            if (i == end) {
                return end;
            }
        }
        return switch (kind(i, end)) {
            case DIGIT -> i + length(i, end);
            case LETTER -> runOf(Kind.LETTER, i, end);
            case APOSTROPHE_BEFORE_LETTER -> runOf(Kind.LETTER, i + length(i, end), end);
            case OTHER -> runOf(Kind.OTHER, i, end);
            case SPACE -> i;
        };
    }

    private int runOf(Kind kind, int from, int end) {
        int i = from;
        while (i < end && kind(i, end) == kind) {
            i += length(i, end);
        }
        return i;
    }

    private enum Kind {
        LETTER,
        DIGIT,
        SPACE,
        APOSTROPHE_BEFORE_LETTER,
        OTHER
    }

    private Kind kind(int at, int end) {
        int c = codePoint(at, end);
        if (c == ' ') {
            return Kind.SPACE;
        }
        if (isLetter(c)) {
            return Kind.LETTER;
        }
        if (c >= 0 && Character.isDigit(c)) {
            return Kind.DIGIT;
        }
        if (c == '\'' || c == '\u2019') {
            int next = at + length(at, end);
            return next < end && isLetter(codePoint(next, end))
                    ? Kind.APOSTROPHE_BEFORE_LETTER
                    : Kind.OTHER;
        }
        return Kind.OTHER;
    }

    private static boolean isLetter(int c) {
        if (c < 0x80) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        }
        int type = Character.getType(c);
        return Character.isLetter(c)
                || type == Character.NON_SPACING_MARK
                || type == Character.COMBINING_SPACING_MARK;
    }

    private int length(int at, int end) {
        return codePoint(at, end) < 0 ? 1 : Utf8.length(pending[at]);
    }

    private int codePoint(int at, int end) {
        return Utf8.codePoint(pending, at, end);
    }
}
