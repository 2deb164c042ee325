package dev.anser.text;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// How a text is cut into words before byte pairs are merged, under the names that GGUF files give
/// it (`tokenizer.ggml.pre`): expressions after one another, each of which cuts the pieces of the
/// one before it into what it matches and what stands between.
@SuppressWarnings("ImmutableEnumChecker") // no list here can be changed
enum PreTokenizer {
    DEFAULT(
            false,
            false,
            false,
            List.of("[\\p{P}\\$\\+<=>\\^~\\|]+", Expression.GPT_2, "\\p{N}+", "[0-9][0-9][0-9]"),
            "default"),
    GPT_2(false, false, false, List.of(Expression.GPT_2), "gpt-2", "phi-2", "jais", "gigachat"),
    OLMO(true, false, false, List.of(Expression.GPT_2), "olmo", "mpt"),
    LLAMA_3(
            false,
            true,
            true,
            List.of(Expression.LLAMA_3),
            "llama-bpe",
            "llama3",
            "llama-v3",
            "falcon3",
            "pixtral"),
    DBRX(false, false, false, List.of(Expression.LLAMA_3), "dbrx", "smaug-bpe"),
    QWEN_2(true, false, false, List.of(Expression.QWEN_2), "qwen2", "megrez"),
    STABLE_LM_2(false, false, false, List.of(Expression.QWEN_2), "stablelm2", "deepseek-r1-qwen"),
    QWEN_35(true, false, false, List.of(Expression.QWEN_35), "qwen35"),
    STARCODER(
            false,
            false,
            false,
            List.of("\\p{N}", Expression.GPT_2),
            "smollm",
            "starcoder",
            "refact",
            "codeshell",
            "minerva-7b"),
    COMMAND_R(true, false, false, List.of("\\p{N}", Expression.GPT_2), "command-r"),
    DEEPSEEK_CODER(
            false,
            false,
            false,
            List.of("[\r\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", "[一-龥ࠀ-一가-퟿]+", "\\p{N}"),
            "deepseek-coder"),
    TEKKEN(false, true, true, List.of(Expression.TEKKEN), "tekken"),
    GPT_4O(false, false, false, List.of(Expression.GPT_4O), "gpt-4o", "llama4");

    private final boolean composes;
    private final boolean wholeWords;
    private final boolean begins;
    private final List<String> expressions;
    private final List<String> names;

    PreTokenizer(
            boolean composes,
            boolean wholeWords,
            boolean begins,
            List<String> expressions,
            String... names) {
        this.composes = composes;
        this.wholeWords = wholeWords;
        this.begins = begins;
        this.expressions = expressions;
        this.names = List.of(names);
    }

    /// That of a name.
    static Optional<PreTokenizer> named(String name) {
        return Arrays.stream(values()).filter(one -> one.names.contains(name)).findFirst();
    }

    /// That which cuts by `expressions`; of several the one that also does the rest so, when there
    /// is one.
    static Optional<PreTokenizer> of(
            List<String> expressions, boolean composes, boolean wholeWords) {
        List<PreTokenizer> found =
                Arrays.stream(values()).filter(one -> one.expressions.equals(expressions)).toList();
        return found.stream()
                .filter(one -> one.composes == composes && one.wholeWords == wholeWords)
                .findFirst()
                .or(() -> found.stream().findFirst());
    }

    /// All names, for messages.
    static String list() {
        return String.join(
                ", ", Arrays.stream(values()).flatMap(one -> one.names.stream()).toList());
    }

    /// The name that it is written under.
    String title() {
        return names.getFirst();
    }

    /// Whether the tokenizers of this name compose characters (Unicode's NFC) first.
    boolean composes() {
        return composes;
    }

    /// Whether a word that is a token is not put together from its parts.
    boolean wholeWords() {
        return wholeWords;
    }

    /// Whether a begin-of-text token stands in front of texts, unless the file says otherwise.
    boolean begins() {
        return begins;
    }

    /// Regular expressions of Hugging Face's library.
    List<String> expressions() {
        return expressions;
    }

    /// What the tokenizers of the large families cut by.
    static final class Expression {
        static final String GPT_2 =
                "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

        private static final String CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
        private static final String SPACES = "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
        private static final String SYMBOLS = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*";
        private static final String WORD = "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";
        private static final String UPPER = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
        private static final String LOWER = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
        private static final String FIRST = "[^\\r\\n\\p{L}\\p{N}]?";
        private static final String SYMBOLS_AND_SLASHES = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*";

        static final String LLAMA_3 = CONTRACTIONS + WORD + "|\\p{N}{1,3}" + SYMBOLS + SPACES;
        static final String QWEN_2 = CONTRACTIONS + WORD + "|\\p{N}" + SYMBOLS + SPACES;
        static final String QWEN_35 =
                CONTRACTIONS
                        + "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}"
                        + "| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*"
                        + SPACES;
        static final String TEKKEN =
                FIRST
                        + UPPER
                        + "*"
                        + LOWER
                        + "+|"
                        + FIRST
                        + UPPER
                        + "+"
                        + LOWER
                        + "*|\\p{N}"
                        + SYMBOLS_AND_SLASHES
                        + SPACES;
        static final String GPT_4O =
                FIRST
                        + UPPER
                        + "*"
                        + LOWER
                        + "+"
                        + CONTRACTIONS
                        + "?|"
                        + FIRST
                        + UPPER
                        + "+"
                        + LOWER
                        + "*"
                        + CONTRACTIONS
                        + "?|\\p{N}{1,3}"
                        + SYMBOLS_AND_SLASHES
                        + SPACES;

        private Expression() {}
    }
}
