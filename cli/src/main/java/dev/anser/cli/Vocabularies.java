package dev.anser.cli;

import dev.anser.base.AnserException;
import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.text.ByteTokenizer;
import dev.anser.text.Tokenizer;
import dev.anser.text.Tokenizers;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Finds the tokenizer of a model.
final class Vocabularies {
    /// What vocabularies are called, the likeliest first.
    private static final List<String> PATTERNS =
            List.of("tokenizer.json", "*tokenizer*.json", "rwkv_vocab*.txt");

    /// Settings of a tokenizer, none itself.
    private static final String SETTINGS = "tokenizer_config.json";

    private static final int BYTES = 256;

    private Vocabularies() {}

    /// The tokenizer in `file` when there is one; that of the embedded model when `model` is null;
    /// that in the metadata of `checkpoint`, a GGUF file; for 256 tokens the byte tokenizer; else
    /// that in the only vocabulary file beside `model`; a `tokenizer.json` goes before others.
    ///
    /// @param checkpoint the model's file, open
    /// @param tokens how many token ids the model has
    /// @throws AnserException when there is none, or it does not fit the model
    static Tokenizer find(
            @Nullable Path file, @Nullable Path model, Checkpoint checkpoint, int tokens) {
        if (file == null && model == null) {
            return DefaultModel.tokenizer();
        }
        if (file == null) {
            Optional<Tokenizer> own = GgufTokenizer.find(checkpoint);
            if (own.isPresent()) {
                return own.get();
            }
        }
        if (file == null && tokens == BYTES) {
            return new ByteTokenizer();
        }
        Path vocabulary = file == null ? beside(model, tokens) : file;
        Tokenizer tokenizer = load(vocabulary);
        requireFitting(vocabulary.toString(), tokenizer, tokens);
        return tokenizer;
    }

    /// The tokenizer in `file`: a vocabulary of any kind, a GGUF file that has one inside, or a
    /// folder with just one.
    ///
    /// @throws AnserException when there is none
    static Tokenizer load(Path file) {
        if (Files.isDirectory(file)) {
            return Tokenizers.load(beside(file));
        }
        if (!file.getFileName().toString().endsWith(".gguf")) {
            return Tokenizers.load(file);
        }
        try (Checkpoint checkpoint = Checkpoints.open(file)) {
            return GgufTokenizer.find(checkpoint)
                    .orElseThrow(() ->
                            new AnserException(
                                    file
                                            + ": has no tokenizer in its metadata; give a"
                                            + " vocabulary file"));
        }
    }

    /// @param source names the vocabulary in messages
    /// @throws AnserException when the ids of `tokenizer` are not those of a model of `tokens` ids
    static void requireFitting(String source, Tokenizer tokenizer, int tokens) {
        int ids = tokenizer.vocabularySize();
        // Models have a few unused ids at the end; a model with mostly unused ones was trained with
        // another vocabulary.
        if (ids > tokens || ids < tokens / 2) {
            throw new AnserException(
                    source
                            + ": this vocabulary does not fit the model: its ids end at "
                            + (ids - 1)
                            + ", those of the model at "
                            + (tokens - 1)
                            + "; give the one that the model was trained with");
        }
    }

    /// The vocabulary file in the folder of `model`, when there is just one.
    static Optional<Path> onlyBeside(Path model) {
        List<Path> found = allBeside(model);
        return found.size() == 1 ? Optional.of(found.getFirst()) : Optional.empty();
    }

    private static List<Path> allBeside(@Nullable Path model) {
        Path folder =
                model == null || Files.isDirectory(model)
                        ? model
                        : model.toAbsolutePath().getParent();
        List<Path> found = List.of();
        for (int i = 0; i < PATTERNS.size() && found.isEmpty(); i++) {
            found = folder == null ? found : matching(folder, PATTERNS.get(i));
        }
        return found;
    }

    private static Path beside(@Nullable Path model, int tokens) {
        List<Path> found = allBeside(model);
        if (found.size() == 1) {
            return found.getFirst();
        }
        throw none(found, model + ", which has " + tokens + " tokens");
    }

    private static Path beside(Path folder) {
        List<Path> found = allBeside(folder);
        if (found.size() == 1) {
            return found.getFirst();
        }
        throw none(found, folder.toString());
    }

    private static AnserException none(List<Path> found, String model) {
        return new AnserException(
                (found.isEmpty()
                                ? "there is no vocabulary ("
                                        + String.join(", ", PATTERNS)
                                        + ") beside "
                                : "there are " + found.size() + " vocabularies beside ")
                        + model
                        + "; give one with --vocab FILE");
    }

    private static List<Path> matching(Path folder, String pattern) {
        List<Path> found = new ArrayList<>();
        if (Files.isDirectory(folder)) {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, pattern)) {
                for (Path file : files) {
                    if (!file.endsWith(SETTINGS)) {
                        found.add(file);
                    }
                }
            } catch (IOException e) {
                throw new AnserException(
                        folder + ": the folder cannot be read; give --vocab FILE", e);
            }
        }
        return found;
    }
}
