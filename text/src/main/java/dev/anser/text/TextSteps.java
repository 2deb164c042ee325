package dev.anser.text;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What a `tokenizer.json` does to a text before it merges pairs, and the pairs.
///
/// @param marksSpaces whether spaces are written as SentencePiece does, `▁`
/// @param composes whether characters are composed (Unicode's NFC)
/// @param prefix whether a space goes in front of the text
/// @param expressions what the text is cut into words by, one after the other
/// @param others what else is done, in words for messages
/// @param merges the pairs, the first to be merged first, each as `left right`
record TextSteps(
        boolean marksSpaces,
        boolean composes,
        boolean prefix,
        List<String> expressions,
        List<String> others,
        List<String> merges) {

    /// Reads them.
    ///
    /// @throws TokenizerException when a merge is no pair
    static TextSteps of(JsonTree tokenizer) {
        Reader reader = new Reader();
        TokenSpelling.parts(tokenizer.object("normalizer"), "normalizers")
                .forEach(reader::normalise);
        TokenSpelling.parts(tokenizer.object("pre_tokenizer"), "pretokenizers")
                .forEach(reader::cut);
        return new TextSteps(
                reader.marksSpaces,
                reader.composes,
                reader.prefix,
                reader.expressions,
                reader.others,
                merges(tokenizer.object("model")));
    }

    private static List<String> merges(@Nullable JsonTree model) {
        List<String> merges = new ArrayList<>();
        for (Object item : model == null ? List.of() : model.array("merges")) {
            String merge =
                    item instanceof List<?> pair
                                    && pair.size() == 2
                                    && pair.getFirst() instanceof String left
                                    && pair.getLast() instanceof String right
                                    && left.indexOf(' ') < 0
                            ? left + " " + right
                            : item instanceof String text ? text : "";
            if (merge.indexOf(' ', 1) < 1 || merge.indexOf(' ', merge.indexOf(' ', 1) + 1) >= 0) {
                throw new TokenizerException(
                        (model == null ? "" : model.where())
                                + ": merges["
                                + merges.size()
                                + "] is no pair of tokens without spaces");
            }
            merges.add(merge);
        }
        return merges;
    }

    /// Goes through the steps.
    private static final class Reader {
        private boolean marksSpaces;
        private boolean composes;
        private boolean prefix;
        private final List<String> expressions = new ArrayList<>();
        private final List<String> others = new ArrayList<>();

        private void normalise(JsonTree step) {
            String type = type(step);
            if (type.equals("NFC")) {
                composes = true;
            } else if (type.equals("Prepend") && "▁".equals(step.string("prepend"))) {
                prefix = true;
            } else if (marks(step)) {
                marksSpaces = true;
            } else {
                others.add("how its tokenizer normalises characters (" + type + ")");
            }
        }

        private static boolean marks(JsonTree step) {
            JsonTree pattern = step.object("pattern");
            return type(step).equals("Replace")
                    && pattern != null
                    && " ".equals(pattern.string("String"))
                    && "▁".equals(step.string("content"));
        }

        private void cut(JsonTree step) {
            switch (type(step)) {
                case "ByteLevel" -> {
                    prefix |= step.bool("add_prefix_space", true);
                    if (step.bool("use_regex", true)) {
                        expressions.add(PreTokenizer.Expression.GPT_2);
                    }
                }
                case "Digits" ->
                        expressions.add(
                                step.bool("individual_digits", false) ? "\\p{N}" : "\\p{N}+");
                case "Metaspace" -> {
                    marksSpaces = "▁".equals(step.string("replacement"));
                    String scheme = step.string("prepend_scheme");
                    boolean prepends =
                            scheme == null
                                    ? step.bool("add_prefix_space", true)
                                    : !scheme.equals("never");
                    prefix |= prepends;
                    if (prepends) {
                        others.add(
                                "that its tokenizer puts no space in front of a text that begins"
                                        + " with one");
                    }
                    if (step.bool("split", true)) {
                        others.add("that its tokenizer cuts texts at spaces");
                    }
                }
                case "Split" -> split(step);
                default ->
                        others.add("how its tokenizer cuts texts into words (" + type(step) + ")");
            }
        }

        private void split(JsonTree step) {
            JsonTree pattern = step.object("pattern");
            Map<?, ?> kinds = pattern == null ? Map.of() : pattern.fields();
            // No space is left to cut at when all were marked.
            boolean nothing = marksSpaces && " ".equals(kinds.get("String"));
            if (kinds.get("Regex") instanceof String expression
                    && "Isolated".equals(step.string("behavior"))
                    && !step.bool("invert", false)) {
                expressions.add(expression);
            } else if (!nothing) {
                others.add("how its tokenizer cuts texts into words (Split)");
            }
        }

        private static String type(JsonTree step) {
            String type = step.string("type");
            return type == null ? "of no kind" : JsonTree.shown(type);
        }
    }
}
