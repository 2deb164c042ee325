package dev.anser.data;

import dev.anser.text.ByteTokenizer;
import dev.anser.text.Tokenizer;
import dev.anser.text.TokenizerException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.function.LongConsumer;

/// Builds [Binidx] data from texts: every document is followed by token 0.
///
/// ```java
/// new BinidxBuild(tokenizer, Documents.DEFAULT)
///         .write(Path.of("stories"), List.of(Path.of("stories.jsonl")), bytes -> {});
/// ```
public final class BinidxBuild {
    private final Tokenizer tokenizer;
    private final Documents documents;

    /// Sets what the documents are and how they become tokens.
    ///
    /// @throws DataException when the vocabulary uses id 0, which ends documents, for a text
    public BinidxBuild(Tokenizer tokenizer, Documents documents) {
        requireDocumentEnd(tokenizer);
        this.tokenizer = tokenizer;
        this.documents = documents;
    }

    /// Checks that id 0 may end documents. Byte 0 may: texts do not have it.
    static void requireDocumentEnd(Tokenizer tokenizer) {
        if (tokenizer.endOfText() != 0 && !(tokenizer instanceof ByteTokenizer)) {
            throw new DataException(
                    "the vocabulary uses id 0 for a text; documents end with id 0, give a"
                            + " vocabulary without it");
        }
    }

    /// Builds `prefix.bin` and `prefix.idx` from `inputs`, in their order.
    ///
    /// @param progress is told of every few bytes of the inputs that are done
    /// @throws dev.anser.base.AnserException when an input or the output is wrong; nothing is left
    ///   behind
    public void write(Path prefix, List<Path> inputs, LongConsumer progress) {
        BinidxWriter.write(
                prefix,
                tokenizer.vocabularySize() > 1 << 16 ? ElementType.INT32 : ElementType.UINT16,
                writer -> {
                    for (Path input : inputs) {
                        encode(input, writer, progress);
                    }
                    if (writer.documents() == 0) {
                        throw new DataException("the inputs have no documents; nothing was built");
                    }
                });
    }

    /// As [#write(Path, List, LongConsumer)], with all documents `epochs` times, each time in
    /// another order, as RWKV's `make_data.py` does it. The orders follow from `seed` alone.
    public void writeShuffled(
            Path prefix, List<Path> inputs, int epochs, long seed, LongConsumer progress) {
        if (epochs < 1) {
            throw new DataException("epochs is " + epochs + "; expected 1 or more");
        }
        Path once = prefix.resolveSibling(".anser-" + UUID.randomUUID() + ".part");
        try {
            write(once, inputs, progress);
            try (Binidx data = Binidx.open(once)) {
                shuffle(data, prefix, epochs, seed);
            }
        } finally {
            delete(Binidx.idxFile(once));
            delete(Binidx.binFile(once));
        }
    }

    private void encode(Path input, BinidxWriter writer, LongConsumer progress) {
        boolean zeroEnds = tokenizer instanceof ByteTokenizer;
        TextEncoder encoder =
                new TextEncoder(
                        tokenizer,
                        (ids, offset, count) -> {
                            if (zeroEnds) {
                                requireNoZero(ids, offset, count);
                            }
                            writer.add(ids, offset, count);
                        });
        try {
            documents.read(
                    input,
                    new Documents.Sink() {
                        @Override
                        public void add(byte[] bytes, int offset, int count) throws IOException {
                            encoder.add(bytes, offset, count);
                        }

                        @Override
                        public void end() throws IOException {
                            encoder.end();
                            writer.add(0);
                            writer.endDocument();
                        }
                    },
                    progress);
        } catch (TokenizerException e) {
            throw new DataException(
                    "%s: document %d: %s".formatted(input, writer.documents(), e.getMessage()), e);
        }
    }

    private static void requireNoZero(int[] ids, int offset, int count) {
        for (int i = offset; i < offset + count; i++) {
            if (ids[i] == 0) {
                throw new TokenizerException(
                        "the text has a zero byte, which ends documents of bytes; remove it or"
                                + " give a vocabulary");
            }
        }
    }

    /// The orders lie in a temporary file, which is mapped, so that memory does not grow with them.
    private static void shuffle(Binidx data, Path prefix, int epochs, long seed) {
        long count = data.documents();
        Path file = prefix.toAbsolutePath().resolveSibling(".anser-" + UUID.randomUUID() + ".part");
        try (FileChannel channel = BinidxWriter.temporary(file);
                Arena arena = Arena.ofConfined()) {
            MemorySegment order =
                    channel.map(FileChannel.MapMode.READ_WRITE, 0, count * Long.BYTES, arena);
            for (long i = 0; i < count; i++) {
                order.setAtIndex(ValueLayout.JAVA_LONG, i, i);
            }
            SplitMix random = new SplitMix(seed);
            BinidxWriter.write(
                    prefix,
                    data.type(),
                    writer -> {
                        for (int epoch = 0; epoch < epochs; epoch++) {
                            shuffle(order, count, random);
                            for (long i = 0; i < count; i++) {
                                copy(data, order.getAtIndex(ValueLayout.JAVA_LONG, i), writer);
                            }
                        }
                    });
        } catch (IOException e) {
            throw new DataException(prefix + ": could not be written (" + e.getMessage() + ")", e);
        }
    }

    private static void shuffle(MemorySegment order, long count, SplitMix random) {
        for (long i = count - 1; i > 0; i--) {
            long other = random.next(i + 1);
            long swapped = order.getAtIndex(ValueLayout.JAVA_LONG, i);
            order.setAtIndex(
                    ValueLayout.JAVA_LONG, i, order.getAtIndex(ValueLayout.JAVA_LONG, other));
            order.setAtIndex(ValueLayout.JAVA_LONG, other, swapped);
        }
    }

    private static void copy(Binidx data, long document, BinidxWriter writer) throws IOException {
        int[] piece = new int[Math.min(data.sizeOf(document), 1 << 18)];
        long from = data.startOf(document);
        long end = from + data.sizeOf(document);
        while (from < end) {
            int count = (int) Math.min(piece.length, end - from);
            data.read(from, piece, 0, count);
            writer.add(piece, 0, count);
            from += count;
        }
        writer.endDocument();
    }

    private static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            file.toFile().deleteOnExit();
        }
    }
}
