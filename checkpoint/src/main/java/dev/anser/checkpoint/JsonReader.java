package dev.anser.checkpoint;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/// Reads JSON straight from a file's bytes, token by token.
///
/// It has no general value, which [JsonValues] reads: the caller asks for what must come next, so
/// nothing nests deeper than the format does and nothing is built that the format has no place for.
final class JsonReader {
    private static final int MAX_LITERAL_CHARACTERS = 400;

    private final FileBytes file;
    private final long end;
    private final String part;
    private long position;

    /// @param part what of the file the JSON is, for errors
    JsonReader(FileBytes file, long start, long end, String part) {
        this.file = file;
        this.position = start;
        this.end = end;
        this.part = part;
    }

    ModelFormatException error(String what) {
        return file.error(part + " at byte " + position + ": " + what);
    }

    /// Reads past `symbol`, which must come next.
    void expect(char symbol) {
        if (!accept(symbol)) {
            throw error("expected '" + symbol + "', found " + found());
        }
    }

    /// Reads past `symbol` if it comes next.
    boolean accept(char symbol) {
        if (comes(symbol)) {
            position++;
            return true;
        }
        return false;
    }

    /// Whether `symbol` comes next, after blanks.
    boolean comes(char symbol) {
        skipSpace();
        return position < end && peek() == symbol;
    }

    /// Fails unless only blanks are left.
    void expectEnd() {
        skipSpace();
        if (position != end) {
            throw error("expected the end of the " + part + ", found " + found());
        }
    }

    /// Reads a string of at most `maxBytes` bytes of UTF-8.
    String string(int maxBytes, String what) {
        if (!accept('"')) {
            throw error("expected " + what + " in quotes, found " + found());
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(64);
        while (true) {
            int b = next(what);
            if (b == '"') {
                return file.utf8(bytes.toByteArray(), what);
            }
            if (b < 0x20) {
                throw error(what + " contains a control character");
            }
            if (b == '\\') {
                readEscape(bytes, what);
            } else {
                bytes.write(b);
            }
            if (bytes.size() > maxBytes) {
                throw error(what + " is longer than " + maxBytes + " bytes");
            }
        }
    }

    /// Reads what stands without quotes, a number or a word, up to the next blank or symbol.
    String literal() {
        skipSpace();
        StringBuilder text = new StringBuilder();
        while (position < end && text.length() <= MAX_LITERAL_CHARACTERS) {
            int b = peek();
            boolean inside = Character.isLetterOrDigit(b) || b == '-' || b == '+' || b == '.';
            if (b >= 0x7f || !inside) {
                break;
            }
            text.append((char) b);
            position++;
        }
        if (text.isEmpty()) {
            throw error("expected a value, found " + found());
        }
        if (text.length() > MAX_LITERAL_CHARACTERS) {
            throw error("a number has more than " + MAX_LITERAL_CHARACTERS + " characters");
        }
        return text.toString();
    }

    /// Reads an array of at most `max` whole numbers, none negative.
    long[] counts(int max, String what) {
        if (!accept('[')) {
            throw error("expected '[' before " + what + ", found " + found());
        }
        long[] values = new long[max];
        int size = 0;
        if (!accept(']')) {
            do {
                if (size == max) {
                    throw error(what + " has more than " + max + " numbers");
                }
                values[size++] = count(what);
            } while (accept(','));
            expect(']');
        }
        return Arrays.copyOf(values, size);
    }

    private long count(String what) {
        skipSpace();
        long value = 0;
        int digits = 0;
        while (position < end && peek() >= '0' && peek() <= '9') {
            if (++digits > 18 || (digits == 2 && value == 0)) {
                throw error(what + " has a number with a leading zero or over 18 digits");
            }
            value = value * 10 + (peek() - '0');
            position++;
        }
        if (digits == 0) {
            throw error(what + " needs whole numbers, found " + found());
        }
        return value;
    }

    private void readEscape(ByteArrayOutputStream bytes, String what) {
        int b = next(what);
        switch (b) {
            case '"', '\\', '/' -> bytes.write(b);
            case 'b' -> bytes.write('\b');
            case 'f' -> bytes.write('\f');
            case 'n' -> bytes.write('\n');
            case 'r' -> bytes.write('\r');
            case 't' -> bytes.write('\t');
            case 'u' -> {
                int codePoint = hex4(what);
                if (codePoint >= 0xd800 && codePoint < 0xdc00) {
                    int low = next(what) == '\\' && next(what) == 'u' ? hex4(what) : 0;
                    if (low < 0xdc00 || low > 0xdfff) {
                        throw error(what + " has half a surrogate pair");
                    }
                    codePoint = Character.toCodePoint((char) codePoint, (char) low);
                } else if (codePoint >= 0xdc00 && codePoint <= 0xdfff) {
                    throw error(what + " has half a surrogate pair");
                }
                bytes.writeBytes(Character.toString(codePoint).getBytes(StandardCharsets.UTF_8));
            }
            default -> throw error(what + " has an unknown escape");
        }
    }

    private int hex4(String what) {
        int value = 0;
        for (int i = 0; i < 4; i++) {
            int digit = Character.digit(next(what), 16);
            if (digit < 0) {
                throw error(what + " has a \\u escape without four hexadecimal digits");
            }
            value = value * 16 + digit;
        }
        return value;
    }

    private int next(String what) {
        if (position >= end) {
            throw error(what + " is cut off by the end of the " + part);
        }
        return file.u8(position++, part);
    }

    private int peek() {
        return file.u8(position, part);
    }

    private void skipSpace() {
        while (position < end) {
            int b = peek();
            if (b != ' ' && b != '\n' && b != '\r' && b != '\t') {
                return;
            }
            position++;
        }
    }

    private String found() {
        if (position >= end) {
            return "the end of the " + part;
        }
        int b = peek();
        return b >= 0x20 && b < 0x7f ? "'" + (char) b + "'" : "byte " + b;
    }
}
