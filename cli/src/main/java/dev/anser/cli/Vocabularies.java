package dev.anser.cli;

import dev.anser.base.AnserException;
import dev.anser.text.ByteTokenizer;
import dev.anser.text.Tokenizer;
import dev.anser.text.WorldTokenizer;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Finds the tokenizer of a model.
final class Vocabularies {
    private static final String PATTERN = "rwkv_vocab*.txt";
    private static final int BYTES = 256;

    private Vocabularies() {}

    /// The tokenizer in `file` when there is one; that of the embedded model when `model` is null;
    /// for 256 tokens the byte tokenizer; else that in the only vocabulary file beside `model`.
    ///
    /// @param tokens how many token ids the model has
    /// @throws AnserException when there is none, or it does not fit the model
    static Tokenizer find(@Nullable Path file, @Nullable Path model, int tokens) {
        if (file == null && model == null) {
            return DefaultModel.tokenizer();
        }
        if (file == null && tokens == BYTES) {
            return new ByteTokenizer();
        }
        Path vocabulary = file == null ? beside(model, tokens) : file;
        Tokenizer tokenizer = WorldTokenizer.load(vocabulary);
        int ids = tokenizer.vocabularySize();
        // Models have a few unused ids at the end; a model with mostly unused ones was trained with
        // another vocabulary.
        if (ids > tokens || ids < tokens / 2) {
            throw new AnserException(
                    vocabulary
                            + ": this vocabulary does not fit the model: its ids end at "
                            + (ids - 1)
                            + ", those of the model at "
                            + (tokens - 1)
                            + "; give the one that the model was trained with");
        }
        return tokenizer;
    }

    private static Path beside(@Nullable Path model, int tokens) {
        Path folder = model == null ? null : model.toAbsolutePath().getParent();
        List<Path> found = new ArrayList<>();
        if (folder != null && Files.isDirectory(folder)) {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, PATTERN)) {
                files.forEach(found::add);
            } catch (IOException e) {
                throw new AnserException(
                        folder + ": the folder cannot be read; give --vocab FILE", e);
            }
        }
        if (found.size() == 1) {
            return found.getFirst();
        }
        throw new AnserException(
                (found.isEmpty()
                                ? "there is no vocabulary (" + PATTERN + ") beside "
                                : "there are " + found.size() + " vocabularies beside ")
                        + model
                        + ", which has "
                        + tokens
                        + " tokens; give one with --vocab FILE");
    }
}
