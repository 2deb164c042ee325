package dev.anser.cli;

import dev.anser.text.ByteTokenizer;
import dev.anser.text.Tokenizer;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// Which tokens data has: one of the two must be given.
final class VocabularyOrBytes {
    @Option(
            names = "--vocab",
            paramLabel = "FILE",
            description =
                    "The vocabulary: RWKV's rwkv_vocab_*.txt, a tokenizer.json, or a .gguf file or a"
                            + " folder that has one.")
    private @Nullable Path vocabulary;

    @Option(names = "--bytes", description = "The tokens are the bytes, 256 of them.")
    private boolean bytes;

    Tokenizer tokenizer() {
        return bytes || vocabulary == null ? new ByteTokenizer() : Vocabularies.load(vocabulary);
    }
}
