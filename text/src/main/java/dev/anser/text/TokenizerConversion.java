package dev.anser.text;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/// A `tokenizer.json` on its way into the metadata of a GGUF file, as llama.cpp's converter writes
/// it: byte-level BPE as the kind `gpt2`, SentencePiece's with bytes for what it lacks as `llama`.
///
/// ```java
/// Path file = Path.of("model/tokenizer.json");
/// TokenizerConversion conversion =
///         TokenizerConversion.of(file, HuggingFaceTokenizer.load(file), vocabulary);
/// metadata.values(conversion.values());
/// ```
///
/// @param values the metadata: strings, longs, doubles, booleans and lists of them
/// @param lost what of the tokenizer has no place there; empty when it comes back as it was
public record TokenizerConversion(SequencedMap<String, Object> values, List<String> lost) {
    /// Plans it.
    ///
    /// @param file the file that `tokenizer` was read from; chat templates are read beside it
    /// @param count how many ids the model has; those without a token become unused ones
    /// @throws TokenizerException when the file cannot be read or the tokenizer has more ids
    public static TokenizerConversion of(Path file, HuggingFaceTokenizer tokenizer, int count) {
        if (tokenizer.vocabularySize() > count) {
            throw new TokenizerException(
                    file
                            + ": has ids up to "
                            + (tokenizer.vocabularySize() - 1)
                            + ", but those of the model end at "
                            + (count - 1)
                            + "; give the vocabulary that it was trained with");
        }
        byte[] content = HuggingFaceTokenizer.content(file);
        JsonTree tree = JsonTree.read(file.toString(), content);
        return new Writer(tree, TokenizerJson.parse(file.toString(), content), count)
                .convert(tokenizer, TokenizerSettings.beside(file));
    }

    /// One conversion.
    private static final class Writer {
        /// What llama.cpp's converter gives to tokens that nothing is merged into.
        private static final double NO_SCORE = -1000;

        private static final String TEMPLATE = "tokenizer.chat_template";
        private static final List<String> MORE_ENDS = List.of("eot_token_id", "eom_token_id");

        private final JsonTree tree;
        private final JsonTree model;
        private final TokenizerJson vocabulary;
        private final TextSteps steps;
        private final int count;
        private final SequencedMap<String, Object> values = new LinkedHashMap<>();
        private final List<String> lost = new ArrayList<>();

        Writer(JsonTree tree, TokenizerJson vocabulary, int count) {
            this.tree = tree;
            JsonTree own = tree.object("model");
            this.model = own == null ? JsonTree.empty() : own;
            this.vocabulary = vocabulary;
            this.steps = TextSteps.of(tree);
            this.count = count;
        }

        TokenizerConversion convert(HuggingFaceTokenizer tokenizer, TokenizerSettings settings) {
            TokenSpelling spelling = vocabulary.spelling();
            String type = model.string("type");
            if (!"BPE".equals(type == null ? "BPE" : type)
                    || !(spelling.byteLevel() || spelling.byteFallback())) {
                lost.add(
                        "the tokenizer of "
                                + vocabulary.source()
                                + ", which merges neither bytes nor pieces with bytes (it is "
                                + (type == null ? "of no kind" : JsonTree.shown(type))
                                + ")");
                return new TokenizerConversion(values, lost);
            }
            if (spelling.byteLevel()) {
                bytes();
            } else {
                pieces();
            }
            marks(tokenizer, settings);
            return new TokenizerConversion(values, lost);
        }

        private void bytes() {
            boolean whole = model.bool("ignore_merges", false);
            PreTokenizer cut =
                    PreTokenizer.of(steps.expressions(), steps.composes(), whole)
                            .orElse(PreTokenizer.DEFAULT);
            if (!steps.expressions().equals(cut.expressions())) {
                lost.add("how its tokenizer cuts texts into words, which has no name");
            } else if (cut.composes() != steps.composes()) {
                lost.add("how its tokenizer normalises characters");
            } else if (cut.wholeWords() != whole) {
                lost.add("whether its tokenizer merges words that are tokens");
            }
            loseWhatHasNoPlace(false);
            put("model", "gpt2");
            put("pre", cut.title());
            tokens(false);
            put("merges", steps.merges());
        }

        private void pieces() {
            loseWhatHasNoPlace(true);
            if (steps.composes()) {
                lost.add("how its tokenizer normalises characters");
            }
            if (!steps.expressions().isEmpty()) {
                lost.add("how its tokenizer cuts texts into words");
            }
            if (!steps.marksSpaces()) {
                lost.add("how its tokenizer writes spaces");
            }
            put("model", "llama");
            put("pre", "default");
            tokens(true);
            List<Double> scores = scores();
            put("scores", scores);
            put("add_space_prefix", steps.prefix());
            GgufVocabulary written = GgufVocabulary.of(new GgufValues(vocabulary.source(), values));
            if (!sameMerges(written, scores)) {
                lost.add("the merges of its tokenizer, for which no scores stand");
            }
        }

        private void loseWhatHasNoPlace(boolean prefixHasPlace) {
            lost.addAll(steps.others());
            if (steps.prefix() && !prefixHasPlace) {
                lost.add("the space that its tokenizer puts in front of texts");
            }
            for (JsonTree token : tree.objects("added_tokens")) {
                if (token.bool("lstrip", false)
                        || token.bool("rstrip", false)
                        || token.bool("single_word", false)) {
                    lost.add(
                            "what may stand beside its token \""
                                    + JsonTree.shown(String.valueOf(token.string("content")))
                                    + "\"");
                }
            }
        }

        private void tokens(boolean spaces) {
            Map<Integer, Boolean> added = new HashMap<>();
            List<JsonTree> list = tree.objects("added_tokens");
            for (int i = 0; i < list.size(); i++) {
                added.put(vocabulary.added()[i], list.get(i).bool("special", false));
            }
            List<String> texts = new ArrayList<>(count);
            List<Long> types = new ArrayList<>(count);
            for (int id = 0; id < count; id++) {
                int type =
                        vocabulary.contains(id) ? type(id, added.get(id)) : GgufVocabulary.UNUSED;
                String text =
                        type == GgufVocabulary.UNUSED ? "[PAD" + id + "]" : vocabulary.token(id);
                texts.add(
                        spaces && type == GgufVocabulary.USER_DEFINED
                                ? text.replace('▁', ' ')
                                : text);
                types.add((long) type);
            }
            put("tokens", texts);
            put("token_type", types);
        }

        /// @param special whether the token is a mark, or null when it was not added
        private int type(int id, @Nullable Boolean special) {
            if (id == vocabulary.unknown()) {
                return GgufVocabulary.UNKNOWN;
            }
            if (special != null) {
                return special ? GgufVocabulary.CONTROL : GgufVocabulary.USER_DEFINED;
            }
            return vocabulary.isByte(id) ? GgufVocabulary.BYTE : GgufVocabulary.NORMAL;
        }

        /// The earlier a token is made, the higher its score.
        private List<Double> scores() {
            Map<String, Double> ranks = new HashMap<>();
            for (String merge : steps.merges()) {
                ranks.putIfAbsent(made(merge), (double) -ranks.size());
            }
            List<Double> scores = new ArrayList<>(count);
            for (int id = 0; id < count; id++) {
                scores.add(
                        vocabulary.contains(id)
                                ? ranks.getOrDefault(vocabulary.token(id), NO_SCORE)
                                : NO_SCORE);
            }
            return scores;
        }

        /// Whether the scores make the same tokens in the same order, each from the same pairs.
        private boolean sameMerges(GgufVocabulary written, List<Double> scores) {
            List<String> before =
                    steps.merges().stream().filter(merge -> written.isPart(made(merge))).toList();
            List<String> after = ScoredMerges.of(written, scores);
            return new HashSet<>(before).equals(new HashSet<>(after))
                    && before.stream()
                            .map(Writer::made)
                            .toList()
                            .equals(after.stream().map(Writer::made).toList());
        }

        private static String made(String merge) {
            int space = merge.indexOf(' ', 1);
            return merge.substring(0, space) + merge.substring(space + 1);
        }

        private void marks(HuggingFaceTokenizer tokenizer, TokenizerSettings settings) {
            int begin =
                    tokenizer.beginOfText() >= 0
                            ? tokenizer.beginOfText()
                            : settings.begin() != null
                                    ? id(settings.begin())
                                    : vocabulary.contains(settings.beginId())
                                            ? settings.beginId()
                                            : -1;
            putId("bos_token_id", begin);
            putId("eos_token_id", tokenizer.endOfText());
            List<Integer> more =
                    settings.ends().stream()
                            .distinct()
                            .filter(id -> id != tokenizer.endOfText() && vocabulary.contains(id))
                            .toList();
            for (int i = 0; i < Math.min(more.size(), MORE_ENDS.size()); i++) {
                putId(MORE_ENDS.get(i), more.get(i));
            }
            if (more.size() > MORE_ENDS.size()) {
                lost.add("that " + (more.size() + 1) + " tokens end texts, more than three");
            }
            putId("unknown_token_id", Math.max(vocabulary.unknown(), id(settings.unknown())));
            putId("padding_token_id", id(settings.padding()));
            put("add_bos_token", tokenizer.beginOfText() >= 0);
            templates(settings.chatTemplates());
        }

        private void templates(SequencedMap<String, String> templates) {
            List<String> names = new ArrayList<>();
            templates.forEach((name, template) -> {
                String plain = name.replaceAll("[^A-Za-z0-9]", "_");
                if (plain.equals(TokenizerSettings.USUAL)) {
                    values.put(TEMPLATE, template);
                } else if (values.put(TEMPLATE + "." + plain, template) == null) {
                    names.add(plain);
                }
            });
            if (!names.isEmpty()) {
                values.put(TEMPLATE + "s", names);
            }
        }

        private int id(@Nullable String token) {
            return token == null ? -1 : vocabulary.id(token);
        }

        private void putId(String name, int id) {
            if (id >= 0) {
                put(name, (long) id);
            }
        }

        private void put(String name, Object value) {
            values.put(GgufValues.PREFIX + name, value);
        }
    }
}
