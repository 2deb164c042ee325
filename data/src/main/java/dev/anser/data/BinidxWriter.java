package dev.anser.data;

import dev.anser.base.WholeFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/// Writes [Binidx] data, whole or not at all, in memory that does not grow with it.
///
/// ```java
/// BinidxWriter.write(Path.of("stories"), ElementType.UINT16, writer -> {
///     writer.add(ids, 0, ids.length);
///     writer.add(0);
///     writer.endDocument();
/// });
/// ```
public final class BinidxWriter {
    /// What writes the documents.
    @FunctionalInterface
    public interface Content {
        /// Writes every document to `writer`.
        void writeTo(BinidxWriter writer) throws IOException;
    }

    private static final int BUFFER_BYTES = 1 << 18;

    private final Path prefix;
    private final ElementType type;
    private final Output bin;
    private final Output sizes;
    private long documents;
    private long tokens;
    private long inDocument;

    private BinidxWriter(Path prefix, ElementType type, FileChannel bin, FileChannel sizes) {
        this.prefix = prefix;
        this.type = type;
        this.bin = new Output(bin);
        this.sizes = new Output(sizes);
    }

    /// Writes `prefix.bin` and `prefix.idx`.
    ///
    /// @throws dev.anser.base.AnserException when they cannot be written; what was there before
    ///   stays
    public static void write(Path prefix, ElementType type, Content content) {
        if (type != ElementType.UINT16 && type != ElementType.INT32) {
            throw new DataException(
                    "data of type " + type + " is only read; write UINT16 or INT32");
        }
        Path idx = Binidx.idxFile(prefix);
        Path temporary =
                idx.toAbsolutePath().resolveSibling(".anser-" + UUID.randomUUID() + ".part");
        // Both are complete before either takes its name.
        WholeFile.write(
                idx,
                idxChannel ->
                        WholeFile.write(
                                Binidx.binFile(prefix),
                                binChannel -> {
                                    try (FileChannel sizes = temporary(temporary)) {
                                        BinidxWriter writer =
                                                new BinidxWriter(prefix, type, binChannel, sizes);
                                        content.writeTo(writer);
                                        writer.finish(idxChannel);
                                    }
                                }));
    }

    static FileChannel temporary(Path file) throws IOException {
        return FileChannel.open(
                file,
                StandardOpenOption.CREATE_NEW,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE,
                StandardOpenOption.DELETE_ON_CLOSE);
    }

    /// Adds one token to the current document.
    ///
    /// @throws DataException when the type cannot hold it
    public void add(int token) throws IOException {
        if (token < 0 || (type == ElementType.UINT16 && token > 0xffff)) {
            throw new DataException(
                    prefix
                            + ": token id "
                            + token
                            + " does not fit "
                            + type
                            + (token < 0 ? "" : "; a vocabulary of that size needs INT32"));
        }
        ByteBuffer buffer = bin.room();
        if (type == ElementType.UINT16) {
            buffer.putShort((short) token);
        } else {
            buffer.putInt(token);
        }
        inDocument++;
    }

    /// Adds `count` tokens from `ids[offset..]` to the current document.
    ///
    /// @throws DataException when the type cannot hold one
    public void add(int[] ids, int offset, int count) throws IOException {
        for (int i = offset; i < offset + count; i++) {
            add(ids[i]);
        }
    }

    /// Ends the current document.
    public void endDocument() throws IOException {
        if (inDocument > Integer.MAX_VALUE) {
            throw new DataException(
                    prefix
                            + ": document "
                            + documents
                            + " has "
                            + inDocument
                            + " tokens; the format holds at most "
                            + Integer.MAX_VALUE
                            + ", split it into documents");
        }
        sizes.room().putInt((int) inDocument);
        tokens += inDocument;
        documents++;
        inDocument = 0;
    }

    /// Tokens of the documents that have ended.
    public long tokens() {
        return tokens;
    }

    /// Documents that have ended.
    public long documents() {
        return documents;
    }

    private void finish(FileChannel idxChannel) throws IOException {
        if (inDocument > 0) {
            throw new DataException(
                    prefix + ": the last document was not ended; call endDocument() after each");
        }
        bin.flush();
        sizes.flush();
        Output idx = new Output(idxChannel);
        idx.room()
                .put(Binidx.MAGIC)
                .putLong(1)
                .put((byte) type.code())
                .putLong(documents)
                .putLong(documents + 1);
        long[] pointer = {0};
        eachSize(size -> idx.room().putInt(size));
        eachSize(size -> {
            idx.room().putLong(pointer[0]);
            pointer[0] += (long) size * type.bytes();
        });
        for (long i = 0; i <= documents; i++) {
            idx.room().putLong(i);
        }
        idx.flush();
        idxChannel.force(true);
    }

    private interface SizeConsumer {
        void accept(int size) throws IOException;
    }

    private void eachSize(SizeConsumer consumer) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        long at = 0;
        while (at < documents * 4) {
            buffer.clear();
            while (buffer.position() % 4 != 0 || buffer.position() == 0) {
                int read = sizes.channel.read(buffer, at + buffer.position());
                if (read < 0) {
                    throw new IOException("a temporary file was cut short");
                }
            }
            at += buffer.position();
            buffer.flip();
            while (buffer.hasRemaining()) {
                consumer.accept(buffer.getInt());
            }
        }
    }

    /// A file that is written through a buffer.
    private static final class Output {
        private final FileChannel channel;
        private final ByteBuffer buffer =
                ByteBuffer.allocateDirect(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN);

        Output(FileChannel channel) {
            this.channel = channel;
        }

        /// The buffer, with room for any entry.
        ByteBuffer room() throws IOException {
            if (buffer.remaining() < Binidx.HEADER_BYTES) {
                flush();
            }
            return buffer;
        }

        void flush() throws IOException {
            buffer.flip();
            while (buffer.hasRemaining()) {
                channel.write(buffer);
            }
            buffer.clear();
        }
    }
}
