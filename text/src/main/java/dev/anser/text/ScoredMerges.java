package dev.anser.text;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// The merges that scores stand for: SentencePiece joins whichever neighbours make the token with
/// the highest score, so every way to cut a token in two is a merge, and they rank by its score.
///
/// Ways to make the same token rank by how long their left part is, as in the files that Hugging
/// Face's converter writes.
final class ScoredMerges {
    private record Merge(String left, String right, double score) {}

    private static final Comparator<Merge> ORDER =
            Comparator.comparingDouble(Merge::score)
                    .thenComparingInt(merge -> merge.left.length())
                    .thenComparingInt(merge -> merge.right.length())
                    .reversed();

    private ScoredMerges() {}

    /// The merges of the usual tokens, the first to be made first, each as `left right`.
    ///
    /// @param scores one for every id
    static List<String> of(GgufVocabulary vocabulary, List<Double> scores) {
        List<Merge> merges = new ArrayList<>();
        for (int id = 0; id < vocabulary.size(); id++) {
            String token = vocabulary.token(id);
            // A text has no spaces left when it is merged.
            if (vocabulary.type(id) == GgufVocabulary.NORMAL && token.indexOf(' ') < 0) {
                for (int at = 1; at < token.length(); at++) {
                    String left = token.substring(0, at);
                    String right = token.substring(at);
                    if (vocabulary.isPart(left) && vocabulary.isPart(right)) {
                        merges.add(new Merge(left, right, scores.get(id)));
                    }
                }
            }
        }
        merges.sort(ORDER);
        return merges.stream().map(merge -> merge.left + " " + merge.right).toList();
    }
}
