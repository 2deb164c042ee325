package dev.anser.text;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/// Reads the tokenizer in the metadata of a GGUF file: `rwkv`, a World vocabulary; `gpt2`, pairs of
/// bytes; `llama`, SentencePiece's pieces with scores.
///
/// The last two become a [HuggingFaceTokenizer]. Texts are changed before they are encoded as in
/// the tokenizers that the names stand for, Unicode normalisation included.
public final class GgufTokenizers {
    private static final String KINDS = "rwkv, gpt2 or llama";
    private static final String TEMPLATE = "tokenizer.chat_template";

    /// @param json the text of a `tokenizer.json` that encodes the same
    /// @param settings what stands beside it
    private record Described(byte[] json, TokenizerSettings settings) {}

    private GgufTokenizers() {}

    /// The tokenizer in `values`, when there is one.
    ///
    /// @param source names the file in messages
    /// @param values the metadata: strings, longs, doubles, booleans and lists of them
    /// @throws TokenizerException when it is of a kind that is not known here or damaged; the
    ///   message says where and what to do
    public static Optional<Tokenizer> find(String source, Map<String, Object> values) {
        GgufValues own = new GgufValues(source, values);
        if (kind(own).isEmpty()) {
            return Optional.empty();
        }
        if (isWorld(own)) {
            return Optional.of(
                    GgufTokens.tokenizer(source, own.texts("tokens"), own.integers("token_type")));
        }
        Described described = described(own);
        return Optional.of(
                HuggingFaceTokenizer.load(
                        source + " (tokenizer in its metadata)",
                        described.json,
                        described.settings));
    }

    /// The same tokenizer as the files that a folder has of it, by their names: `rwkv_vocab.txt`,
    /// or `tokenizer.json` with the settings beside it. Empty when there is none.
    ///
    /// @throws TokenizerException as [#find]
    public static SequencedMap<String, byte[]> files(String source, Map<String, Object> values) {
        GgufValues own = new GgufValues(source, values);
        SequencedMap<String, byte[]> files = new LinkedHashMap<>();
        if (kind(own).isEmpty()) {
            return files;
        }
        if (isWorld(own)) {
            files.put(
                    "rwkv_vocab.txt",
                    GgufTokens.vocabulary(source, own.texts("tokens"), own.integers("token_type")));
            return files;
        }
        Described described = described(own);
        files.put("tokenizer.json", described.json);
        files.putAll(described.settings.files());
        return files;
    }

    private static String kind(GgufValues values) {
        return values.has("tokens") ? values.text("model", "") : "";
    }

    private static boolean isWorld(GgufValues values) {
        return kind(values).equals("rwkv");
    }

    private static Described described(GgufValues values) {
        return switch (kind(values)) {
            case "gpt2" -> bytes(values);
            case "llama" -> pieces(values);
            case String kind ->
                    throw new TokenizerException(
                            values.source()
                                    + ": its tokenizer is of the kind "
                                    + JsonTree.shown(kind)
                                    + ", expected "
                                    + KINDS
                                    + "; give the vocabulary with --vocab FILE");
        };
    }

    private static Described bytes(GgufValues values) {
        String name = values.text("pre", "default");
        PreTokenizer cut =
                PreTokenizer.named(name)
                        .orElseThrow(() ->
                                new TokenizerException(
                                        values.source()
                                                + ": its tokenizer cuts texts into words as"
                                                + " "
                                                + JsonTree.shown(name)
                                                + " does, expected one of "
                                                + PreTokenizer.list()
                                                + "; give the vocabulary with --vocab"
                                                + " FILE"));
        GgufVocabulary vocabulary = GgufVocabulary.of(values);
        TokenizerSettings settings = settings(values, vocabulary, cut.begins(), -1, -1);
        return new Described(
                GgufBytePairs.bytes(values, vocabulary, cut, begin(vocabulary, settings)),
                settings);
    }

    private static Described pieces(GgufValues values) {
        GgufVocabulary vocabulary = GgufVocabulary.of(values);
        int unknown = values.id("unknown_token_id", vocabulary.size(), 0);
        boolean marked =
                vocabulary.type(unknown) == GgufVocabulary.UNKNOWN
                        || vocabulary.type(unknown) == GgufVocabulary.CONTROL;
        TokenizerSettings settings = settings(values, vocabulary, true, 1, 2);
        return new Described(
                GgufBytePairs.pieces(
                        values,
                        vocabulary,
                        values.flag("add_space_prefix", true),
                        marked ? unknown : -1,
                        begin(vocabulary, settings)),
                settings);
    }

    private static int begin(GgufVocabulary vocabulary, TokenizerSettings settings) {
        String begin = settings.begin();
        return begin != null && Boolean.TRUE.equals(settings.begins()) ? vocabulary.id(begin) : -1;
    }

    /// @param begins whether a begin-of-text token stands in front of texts, unless it is said
    /// @param begin its id unless it is said, or -1
    /// @param end the id that ends a document unless it is said, or -1
    private static TokenizerSettings settings(
            GgufValues values, GgufVocabulary vocabulary, boolean begins, int begin, int end) {
        int beginId = values.id("bos_token_id", vocabulary.size(), begin);
        int endId = values.id("eos_token_id", vocabulary.size(), end);
        String beginToken = token(vocabulary, beginId);
        boolean adds = values.flag("add_bos_token", begins && beginToken != null);
        if (adds && beginToken == null) {
            throw values.error("add_bos_token is true, but there is no bos_token_id");
        }
        List<Integer> ends = new ArrayList<>();
        for (String name : List.of("eot_token_id", "eom_token_id")) {
            if (values.has(name)) {
                ends.add(values.id(name, vocabulary.size(), -1));
            }
        }
        return new TokenizerSettings(
                beginToken,
                -1,
                adds,
                token(vocabulary, endId),
                token(vocabulary, values.id("unknown_token_id", vocabulary.size(), -1)),
                token(vocabulary, values.id("padding_token_id", vocabulary.size(), -1)),
                ends,
                templates(values.values()));
    }

    private static @Nullable String token(GgufVocabulary vocabulary, int id) {
        return id < 0 || id >= vocabulary.size() || vocabulary.type(id) == GgufVocabulary.UNUSED
                ? null
                : vocabulary.token(id);
    }

    private static SequencedMap<String, String> templates(Map<String, Object> values) {
        SequencedMap<String, String> templates = new LinkedHashMap<>();
        values.forEach((name, value) -> {
            if (value instanceof String template && name.equals(TEMPLATE)) {
                templates.put(TokenizerSettings.USUAL, template);
            } else if (value instanceof String template && name.startsWith(TEMPLATE + ".")) {
                templates.put(name.substring(TEMPLATE.length() + 1), template);
            }
        });
        return templates;
    }
}
