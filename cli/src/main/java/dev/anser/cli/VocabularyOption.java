package dev.anser.cli;

import dev.anser.text.Tokenizer;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// `--vocab` of commands that run a model.
final class VocabularyOption {
    @Option(
            names = "--vocab",
            paramLabel = "FILE",
            description =
                    "The vocabulary: RWKV's rwkv_vocab_*.txt, a tokenizer.json, or a .gguf file or a"
                            + " folder that has one. Default: that inside MODEL when it is GGUF;"
                            + " bytes for a model of 256 tokens; else the tokenizer.json beside"
                            + " MODEL, or its rwkv_vocab*.txt.")
    private @Nullable Path file;

    /// The tokenizer of `engine`'s model, which was opened from `model`, or of the embedded one.
    Tokenizer tokenizer(@Nullable Path model, Engine engine) {
        return Vocabularies.find(
                file, model, engine.checkpoint(), engine.model().config().vocabulary());
    }
}
