package dev.anser.data;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/// Cuts a text into documents. The line breaks around a separator belong to it, as does the last of
/// a file that is split; empty documents are passed over.
final class TextDocuments {
    private static final byte[] LINE_BREAK = {'\n'};

    private final Documents.Split split;
    private final byte[] buffer = new byte[1 << 16];

    TextDocuments(Documents.Split split) {
        this.split = split;
    }

    void read(InputStream in, Documents.Sink sink) throws IOException {
        switch (split) {
            case Documents.Split.None _ -> readWhole(in, sink);
            case Documents.Split.BlankLines _ -> readLines(in, sink, new byte[0]);
            case Documents.Split.Separator separator ->
                    readLines(in, sink, separator.line().getBytes(StandardCharsets.UTF_8));
        }
    }

    private void readWhole(InputStream in, Documents.Sink sink) throws IOException {
        boolean any = false;
        for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
            sink.add(buffer, 0, read);
            any |= read > 0;
        }
        if (any) {
            sink.end();
        }
    }

    /// A line that could still be the separator is held back, as is the line break before it.
    private void readLines(InputStream in, Documents.Sink sink, byte[] separator)
            throws IOException {
        byte[] held = new byte[separator.length + 2];
        int size = 0;
        boolean candidate = true;
        boolean breakHeld = false;
        boolean any = false;
        for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
            for (int i = 0; i < read; ) {
                if (!candidate) {
                    int end = i;
                    while (end < read && buffer[end] != '\n') {
                        end++;
                    }
                    sink.add(buffer, i, end - i);
                    any |= end > i;
                    i = end;
                    if (end < read) {
                        i++;
                        breakHeld = true;
                        candidate = true;
                    }
                    continue;
                }
                byte next = buffer[i];
                if (next == '\n' && isSeparator(held, size, separator)) {
                    if (any) {
                        sink.end();
                    }
                    any = false;
                    breakHeld = false;
                    size = 0;
                    i++;
                    continue;
                }
                if (next != '\n' && size < held.length && fits(size, next, separator)) {
                    held[size++] = next;
                    i++;
                    continue;
                }
                // The line is text: what was held back goes first, the next byte is looked at anew.
                if (breakHeld) {
                    sink.add(LINE_BREAK, 0, 1);
                }
                sink.add(held, 0, size);
                any |= breakHeld || size > 0;
                breakHeld = false;
                size = 0;
                candidate = false;
            }
        }
        if (size > 0 && !isSeparator(held, size, separator)) {
            if (breakHeld) {
                sink.add(LINE_BREAK, 0, 1);
            }
            sink.add(held, 0, size);
            any = true;
        }
        if (any) {
            sink.end();
        }
    }

    /// Whether the line held is the separator, with or without a carriage return.
    private static boolean isSeparator(byte[] held, int size, byte[] separator) {
        int length = size > 0 && held[size - 1] == '\r' ? size - 1 : size;
        return Arrays.equals(held, 0, length, separator, 0, separator.length);
    }

    private static boolean fits(int size, byte next, byte[] separator) {
        return size < separator.length
                ? separator[size] == next
                : size == separator.length && next == '\r';
    }
}
