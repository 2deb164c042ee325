package dev.anser.text;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/// A parsed vocabulary file: the bytes of token `id` are `pool[start[id] .. start[id] +
/// length[id])`; an id that the file lacks has length 0. Whoever holds it may take over its arrays.
final class WorldVocabulary {
    /// RWKV's own file has 1.1 MB, 65529 tokens and no token over 128 bytes. The limits bound what
    /// a hostile file can cost, a long token also because matching it may start at every byte.
    static final int MAX_FILE_BYTES = 1 << 24;

    private static final int ID_BITS = 21;
    private static final int MAX_ID = (1 << ID_BITS) - 1;
    private static final int PREFIX_BYTES = 5;
    private static final int MAX_TOKEN_BYTES = 1024;

    /// As many tokens with the same prefix are sorted by insertion.
    private static final int FEW = 64;

    final String source;
    final byte[] pool;
    final int[] start;
    final int[] length;
    private final int tokens;

    private WorldVocabulary(String source, byte[] pool, int[] start, int[] length, int tokens) {
        this.source = source;
        this.pool = pool;
        this.start = start;
        this.length = length;
        this.tokens = tokens;
    }

    static WorldVocabulary parse(String source, byte[] content) {
        return new Parser(source, content).parse();
    }

    /// The ids that have bytes, in the order of their bytes, unsigned.
    ///
    /// Sorted as numbers: the first five bytes above, the id below. Only tokens that agree in those
    /// bytes need to be compared, and they are few.
    ///
    /// @throws TokenizerException when two have the same bytes
    int[] idsByBytes() {
        long[] keys = new long[tokens];
        for (int id = 0, i = 0; id < length.length; id++) {
            if (length[id] > 0) {
                keys[i++] = prefix(id) << ID_BITS | id;
            }
        }
        Arrays.sort(keys);
        int[] ids = new int[tokens];
        for (int from = 0; from < tokens; ) {
            int to = from + 1;
            while (to < tokens && keys[to] >>> ID_BITS == keys[from] >>> ID_BITS) {
                to++;
            }
            for (int i = from; i < to; i++) {
                ids[i] = (int) keys[i] & MAX_ID;
            }
            if (to - from > 1) {
                sort(ids, from, to);
            }
            from = to;
        }
        return ids;
    }

    /// The first [#PREFIX_BYTES] bytes of a token as a number, with zeros for those that it lacks.
    private long prefix(int id) {
        long prefix = 0;
        for (int i = 0; i < PREFIX_BYTES; i++) {
            prefix = prefix << 8 | (i < length[id] ? pool[start[id] + i] & 0xff : 0);
        }
        return prefix;
    }

    private void sort(int[] ids, int from, int to) {
        if (to - from <= FEW) {
            // Most often two. The compiler spends 0.3 s on the library's sort when that is in use
            // for all, while the model waits for it.
            for (int i = from + 1; i < to; i++) {
                int id = ids[i];
                int at = i;
                for (; at > from && compare(ids[at - 1], id) > 0; at--) {
                    ids[at] = ids[at - 1];
                }
                ids[at] = id;
            }
        } else {
            Integer[] part = new Integer[to - from];
            for (int i = 0; i < part.length; i++) {
                part[i] = ids[from + i];
            }
            Arrays.sort(part, this::compare);
            for (int i = 0; i < part.length; i++) {
                ids[from + i] = part[i];
            }
        }
        for (int i = from + 1; i < to; i++) {
            if (compare(ids[i - 1], ids[i]) == 0) {
                throw new TokenizerException(
                        source
                                + ": tokens "
                                + ids[i - 1]
                                + " and "
                                + ids[i]
                                + " have the same bytes; remove one");
            }
        }
    }

    private int compare(int a, int b) {
        return Arrays.compareUnsigned(
                pool, start[a], start[a] + length[a], pool, start[b], start[b] + length[b]);
    }

    /// Reads the lines. The pool cannot outgrow the file: every token byte takes at least one
    /// character of its literal.
    private static final class Parser {
        private final String source;
        private final byte[] content;
        private final boolean utf8;
        private byte[] pool;
        private int poolSize;
        private int[] start = new int[1024];
        private int[] length = new int[1024];
        private int size;
        private int tokens;
        private int line;

        Parser(String source, byte[] content) {
            this.source = source;
            this.content = content;
            this.utf8 = content.length <= MAX_FILE_BYTES && isUtf8(content);
            this.pool = new byte[Math.max(16, content.length / 4)];
        }

        WorldVocabulary parse() {
            if (content.length > MAX_FILE_BYTES) {
                throw new TokenizerException(
                        source
                                + ": is larger than "
                                + (MAX_FILE_BYTES >> 20)
                                + " MiB; expected a vocabulary file");
            }
            int at = 0;
            while (at < content.length) {
                line++;
                int end = at;
                while (end < content.length && content[end] != '\n') {
                    end++;
                }
                int cut = end > at && content[end - 1] == '\r' ? end - 1 : end;
                if (cut > at && !plain(at, cut)) {
                    line(text(at, cut));
                }
                at = end + 1;
            }
            if (tokens == 0) {
                throw new TokenizerException(
                        source + ": has no tokens; expected lines such as: 98 'a' 1");
            }
            return new WorldVocabulary(
                    source,
                    Arrays.copyOf(pool, poolSize),
                    Arrays.copyOf(start, size),
                    Arrays.copyOf(length, size),
                    tokens);
        }

        /// Reads a line of the commonest kind straight from its bytes: a right one whose literal is
        /// ASCII or, in a file that is UTF-8 as a whole, any text, and has no escapes. Changes
        /// nothing and returns false for every other one, right or wrong.
        private boolean plain(int from, int to) {
            int at = from;
            int id = 0;
            while (at < to && at - from < 8 && content[at] >= '0' && content[at] <= '9') {
                id = id * 10 + content[at++] - '0';
            }
            int end = to;
            int expected = 0;
            for (int unit = 1; end > at && unit < 10_000 && digit(content[end - 1]); unit *= 10) {
                expected += (content[--end] - '0') * unit;
            }
            // What is left: a space, a quote, the token, the same quote, a space.
            int bytes = end - at - 4;
            if (at == from || end == to || bytes < 1 || bytes != expected) {
                return false;
            }
            byte quote = content[at + 1];
            if (content[at] != ' '
                    || (quote != '\'' && quote != '"')
                    || content[end - 2] != quote
                    || content[end - 1] != ' '
                    || id > MAX_ID
                    || bytes > MAX_TOKEN_BYTES
                    || (id < size && length[id] > 0)) {
                return false;
            }
            int first = at + 2;
            for (int i = first; i < first + bytes; i++) {
                byte value = content[i];
                if (value == quote || value == '\\' || (value < 0 && !utf8)) {
                    return false;
                }
            }
            reserve(bytes);
            System.arraycopy(content, first, pool, poolSize, bytes);
            poolSize += bytes;
            add(id, poolSize - bytes, bytes);
            return true;
        }

        private static boolean digit(byte value) {
            return value >= '0' && value <= '9';
        }

        private static boolean isUtf8(byte[] content) {
            try {
                StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(content));
                return true;
            } catch (CharacterCodingException e) {
                return false;
            }
        }

        private String text(int from, int to) {
            try {
                return StandardCharsets.UTF_8
                        .newDecoder()
                        .decode(ByteBuffer.wrap(content, from, to - from))
                        .toString();
            } catch (CharacterCodingException e) {
                throw new TokenizerException(where() + "is not UTF-8; expected a text file", e);
            }
        }

        private void line(String text) {
            int first = text.indexOf(' ');
            int last = text.lastIndexOf(' ');
            if (first < 0 || last == first) {
                throw wrong(text, "has not three fields; expected: id literal length");
            }
            int id = number(text, 0, first, MAX_ID, "id");
            int expected = number(text, last + 1, text.length(), MAX_TOKEN_BYTES, "byte length");
            if (id < size && length[id] > 0) {
                throw wrong(text, "gives id " + id + " a second time");
            }
            int from = poolSize;
            literal(text, first + 1, last);
            int bytes = poolSize - from;
            if (bytes == 0) {
                throw wrong(text, "has an empty token");
            }
            if (bytes != expected) {
                throw wrong(text, "says " + expected + " bytes but its literal has " + bytes);
            }
            add(id, from, bytes);
        }

        private void add(int id, int from, int bytes) {
            if (id >= start.length) {
                int capacity = Math.max(id + 1, start.length * 2);
                start = Arrays.copyOf(start, capacity);
                length = Arrays.copyOf(length, capacity);
            }
            start[id] = from;
            length[id] = bytes;
            size = Math.max(size, id + 1);
            tokens++;
        }

        private int number(String text, int from, int to, int most, String what) {
            int value = 0;
            boolean digits = to > from && to - from <= 9;
            for (int i = from; digits && i < to; i++) {
                char c = text.charAt(i);
                digits = c >= '0' && c <= '9';
                value = value * 10 + (c - '0');
            }
            if (!digits || value > most) {
                throw wrong(
                        text,
                        "has "
                                + what
                                + " '"
                                + shown(text.substring(from, to))
                                + "', expected 0 to "
                                + most);
            }
            return value;
        }

        private void literal(String text, int from, int to) {
            boolean raw = text.charAt(from) == 'b';
            int open = raw ? from + 1 : from;
            char quote = open < to ? text.charAt(open) : 0;
            if ((quote != '\'' && quote != '"') || to - open < 2 || text.charAt(to - 1) != quote) {
                throw wrong(
                        text, "has a literal that is not in quotes; expected '…', \"…\" or b'…'");
            }
            int i = open + 1;
            while (i < to - 1) {
                char c = text.charAt(i);
                if (c == quote) {
                    throw wrong(
                            text, "has a literal with its quote inside; write it as \\" + quote);
                }
                if (c == '\\') {
                    i = escape(text, i, to - 1, raw);
                } else {
                    int codePoint = text.codePointAt(i);
                    if (raw && codePoint > 0x7f) {
                        throw wrong(
                                text,
                                "has a bytes literal with a character beyond ASCII;"
                                        + " write its bytes as \\xHH");
                    }
                    utf8(text, codePoint);
                    i += Character.charCount(codePoint);
                }
            }
        }

        /// Appends what the escape at `at` stands for and returns where it ends.
        private int escape(String text, int at, int end, boolean raw) {
            char kind = at + 1 < end ? text.charAt(at + 1) : 0;
            int digits =
                    switch (kind) {
                        case 'x' -> 2;
                        case 'u' -> raw ? -1 : 4;
                        case 'U' -> raw ? -1 : 8;
                        case '\'', '"', '\\', 'n', 'r', 't' -> 0;
                        default -> -1;
                    };
            if (digits < 0 || at + 2 + digits > end) {
                throw wrong(
                        text,
                        "has an escape '"
                                + shown(text.substring(at, Math.min(at + 2, end)))
                                + "' that is unfinished or not one of \\' \\\" \\\\ \\n \\r \\t \\xHH"
                                + (raw ? "" : " \\uHHHH \\UHHHHHHHH"));
            }
            if (digits == 0) {
                append(
                        switch (kind) {
                            case 'n' -> '\n';
                            case 'r' -> '\r';
                            case 't' -> '\t';
                            default -> kind;
                        });
                return at + 2;
            }
            long value = 0;
            for (int i = at + 2; i < at + 2 + digits; i++) {
                char c = text.charAt(i);
                int digit = c < 0x80 ? Character.digit(c, 16) : -1;
                if (digit < 0) {
                    throw wrong(
                            text,
                            "has an escape with '"
                                    + shown(String.valueOf(c))
                                    + "', expected "
                                    + digits
                                    + " hexadecimal digits");
                }
                value = (value << 4) | digit;
            }
            if (raw) {
                append((int) value);
            } else {
                utf8(text, value);
            }
            return at + 2 + digits;
        }

        private void utf8(String text, long codePoint) {
            if (codePoint > 0x10ffff || (codePoint >= 0xd800 && codePoint < 0xe000)) {
                throw wrong(
                        text, "has U+" + Long.toHexString(codePoint) + ", which is no character");
            }
            int c = (int) codePoint;
            if (c < 0x80) {
                append(c);
            } else if (c < 0x800) {
                append(0xc0 | (c >> 6));
                append(0x80 | (c & 0x3f));
            } else if (c < 0x10000) {
                append(0xe0 | (c >> 12));
                append(0x80 | ((c >> 6) & 0x3f));
                append(0x80 | (c & 0x3f));
            } else {
                append(0xf0 | (c >> 18));
                append(0x80 | ((c >> 12) & 0x3f));
                append(0x80 | ((c >> 6) & 0x3f));
                append(0x80 | (c & 0x3f));
            }
        }

        private void append(int value) {
            reserve(1);
            pool[poolSize++] = (byte) value;
        }

        private void reserve(int bytes) {
            if (poolSize + bytes > pool.length) {
                pool = Arrays.copyOf(pool, Math.max(poolSize + bytes, poolSize + (poolSize >> 1)));
            }
        }

        private TokenizerException wrong(String text, String what) {
            return new TokenizerException(where() + what + ": " + shown(text));
        }

        private String where() {
            return source + ": line " + line + " ";
        }

        /// `text` cut short and without control characters, fit for one line of a message.
        private static String shown(String text) {
            String cut = text.length() > 60 ? text.substring(0, 60) + "…" : text;
            return cut.replaceAll("\\p{Cntrl}", "?");
        }
    }
}
