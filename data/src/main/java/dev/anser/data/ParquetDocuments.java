package dev.anser.data;

import dev.hardwood.InputFile;
import dev.hardwood.metadata.PhysicalType;
import dev.hardwood.reader.ParquetFileReader;
import dev.hardwood.reader.RowReader;
import dev.hardwood.schema.ColumnProjection;
import dev.hardwood.schema.ColumnSchema;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.LongConsumer;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/// Reads one column of a Parquet file, each value as one document.
final class ParquetDocuments {
    /// Progress is told about every so many rows.
    private static final int STEP = 256;

    // The library says at INFO how fast it is, which nobody asked for. Held, so that it lasts.
    private static final Logger LIBRARY = Logger.getLogger("dev.hardwood");

    static {
        if (LIBRARY.getLevel() == null) {
            LIBRARY.setLevel(Level.WARNING);
        }
    }

    private final Path file;
    private final String field;

    ParquetDocuments(Path file, String field) {
        this.file = file;
        this.field = field;
    }

    void read(Documents.Sink sink, LongConsumer progress) throws IOException {
        try (ParquetFileReader reader = open()) {
            long rows = reader.getFileMetaData().numRows();
            requireColumn(reader);
            long bytes = Files.size(file);
            long told = 0;
            long row = 0;
            try (RowReader values = rows(reader)) {
                while (hasNext(values, row)) {
                    byte[] text = value(values, row);
                    sink.add(text, 0, text.length);
                    sink.end();
                    row++;
                    if (row % STEP == 0) {
                        long done = (long) ((double) bytes * row / Math.max(row, rows));
                        progress.accept(done - told);
                        told = done;
                    }
                }
            }
            if (row != rows) {
                throw wrong("has " + row + " rows, its header says " + rows, null);
            }
            progress.accept(bytes - told);
        }
    }

    // What the library throws for damaged files is of many kinds.
    private ParquetFileReader open() throws IOException {
        try {
            return ParquetFileReader.open(InputFile.of(file));
        } catch (RuntimeException | IOException e) {
            throw wrong("is no Parquet file (" + e.getMessage() + ")", e);
        }
    }

    private void requireColumn(ParquetFileReader reader) {
        for (ColumnSchema column : reader.getFileSchema().getColumns()) {
            if (column.fieldPath().toString().equals(field)) {
                if (column.type() != PhysicalType.BYTE_ARRAY) {
                    throw wrong(
                            "has a column " + field + " of " + column.type() + ", no text", null);
                }
                return;
            }
        }
        throw wrong(
                "has no column "
                        + field
                        + ", only "
                        + reader.getFileSchema().getColumns().stream()
                                .map(column -> column.fieldPath().toString())
                                .toList()
                        + "; name the column of the text with --field",
                null);
    }

    private RowReader rows(ParquetFileReader reader) {
        try {
            return reader.buildRowReader().projection(ColumnProjection.columns(field)).build();
        } catch (RuntimeException e) {
            throw wrong("cannot be read (" + cause(e) + ")", e);
        }
    }

    private boolean hasNext(RowReader values, long row) {
        try {
            return values.hasNext();
        } catch (RuntimeException e) {
            throw wrong("cannot be read at row " + row + " (" + cause(e) + ")", e);
        }
    }

    private byte[] value(RowReader values, long row) {
        byte @Nullable [] text;
        try {
            values.next();
            text = values.isNull(field) ? null : values.getBinary(field);
        } catch (RuntimeException e) {
            throw wrong("cannot be read at row " + row + " (" + cause(e) + ")", e);
        }
        if (text == null) {
            throw wrong("has no " + field + " in row " + row, null);
        }
        return text;
    }

    private static String cause(Throwable e) {
        Throwable deepest = e;
        while (deepest.getCause() != null) {
            deepest = deepest.getCause();
        }
        return String.valueOf(deepest.getMessage());
    }

    private DataException wrong(String what, @Nullable Throwable cause) {
        String message = file + ": " + what;
        return cause == null ? new DataException(message) : new DataException(message, cause);
    }
}
