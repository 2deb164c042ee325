package dev.anser.train.report;

/// Texts of unknown length and content, made fit for files.
final class Texts {
    private Texts() {}

    /// `text`, or its first `length` characters and how many are missing.
    static String cut(String text, int length) {
        if (text.length() <= length) {
            return text;
        }
        int end = Character.isHighSurrogate(text.charAt(length - 1)) ? length - 1 : length;
        return text.substring(0, end) + " … (" + (text.length() - end) + " more characters)";
    }

    /// `text` with U+FFFD for each half of a surrogate pair that stands alone, which UTF-8 cannot
    /// write.
    static String wellFormed(String text) {
        StringBuilder changed = null;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isHighSurrogate(c)
                    && i + 1 < text.length()
                    && Character.isLowSurrogate(text.charAt(i + 1))) {
                i++;
            } else if (Character.isSurrogate(c)) {
                if (changed == null) {
                    changed = new StringBuilder(text);
                }
                changed.setCharAt(i, '\uFFFD');
            }
        }
        return changed == null ? text : changed.toString();
    }

    /// `text` for the inside of an HTML element or of an attribute in double quotes. Control
    /// characters, which HTML does not allow, become their pictures.
    static String html(String text) {
        StringBuilder html = new StringBuilder(text.length() + 16);
        String wellFormed = wellFormed(text);
        for (int i = 0; i < wellFormed.length(); i++) {
            char c = wellFormed.charAt(i);
            switch (c) {
                case '&' -> html.append("&amp;");
                case '<' -> html.append("&lt;");
                case '>' -> html.append("&gt;");
                case '"' -> html.append("&quot;");
                case '\'' -> html.append("&#39;");
                case '\n', '\t' -> html.append(c);
                default -> {
                    if (c < ' ') {
                        html.append((char) ('\u2400' + c));
                    } else if (c >= '\u007f' && c < '\u00a0' || c >= '\ufffe') {
                        html.append('\uFFFD');
                    } else {
                        html.append(c);
                    }
                }
            }
        }
        return html.toString();
    }
}
