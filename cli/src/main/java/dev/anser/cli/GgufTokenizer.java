package dev.anser.cli;

import dev.anser.base.AnserException;
import dev.anser.checkpoint.Checkpoint;
import dev.anser.text.GgufTokenizers;
import dev.anser.text.GgufTokens;
import dev.anser.text.HuggingFaceTokenizer;
import dev.anser.text.Tokenizer;
import dev.anser.text.TokenizerConversion;
import dev.anser.text.Tokenizers;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The tokenizer in the metadata of a GGUF file.
///
/// @param values the metadata
/// @param lost what of the tokenizer has no place there
record GgufTokenizer(Map<String, Object> values, List<String> lost) {
    private static final String PREFIX = "tokenizer.";
    private static final String MODEL = "tokenizer.ggml.model";

    /// The tokenizer that `checkpoint` brings, when it brings one.
    ///
    /// @throws AnserException when it is damaged or of a kind that is not known here
    static Optional<Tokenizer> find(Checkpoint checkpoint) {
        return GgufTokenizers.find(checkpoint.source(), checkpoint.values());
    }

    /// What `checkpoint`, a GGUF file, has of it as it stands there; empty when it has none.
    static Optional<GgufTokenizer> copied(Checkpoint checkpoint) {
        if (!checkpoint.values().containsKey(MODEL)) {
            return Optional.empty();
        }
        Map<String, Object> own = new LinkedHashMap<>();
        checkpoint
                .values()
                .forEach((name, value) -> {
                    if (name.startsWith(PREFIX)) {
                        own.put(name, value);
                    }
                });
        return Optional.of(new GgufTokenizer(own, List.of()));
    }

    /// The one in `file`, a vocabulary of any kind, for a model of `count` ids.
    ///
    /// @throws AnserException when it cannot be used or has more ids
    static GgufTokenizer of(Path file, int count) {
        Tokenizer tokenizer = Tokenizers.load(file);
        if (tokenizer instanceof HuggingFaceTokenizer own) {
            TokenizerConversion conversion = TokenizerConversion.of(file, own, count);
            return new GgufTokenizer(conversion.values(), conversion.lost());
        }
        Vocabularies.requireFitting(file.toString(), tokenizer, count);
        Map<String, Object> values = new LinkedHashMap<>();
        values.put(MODEL, "rwkv");
        values.put("tokenizer.ggml.tokens", GgufTokens.texts(tokenizer, count));
        values.put(
                "tokenizer.ggml.token_type",
                Arrays.stream(GgufTokens.types(tokenizer, count)).asLongStream().boxed().toList());
        values.put("tokenizer.ggml.bos_token_id", 0L);
        values.put("tokenizer.ggml.eos_token_id", 0L);
        return new GgufTokenizer(values, List.of());
    }
}
