package dev.anser.data;

import dev.anser.base.WholeFile;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;

/// Learns a small vocabulary for [dev.anser.text.WorldTokenizer] from texts: the 256 bytes, and the
/// tokens with which its greedy longest match makes the fewest tokens of them.
///
/// ```java
/// VocabularyBuild build = new VocabularyBuild(Documents.DEFAULT);
/// build.read(Path.of("stories.txt.gz"), bytes -> {});
/// VocabularyBuild.write(Path.of("rwkv_vocab_stories.txt"), build.learn(2048, () -> {}));
/// ```
///
/// The same texts in the same order give the same vocabulary. For one thread.
public final class VocabularyBuild {
    private static final int BYTES = 256;
    private static final int MAX_PIECES = 1 << 19;

    private final Documents documents;
    private final PieceCounts counts = new PieceCounts();

    /// Sets what the documents of the files are.
    public VocabularyBuild(Documents documents) {
        this.documents = documents;
    }

    /// Reads one file to learn from.
    ///
    /// @param progress is told of every few bytes of the file that are done
    /// @throws DataException when it cannot be read
    public void read(Path file, LongConsumer progress) {
        documents.read(file, counts, progress);
    }

    /// The bytes of the tokens 1 to `size` - 1. Token 0 ends documents and has no bytes.
    ///
    /// @param size ids of the vocabulary, 257 (bytes alone) to 65536
    /// @param stillWanted is called now and then, and may throw to end the search
    /// @throws DataException when the texts are too short for that many tokens
    public List<byte[]> learn(int size, Runnable stillWanted) {
        if (size < BYTES + 1 || size > 1 << 16) {
            throw new DataException(
                    "the vocabulary's size is " + size + "; expected 257 to 65536 ids");
        }
        List<byte[]> tokens = new ArrayList<>();
        for (int value = 0; value < BYTES; value++) {
            tokens.add(new byte[] {(byte) value});
        }
        tokens.addAll(
                new GreedyVocabulary(counts.mostFrequent(MAX_PIECES))
                        .learn(size - 1 - BYTES, stillWanted));
        return tokens;
    }

    /// Writes `tokens`, from id 1 on, as a vocabulary file.
    ///
    /// @throws dev.anser.base.AnserException when it cannot be written
    public static void write(Path file, List<byte[]> tokens) {
        WholeFile.write(
                file,
                channel -> {
                    OutputStream out = new BufferedOutputStream(Channels.newOutputStream(channel));
                    for (int i = 0; i < tokens.size(); i++) {
                        writeLine(out, i + 1, tokens.get(i));
                    }
                    out.flush();
                });
    }

    private static void writeLine(OutputStream out, int id, byte[] token) throws IOException {
        String line = id + " " + PythonLiteral.of(token) + " " + token.length + "\n";
        out.write(line.getBytes(StandardCharsets.UTF_8));
    }
}
