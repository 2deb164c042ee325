package dev.anser.text;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// How the tokens of a `tokenizer.json` spell the bytes that they stand for.
///
/// @param byteLevel every character is a byte, in GPT-2's table
/// @param byteFallback tokens `<0x00>` to `<0xFF>` are bytes
/// @param space what stands for a space, such as SentencePiece's `▁`
/// @param continuation what tokens inside a word begin with, such as `##`; the others have a space
///   in front
/// @param wordEnd what the last token of a word ends with, such as `</w>`; it is a space
/// @param dropsFirstSpace the space in front of a text is not of the text
record TokenSpelling(
        boolean byteLevel,
        boolean byteFallback,
        @Nullable String space,
        @Nullable String continuation,
        @Nullable String wordEnd,
        boolean dropsFirstSpace) {

    /* GPT-2 writes a byte as the character of that code point when this is a visible one, and as one
     * from U+0100 on, in order, when it is not.
     */
    private static final char[] CHARACTER = new char[256];
    private static final int[] BYTE = new int[256 + 68];

    static {
        char next = 256;
        for (int value = 0; value < 256; value++) {
            boolean visible =
                    (value >= '!' && value <= '~')
                            || (value >= 0xa1 && value <= 0xac)
                            || value >= 0xae;
            CHARACTER[value] = visible ? (char) value : next++;
        }
        java.util.Arrays.fill(BYTE, -1);
        for (int value = 0; value < 256; value++) {
            BYTE[CHARACTER[value]] = value;
        }
    }

    /// Reads it off the decoder of `tokenizer`, or its pre-tokenizer when it has no decoder.
    ///
    /// @throws TokenizerException when a decoder is of an unknown kind
    static TokenSpelling of(JsonTree tokenizer) {
        List<JsonTree> parts = parts(tokenizer.object("decoder"), "decoders");
        boolean byteLevel = false;
        boolean byteFallback = false;
        boolean drops = false;
        String space = null;
        String continuation = null;
        String wordEnd = null;
        for (JsonTree part : parts) {
            String type = part.string("type");
            switch (type == null ? "" : type) {
                case "ByteLevel" -> byteLevel = true;
                case "ByteFallback" -> byteFallback = true;
                case "Fuse" -> {
                    // Joins the tokens, as everything here does.
                }
                case "Strip" -> drops |= part.number("start", 0) > 0;
                case "Replace" -> space = replaced(part);
                case "Metaspace" -> {
                    space = or(part.string("replacement"), "▁");
                    String scheme = part.string("prepend_scheme");
                    drops |=
                            scheme == null
                                    ? part.bool("add_prefix_space", true)
                                    : !scheme.equals("never");
                }
                case "WordPiece" -> {
                    continuation = or(part.string("prefix"), "##");
                    drops = true;
                }
                case "BPEDecoder" -> wordEnd = or(part.string("suffix"), "</w>");
                default ->
                        throw new TokenizerException(
                                part.where()
                                        + ": decodes by \""
                                        + JsonTree.shown(or(type, "nothing"))
                                        + "\"; expected ByteLevel, ByteFallback, Metaspace,"
                                        + " Replace, WordPiece or BPEDecoder");
            }
        }
        if (parts.isEmpty()) {
            byteLevel =
                    parts(tokenizer.object("pre_tokenizer"), "pretokenizers").stream()
                            .anyMatch(part -> "ByteLevel".equals(part.string("type")));
        }
        return new TokenSpelling(byteLevel, byteFallback, space, continuation, wordEnd, drops);
    }

    /// The steps that `whole`, which may be a sequence of them under `names`, consists of.
    static List<JsonTree> parts(@Nullable JsonTree whole, String names) {
        List<JsonTree> parts = new ArrayList<>();
        if (whole != null && "Sequence".equals(whole.string("type"))) {
            for (JsonTree part : whole.objects(names)) {
                parts.addAll(parts(part, names));
            }
        } else if (whole != null) {
            parts.add(whole);
        }
        return parts;
    }

    private static String replaced(JsonTree part) {
        JsonTree pattern = part.object("pattern");
        String text = pattern == null ? null : pattern.string("String");
        if (text == null || text.isEmpty() || !" ".equals(part.string("content"))) {
            throw new TokenizerException(
                    part.where() + ": replaces something else than a text by a space");
        }
        return text;
    }

    private static String or(@Nullable String text, String otherwise) {
        return text == null ? otherwise : text;
    }

    /// The bytes of `token`.
    byte[] bytes(String token) {
        if (byteLevel) {
            byte[] bytes = byteLevel(token);
            return bytes == null ? utf8(token) : bytes;
        }
        int value = byteFallback ? fallback(token) : -1;
        if (value >= 0) {
            return new byte[] {(byte) value};
        }
        String text = space == null ? token : token.replace(space, " ");
        if (continuation != null) {
            text =
                    text.startsWith(continuation)
                            ? text.substring(continuation.length())
                            : " " + text;
        }
        if (wordEnd != null && text.endsWith(wordEnd)) {
            text = text.substring(0, text.length() - wordEnd.length()) + " ";
        }
        return utf8(text);
    }

    private static byte @Nullable [] byteLevel(String token) {
        byte[] bytes = new byte[token.length()];
        for (int i = 0; i < bytes.length; i++) {
            char c = token.charAt(i);
            if (c >= BYTE.length || BYTE[c] < 0) {
                return null;
            }
            bytes[i] = (byte) BYTE[c];
        }
        return bytes;
    }

    /// The byte that a token such as `<0x0A>` is, or -1.
    private static int fallback(String token) {
        if (token.length() != 6 || !token.startsWith("<0x") || token.charAt(5) != '>') {
            return -1;
        }
        int high = Character.digit(token.charAt(3), 16);
        int low = Character.digit(token.charAt(4), 16);
        return high < 0 || low < 0 ? -1 : high << 4 | low;
    }

    /// How a token for the single byte `value` is written, or null when there are none.
    @Nullable String byteToken(int value) {
        if (byteLevel) {
            return String.valueOf(CHARACTER[value]);
        }
        return byteFallback ? "<0x%02X>".formatted(value) : null;
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
