package dev.anser.data;

import java.io.BufferedInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.LongConsumer;
import java.util.zip.GZIPInputStream;

/// Reads the documents of text and JSONL files, also in gzip, and of Parquet files, one piece after
/// the other.
///
/// @param split where the documents of a text file end
/// @param field the member of each line of JSONL, or the column of Parquet, that has the text
public record Documents(Split split, String field) {
    /// Whole text files; the field `text`.
    public static final Documents DEFAULT = new Documents(new Split.None(), "text");

    /// Where the documents of a text file end.
    public sealed interface Split {
        /// A file is one document.
        record None() implements Split {}

        /// One or more empty lines stand between documents.
        record BlankLines() implements Split {}

        /// Lines that are exactly `line` stand between documents.
        record Separator(String line) implements Split {
            /// Checks that it is one line.
            public Separator {
                if (line.isEmpty() || line.indexOf('\n') >= 0) {
                    throw new DataException("a separator must be one line that is not empty");
                }
            }
        }
    }

    /// What takes the documents.
    public interface Sink {
        /// Takes more of the current document: UTF-8, cut anywhere.
        void add(byte[] bytes, int offset, int count) throws IOException;

        /// Ends the current document.
        void end() throws IOException;
    }

    /// Reads all documents of `file`.
    ///
    /// @param progress is told of every few bytes of the file that are done
    /// @throws DataException when the file cannot be read or is not what its name says
    public void read(Path file, Sink sink, LongConsumer progress) {
        String name = String.valueOf(file.getFileName());
        boolean gzip = name.endsWith(".gz");
        String plain = gzip ? name.substring(0, name.length() - 3) : name;
        if (!Files.isRegularFile(file)) {
            throw new DataException(file + ": there is no such file; check the path");
        }
        if (name.endsWith(".parquet")) {
            readParquet(file, sink, progress);
            return;
        }
        try (InputStream raw = new Counted(Files.newInputStream(file), progress);
                InputStream in =
                        gzip ? new GZIPInputStream(raw, 1 << 16) : new BufferedInputStream(raw)) {
            if (plain.endsWith(".jsonl")) {
                new JsonLines(file, field).read(in, sink);
            } else {
                new TextDocuments(split).read(in, sink);
            }
        } catch (IOException e) {
            throw new DataException(file + ": cannot be read (" + reason(e) + ")", e);
        }
    }

    private void readParquet(Path file, Sink sink, LongConsumer progress) {
        try {
            new ParquetDocuments(file, field).read(sink, progress);
        } catch (IOException e) {
            throw new DataException(file + ": cannot be read (" + reason(e) + ")", e);
        }
    }

    private static String reason(IOException e) {
        return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    }

    /// Tells how much of a file was read.
    private static final class Counted extends FilterInputStream {
        private final LongConsumer progress;

        Counted(InputStream in, LongConsumer progress) {
            super(in);
            this.progress = progress;
        }

        @Override
        public int read() throws IOException {
            int value = super.read();
            progress.accept(value < 0 ? 0 : 1);
            return value;
        }

        @Override
        public int read(byte[] bytes, int offset, int count) throws IOException {
            int read = super.read(bytes, offset, count);
            progress.accept(Math.max(0, read));
            return read;
        }
    }
}
