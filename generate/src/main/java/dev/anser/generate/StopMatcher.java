package dev.anser.generate;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/// Finds the first stop sequence in bytes that arrive one after the other, and holds back only
/// those that may still turn out to begin one.
///
/// Each sequence has the automaton of Knuth, Morris and Pratt: its state is the length of the
/// longest end of the text that begins the sequence. Held back are as many bytes as the highest
/// state. Matching bytes is matching text: no character's bytes begin inside another's.
final class StopMatcher {
    private final byte[][] stops;
    private final int[][] failures;
    private final int[] matched;
    private byte[] held;
    private int heldCount;
    private byte[] free = new byte[64];
    private int freeCount;
    private boolean found;

    StopMatcher(List<String> texts) {
        stops = new byte[texts.size()][];
        failures = new int[texts.size()][];
        matched = new int[texts.size()];
        int longest = 0;
        for (int i = 0; i < stops.length; i++) {
            stops[i] = texts.get(i).getBytes(StandardCharsets.UTF_8);
            failures[i] = failures(stops[i]);
            longest = Math.max(longest, stops[i].length);
        }
        held = new byte[longest + 1];
    }

    /// At `i`: the length of the longest proper beginning of the stop that also ends `stop[0 ..
    /// i]`.
    private static int[] failures(byte[] stop) {
        int[] failures = new int[stop.length];
        for (int i = 1, length = 0; i < stop.length; i++) {
            while (length > 0 && stop[i] != stop[length]) {
                length = failures[length - 1];
            }
            if (stop[i] == stop[length]) {
                length++;
            }
            failures[i] = length;
        }
        return failures;
    }

    /// Adds `bytes`. Those that cannot belong to a stop sequence any more become [#free()].
    ///
    /// @return how many of the bytes were taken: all, or up to the end of the stop sequence found
    int accept(byte[] bytes) {
        freeCount = 0;
        for (int i = 0; i < bytes.length; i++) {
            held[heldCount++] = bytes[i];
            int longest = 0;
            int stopLength = 0;
            for (int s = 0; s < stops.length; s++) {
                int length = step(s, bytes[i]);
                matched[s] = length;
                longest = Math.max(longest, length);
                if (length == stops[s].length) {
                    stopLength = Math.max(stopLength, length);
                }
            }
            if (stopLength > 0) {
                release(heldCount - stopLength);
                heldCount = 0;
                found = true;
                return i + 1;
            }
            release(heldCount - longest);
        }
        return bytes.length;
    }

    private int step(int stop, byte next) {
        byte[] text = stops[stop];
        int length = matched[stop];
        while (length > 0 && text[length] != next) {
            length = failures[stop][length - 1];
        }
        return text[length] == next ? length + 1 : 0;
    }

    private void release(int count) {
        if (freeCount + count > free.length) {
            free = Arrays.copyOf(free, Math.max(free.length * 2, freeCount + count));
        }
        System.arraycopy(held, 0, free, freeCount, count);
        freeCount += count;
        heldCount -= count;
        System.arraycopy(held, count, held, 0, heldCount);
    }

    /// Ends the text: what is still held back becomes [#free()].
    void finish() {
        freeCount = 0;
        release(heldCount);
    }

    /// The bytes that the last call let go are the first [#freeCount()] of these; borrowed.
    byte[] free() {
        return free;
    }

    /// How many bytes the last call let go.
    int freeCount() {
        return freeCount;
    }

    /// How many bytes are held back.
    int heldCount() {
        return heldCount;
    }

    /// Whether a stop sequence was found; it is neither held nor free.
    boolean found() {
        return found;
    }
}
