package dev.anser.cli;

import dev.anser.text.ByteTokenizer;
import dev.anser.text.Tokenizer;
import dev.anser.text.Tokenizers;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// Which tokens data has: one of the two must be given.
final class VocabularyOrBytes {
    @Option(
            names = "--vocab",
            paramLabel = "FILE",
            description = "The vocabulary: RWKV's rwkv_vocab_*.txt, or a tokenizer.json.")
    private @Nullable Path vocabulary;

    @Option(names = "--bytes", description = "The tokens are the bytes, 256 of them.")
    private boolean bytes;

    Tokenizer tokenizer() {
        return bytes || vocabulary == null ? new ByteTokenizer() : Tokenizers.load(vocabulary);
    }
}
