package dev.anser.cli;

import dev.anser.base.AnserException;
import java.util.Arrays;

/// Token ids as text.
final class TokenIds {
    private TokenIds() {}

    /// The ids in `text`, separated by white space or commas, with or without brackets around them.
    ///
    /// @throws AnserException naming the first that is not a number
    static int[] parse(String text) {
        int[] ids = new int[16];
        int count = 0;
        for (String word : text.split("[\\s,\\[\\]]+")) {
            if (word.isEmpty()) {
                continue;
            }
            if (count == ids.length) {
                ids = Arrays.copyOf(ids, count * 2);
            }
            ids[count] = parseOne(word, count);
            count++;
        }
        return Arrays.copyOf(ids, count);
    }

    private static int parseOne(String word, int position) {
        try {
            int id = Integer.parseInt(word);
            if (id >= 0) {
                return id;
            }
        } catch (NumberFormatException e) {
            // Reported below with the negative ones.
        }
        String shown = word.length() > 30 ? word.substring(0, 30) + "…" : word;
        throw new AnserException(
                "token id "
                        + position
                        + " is '"
                        + shown
                        + "'; expected a number from 0, as in 5,17,3");
    }

    /// Checks that every id is below `vocabulary`.
    ///
    /// @throws AnserException naming the first that is not
    static void requireBelow(int vocabulary, int[] ids, String source) {
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] < 0 || ids[i] >= vocabulary) {
                throw new AnserException(
                        source
                                + ": token id "
                                + ids[i]
                                + " at position "
                                + i
                                + " is outside the vocabulary; expected 0 to "
                                + (vocabulary - 1));
            }
        }
    }
}
