package dev.anser.cli;

import dev.anser.base.AnserException;
import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.GgufMetadata;
import dev.anser.text.GgufTokens;
import dev.anser.text.Tokenizer;
import dev.anser.text.WorldTokenizer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The tokenizer in the metadata of a GGUF file.
final class GgufTokenizer {
    private static final String PREFIX = "tokenizer.";
    private static final String MODEL = "tokenizer.ggml.model";
    private static final String TOKENS = "tokenizer.ggml.tokens";
    private static final String TYPES = "tokenizer.ggml.token_type";

    private GgufTokenizer() {}

    /// The tokenizer that `checkpoint` brings, when it brings one.
    ///
    /// @throws AnserException when it is of a kind that is not known here
    static Optional<Tokenizer> find(Checkpoint checkpoint) {
        Map<String, Object> values = checkpoint.values();
        Object model = values.get(MODEL);
        if (model == null || !values.containsKey(TOKENS)) {
            return Optional.empty();
        }
        if (!model.equals("rwkv")) {
            throw new AnserException(
                    checkpoint.source()
                            + ": its tokenizer is of the kind "
                            + model
                            + ", which is not known here; give the vocabulary with --vocab FILE");
        }
        return Optional.of(
                GgufTokens.tokenizer(
                        checkpoint.source(),
                        list(checkpoint, TOKENS, String.class),
                        values.containsKey(TYPES)
                                ? list(checkpoint, TYPES, Long.class)
                                : List.of()));
    }

    private static <T> List<T> list(Checkpoint checkpoint, String name, Class<T> type) {
        if (checkpoint.values().get(name) instanceof List<?> list) {
            List<T> typed = new ArrayList<>(list.size());
            for (Object item : list) {
                if (!type.isInstance(item)) {
                    throw new AnserException(
                            checkpoint.source()
                                    + ": "
                                    + name
                                    + " has "
                                    + item
                                    + "; expected a list of "
                                    + type.getSimpleName());
                }
                typed.add(type.cast(item));
            }
            return typed;
        }
        throw new AnserException(checkpoint.source() + ": " + name + " is no list");
    }

    /// Adds to `metadata` the tokenizer that `checkpoint` brings.
    static void copy(Checkpoint checkpoint, GgufMetadata metadata) {
        Map<String, Object> own = new LinkedHashMap<>();
        checkpoint
                .values()
                .forEach((name, value) -> {
                    if (name.startsWith(PREFIX)) {
                        own.put(name, value);
                    }
                });
        metadata.values(own);
    }

    /// Adds `tokenizer` for a model of `count` ids to `metadata`.
    static void write(WorldTokenizer tokenizer, int count, GgufMetadata metadata) {
        metadata.text(MODEL, "rwkv")
                .texts(TOKENS, GgufTokens.texts(tokenizer, count))
                .i32s(TYPES, GgufTokens.types(tokenizer, count))
                .u32("tokenizer.ggml.bos_token_id", 0)
                .u32("tokenizer.ggml.eos_token_id", 0);
    }
}
