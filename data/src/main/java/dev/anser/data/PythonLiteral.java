package dev.anser.data;

/// Writes bytes as Python's `repr` does, which is how vocabulary files have them: `'…'` or `"…"`
/// for UTF-8, else `b'…'`.
final class PythonLiteral {
    private PythonLiteral() {}

    static String of(byte[] bytes) {
        boolean text = isUtf8(bytes);
        StringBuilder literal = new StringBuilder();
        char quote = contains(bytes, '\'') && !contains(bytes, '"') ? '"' : '\'';
        for (int i = 0; i < bytes.length; ) {
            int c = text ? Utf8.codePoint(bytes, i, bytes.length) : bytes[i] & 0xff;
            append(literal, c, quote, text);
            i += text ? Utf8.length(bytes[i]) : 1;
        }
        return (text ? "" : "b") + quote + literal + quote;
    }

    private static void append(StringBuilder literal, int c, char quote, boolean text) {
        switch (c) {
            case '\n' -> literal.append("\\n");
            case '\r' -> literal.append("\\r");
            case '\t' -> literal.append("\\t");
            case '\\' -> literal.append("\\\\");
            default -> {
                if (c == quote) {
                    literal.append('\\').append(quote);
                } else if (c >= 0x20 && c < 0x7f) {
                    literal.append((char) c);
                } else if (c < 0x100 && !(text && isPrintable(c))) {
                    literal.append(String.format("\\x%02x", c));
                } else if (isPrintable(c)) {
                    literal.appendCodePoint(c);
                } else if (c < 0x10000) {
                    literal.append(String.format("\\u%04x", c));
                } else {
                    literal.append(String.format("\\U%08x", c));
                }
            }
        }
    }

    private static boolean isPrintable(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.SPACE_SEPARATOR ->
                    false;
            default -> true;
        };
    }

    private static boolean isUtf8(byte[] bytes) {
        for (int i = 0; i < bytes.length; i += Utf8.length(bytes[i])) {
            if (Utf8.codePoint(bytes, i, bytes.length) < 0) {
                return false;
            }
        }
        return true;
    }

    private static boolean contains(byte[] bytes, char c) {
        for (byte value : bytes) {
            if (value == c) {
                return true;
            }
        }
        return false;
    }
}
