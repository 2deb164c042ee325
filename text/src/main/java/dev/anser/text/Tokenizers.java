package dev.anser.text;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/// Opens a tokenizer of any kind.
///
/// ```java
/// Tokenizer tokenizer = Tokenizers.load(Path.of("20B_tokenizer.json"));
/// ```
public final class Tokenizers {
    private Tokenizers() {}

    /// Reads `file`: a `tokenizer.json` of Hugging Face or a vocabulary in the format of RWKV's
    /// `rwkv_vocab_*.txt`, told apart by what is in it.
    ///
    /// @throws TokenizerException when it cannot be read or is neither; the message says where
    public static Tokenizer load(Path file) {
        return isJson(file) ? HuggingFaceTokenizer.load(file) : WorldTokenizer.load(file);
    }

    private static boolean isJson(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            int first = in.read();
            while (first == ' ' || first == '\t' || first == '\n' || first == '\r') {
                first = in.read();
            }
            return first == '{';
        } catch (IOException e) {
            String reason = e.getClass().getSimpleName();
            throw new TokenizerException(
                    file + ": the vocabulary cannot be read (" + reason + "); check the path", e);
        }
    }
}
