package dev.anser.text;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// The tokens of an RWKV World vocabulary as GGUF files hold them (`tokenizer.ggml.model` is
/// `rwkv`): each the inside of a Python bytes literal.
///
/// Id 0 is the end of a document, written as `<s>`; ids that the vocabulary lacks are written as
/// `[PAD7]`.
public final class GgufTokens {
    private static final String END = "<s>";
    private static final String HEX = "0123456789abcdef";

    private GgufTokens() {}

    /// The texts of the ids 0 to `count` - 1.
    public static List<String> texts(Tokenizer tokenizer, int count) {
        List<String> texts = new ArrayList<>(count);
        for (int id = 0; id < count; id++) {
            texts.add(
                    id == 0
                            ? END
                            : tokenizer.contains(id)
                                    ? escaped(tokenizer.bytes(id))
                                    : "[PAD" + id + "]");
        }
        return texts;
    }

    /// What kind of token each of the ids 0 to `count` - 1 is.
    public static int[] types(Tokenizer tokenizer, int count) {
        int[] types = new int[count];
        for (int id = 0; id < count; id++) {
            types[id] =
                    id == 0
                            ? GgufVocabulary.CONTROL
                            : tokenizer.contains(id)
                                    ? GgufVocabulary.NORMAL
                                    : GgufVocabulary.UNUSED;
        }
        return types;
    }

    /// The tokenizer of such texts.
    ///
    /// @param source names the file in messages
    /// @param types what kind each token is; as many as `texts`, or none when all are usual ones
    /// @throws TokenizerException when two tokens are the same, or one cannot be read
    public static Tokenizer tokenizer(String source, List<String> texts, List<Long> types) {
        return WorldTokenizer.load(
                source + " (tokens in its metadata)", vocabulary(source, texts, types));
    }

    /// A vocabulary file with the same tokens.
    ///
    /// @throws TokenizerException when types are missing or a token cannot be read
    static byte[] vocabulary(String source, List<String> texts, List<Long> types) {
        if (!types.isEmpty() && types.size() != texts.size()) {
            throw new TokenizerException(
                    source
                            + ": has "
                            + texts.size()
                            + " tokens and the types of "
                            + types.size()
                            + "; expected as many");
        }
        StringBuilder lines = new StringBuilder(texts.size() * 32);
        for (int id = 1; id < texts.size(); id++) {
            if (!types.isEmpty() && types.get(id) != GgufVocabulary.NORMAL) {
                continue;
            }
            byte[] bytes = unescaped(texts.get(id));
            lines.append(id).append(" b'");
            for (byte b : bytes) {
                hex(lines, b);
            }
            lines.append("' ").append(bytes.length).append('\n');
        }
        return lines.toString().getBytes(StandardCharsets.US_ASCII);
    }

    /// As Python's `repr` writes the inside of a bytes literal.
    static String escaped(byte[] bytes) {
        boolean single = false;
        boolean both = false;
        for (byte b : bytes) {
            single |= b == '\'';
            both |= b == '"';
        }
        StringBuilder text = new StringBuilder(bytes.length);
        for (byte b : bytes) {
            switch (b) {
                case '\\' -> text.append("\\\\");
                case '\t' -> text.append("\\t");
                case '\n' -> text.append("\\n");
                case '\r' -> text.append("\\r");
                case '\'' -> text.append(single && both ? "\\'" : "'");
                default -> {
                    if (b >= 0x20 && b < 0x7f) {
                        text.append((char) b);
                    } else {
                        hex(text, b);
                    }
                }
            }
        }
        return text.toString();
    }

    private static void hex(StringBuilder text, byte b) {
        text.append("\\x").append(HEX.charAt(b >> 4 & 15)).append(HEX.charAt(b & 15));
    }

    /// The bytes that `text` stands for.
    static byte[] unescaped(String text) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(text.length());
        for (int i = 0; i < text.length(); ) {
            int symbol = text.codePointAt(i);
            i += Character.charCount(symbol);
            if (symbol != '\\' || i == text.length()) {
                bytes.writeBytes(Character.toString(symbol).getBytes(StandardCharsets.UTF_8));
                continue;
            }
            char escape = text.charAt(i++);
            switch (escape) {
                case 't' -> bytes.write('\t');
                case 'n' -> bytes.write('\n');
                case 'r' -> bytes.write('\r');
                case 'x' -> {
                    String digits = text.substring(i, Math.min(text.length(), i + 2));
                    if (!digits.matches("[0-9a-fA-F]{2}")) {
                        throw new TokenizerException(
                                "the token '" + text + "' has \\x without two digits");
                    }
                    bytes.write(Integer.parseInt(digits, 16));
                    i += 2;
                }
                default ->
                        bytes.writeBytes(
                                Character.toString(escape).getBytes(StandardCharsets.UTF_8));
            }
        }
        return bytes.toByteArray();
    }
}
