package dev.anser.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;

/// Searches the vocabulary with which a greedy longest match makes the fewest tokens.
///
/// What a greedy match does from some byte of a piece on does not depend on what was before it. So
/// with the number of tokens from each byte to the end of its piece at hand, counted from the
/// right, it takes one addition to know what a token more or less would change there. Thus each
/// round knows, for all candidates at once, how many tokens each would save and how many each
/// chosen one saves now. Tokens are added and dropped by that, first many, then few at a time,
/// until it no longer helps. (Candidates that occur twice in one piece are counted as if each place
/// were alone; the totals that decide are exact.)
final class GreedyVocabulary {
    private static final int MAX_TOKEN_BYTES = 32;
    private static final int MAX_ROUNDS_WITHOUT_GAIN = 12;

    private final List<PieceCounts.Piece> pieces;
    private final CandidateTree tree = new CandidateTree();

    /* Byte b of piece p is position first[p] + b; the candidates that begin there and are at least
     * two bytes long are nodes[from[position] .. from[position + 1]), the shortest first, and a
     * candidate's length is the depth of its node.
     */
    private final int[] first;
    private int[] nodes = new int[1 << 16];
    private final int[] from;
    private final int[] candidates;
    private final boolean[] chosen;
    private final int[] remaining;
    private int size;

    /// Prepares the search over `pieces`, the most frequent first.
    GreedyVocabulary(List<PieceCounts.Piece> pieces) {
        this.pieces = pieces;
        this.first = new int[pieces.size() + 1];
        for (int p = 0; p < pieces.size(); p++) {
            first[p + 1] = Math.addExact(first[p], pieces.get(p).bytes().length);
        }
        this.from = new int[first[pieces.size()] + 1];
        growTree();
        keepCandidates();
        this.candidates =
                Arrays.stream(nodes, 0, from[from.length - 1]).sorted().distinct().toArray();
        this.chosen = new boolean[tree.size()];
        this.remaining = new int[PieceCounts.MAX_PIECE_BYTES + 1];
    }

    private void growTree() {
        for (PieceCounts.Piece piece : pieces) {
            byte[] bytes = piece.bytes();
            for (int b = 0; b < bytes.length; b++) {
                if (!Utf8.isBoundary(bytes, b)) {
                    continue;
                }
                int node = CandidateTree.ROOT;
                int end = Math.min(bytes.length, b + MAX_TOKEN_BYTES);
                for (int e = b; e < end; e++) {
                    node = tree.childOrNew(node, bytes[e]);
                    tree.addCount(node, piece.count());
                }
            }
        }
    }

    /// A candidate stands in the texts twice or more and consists of whole characters.
    private void keepCandidates() {
        int count = 0;
        int position = 0;
        for (PieceCounts.Piece piece : pieces) {
            byte[] bytes = piece.bytes();
            for (int b = 0; b < bytes.length; b++) {
                from[position++] = count;
                if (!Utf8.isBoundary(bytes, b)) {
                    continue;
                }
                int node = CandidateTree.ROOT;
                int end = Math.min(bytes.length, b + MAX_TOKEN_BYTES);
                for (int e = b; e < end; e++) {
                    node = tree.childOrNew(node, bytes[e]);
                    if (tree.count(node) < 2) {
                        break;
                    }
                    if (e > b && Utf8.isBoundary(bytes, e + 1)) {
                        if (count == nodes.length) {
                            nodes = Arrays.copyOf(nodes, count + (count >> 1));
                        }
                        nodes[count++] = node;
                    }
                }
            }
        }
        from[position] = count;
    }

    /// Chooses `wanted` tokens of two bytes or more.
    ///
    /// @throws DataException when the texts do not have that many candidates
    List<byte[]> learn(int wanted, Runnable stillWanted) {
        if (candidates.length < wanted) {
            throw new DataException(
                    "the texts have "
                            + candidates.length
                            + " parts of words that stand in them twice; expected at least "
                            + wanted
                            + ": give more text or a smaller size");
        }
        long[] worth = new long[tree.size()];
        while (size < wanted) {
            add(Math.max(1, Math.min(wanted - size, wanted / 16)), worth);
        }
        long best = total();
        boolean[] bestChosen = chosen.clone();
        int exchanged = Math.min(Math.max(1, wanted / 8), candidates.length - wanted);
        int withoutGain = 0;
        while (exchanged > 0 && withoutGain < MAX_ROUNDS_WITHOUT_GAIN) {
            stillWanted.run();
            exchange(exchanged, worth);
            long now = total();
            if (now < best) {
                best = now;
                System.arraycopy(chosen, 0, bestChosen, 0, chosen.length);
                withoutGain = 0;
            } else {
                System.arraycopy(bestChosen, 0, chosen, 0, chosen.length);
                withoutGain++;
                exchanged = Math.max(1, exchanged * 2 / 3);
            }
        }
        List<byte[]> tokens = new ArrayList<>();
        for (int node = 0; node < chosen.length; node++) {
            if (chosen[node]) {
                tokens.add(tree.bytes(node));
            }
        }
        tokens.sort(
                Comparator.<byte[]>comparingInt(token -> token.length)
                        .thenComparing(Arrays::compareUnsigned));
        return tokens;
    }

    /// Adds `count` tokens in four steps and drops the same number in four.
    private void exchange(int count, long[] worth) {
        int step = Math.max(1, (count + 3) / 4);
        for (int done = 0; done < count; done += step) {
            add(Math.min(step, count - done), worth);
        }
        for (int done = 0; done < count; done += step) {
            drop(Math.min(step, count - done), worth);
        }
    }

    /// The tokens of all texts.
    private long total() {
        long total = 0;
        for (int p = 0; p < pieces.size(); p++) {
            count(p);
            total += remaining[0] * pieces.get(p).count();
        }
        return total;
    }

    /// Fills [#remaining] for the bytes of piece `p`.
    private void count(int p) {
        int bytes = first[p + 1] - first[p];
        remaining[bytes] = 0;
        for (int b = bytes - 1; b >= 0; b--) {
            remaining[b] = 1 + remaining[b + longest(first[p] + b, MAX_TOKEN_BYTES + 1)];
        }
    }

    /// The length of the longest token shorter than `below` that matches at `position`.
    private int longest(int position, int below) {
        for (int i = from[position + 1] - 1; i >= from[position]; i--) {
            int node = nodes[i];
            if (chosen[node] && tree.depth(node) < below) {
                return tree.depth(node);
            }
        }
        return 1;
    }

    /// Chooses the `count` candidates that save most.
    private void add(int count, long[] worth) {
        Arrays.fill(worth, 0);
        for (int p = 0; p < pieces.size(); p++) {
            count(p);
            int bytes = first[p + 1] - first[p];
            for (int b = 0; b < bytes; ) {
                int position = first[p] + b;
                int length = longest(position, MAX_TOKEN_BYTES + 1);
                for (int i = from[position + 1] - 1; i >= from[position]; i--) {
                    int longer = tree.depth(nodes[i]);
                    if (longer <= length) {
                        break;
                    }
                    worth[nodes[i]] +=
                            (remaining[b] - 1 - remaining[b + longer]) * pieces.get(p).count();
                }
                b += length;
            }
        }
        for (int node : best(worth, false, count)) {
            chosen[node] = true;
            size++;
        }
    }

    /// Drops the `count` tokens that save least.
    private void drop(int count, long[] worth) {
        Arrays.fill(worth, 0);
        for (int p = 0; p < pieces.size(); p++) {
            count(p);
            int bytes = first[p + 1] - first[p];
            for (int b = 0; b < bytes; ) {
                int position = first[p] + b;
                int length = longest(position, MAX_TOKEN_BYTES + 1);
                if (length > 1) {
                    int instead = longest(position, length);
                    worth[tokenAt(position, length)] +=
                            (1 + remaining[b + instead] - remaining[b]) * pieces.get(p).count();
                }
                b += length;
            }
        }
        for (int node : best(worth, true, count)) {
            chosen[node] = false;
            size--;
        }
    }

    private int tokenAt(int position, int length) {
        for (int i = from[position]; ; i++) {
            if (tree.depth(nodes[i]) == length) {
                return nodes[i];
            }
        }
    }

    /// The `count` best candidates by worth: among the chosen ones the least worth, else the most.
    /// Of equals the first comes first.
    private int[] best(long[] worth, boolean among, int count) {
        Comparator<Integer> byWorth = Comparator.comparingLong(node -> worth[node]);
        Comparator<Integer> order =
                (among ? byWorth : byWorth.reversed()).thenComparingInt(node -> node);
        // The worst of those kept is on top, so most candidates are turned away by one comparison.
        PriorityQueue<Integer> kept = new PriorityQueue<>(count + 1, order.reversed());
        for (int node : candidates) {
            if (chosen[node] != among) {
                continue;
            }
            if (kept.size() < count) {
                kept.add(node);
            } else {
                long worst = worth[kept.element()];
                if (among ? worth[node] < worst : worth[node] > worst) {
                    kept.remove();
                    kept.add(node);
                }
            }
        }
        return kept.stream().mapToInt(node -> node).toArray();
    }
}
