package dev.anser.data;

/// Characters of UTF-8 in byte arrays.
final class Utf8 {
    private Utf8() {}

    /// Bytes of the character that begins with `first`; 1 when none does.
    static int length(byte first) {
        int lead = first & 0xff;
        return lead < 0xc2 || lead > 0xf4 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    }

    /// The character at `at`, or -1 when none begins there or it does not end before `end`.
    static int codePoint(byte[] bytes, int at, int end) {
        int lead = bytes[at];
        if (lead >= 0) {
            return lead;
        }
        int length = length(bytes[at]);
        if (length == 1 || at + length > end) {
            return -1;
        }
        int c = lead & (0xff >> (length + 1));
        for (int i = at + 1; i < at + length; i++) {
            if ((bytes[i] & 0xc0) != 0x80) {
                return -1;
            }
            c = c << 6 | (bytes[i] & 0x3f);
        }
        boolean overlong = (length == 3 && c < 0x800) || (length == 4 && c < 0x10000);
        return overlong || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? -1 : c;
    }

    /// Whether a character may begin at `at`: no continuation byte stands there.
    static boolean isBoundary(byte[] bytes, int at) {
        return at == bytes.length || (bytes[at] & 0xc0) != 0x80;
    }
}
