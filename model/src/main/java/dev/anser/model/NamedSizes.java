package dev.anser.model;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/// The sizes that someone gives a new model by name, such as `layers`, asked for one by one by the
/// family that the model is of. What is not given has the value that the family usually has.
public final class NamedSizes {
    /// What every family has.
    public static final List<String> COMMON = List.of("layers", "width", "vocabulary");

    /// The most that a size can be, but for the vocabulary.
    public static final int MOST = 1 << 16;

    /// The most token ids.
    public static final int MOST_TOKENS = 1 << 24;

    private static final int HEAD_SIZE = 64;

    private final Map<String, Integer> given;
    private final SequencedMap<String, Integer> understood = new LinkedHashMap<>();

    /// The sizes `given`, copied.
    public NamedSizes(Map<String, Integer> given) {
        this.given = Map.copyOf(given);
    }

    /// The names that are given.
    public Iterable<String> names() {
        return given.keySet().stream().sorted().toList();
    }

    /// Every size that was asked for, as understood, in the order of asking.
    public SequencedMap<String, Integer> understood() {
        return Collections.unmodifiableSequencedMap(understood);
    }

    /// The size `name`, which must be given.
    ///
    /// @throws SizeException when it is missing, below 1 or above [#MOST]
    public int count(String name) {
        if (!given.containsKey(name)) {
            throw new SizeException(name, "is missing");
        }
        return count(name, 1);
    }

    /// The size `name`, or `otherwise`, which is derived from others.
    ///
    /// @throws SizeException when it is below 1, or given and above [#MOST]
    public int count(String name, int otherwise) {
        Integer value = given.get(name);
        int most = value == null ? Integer.MAX_VALUE : MOST;
        return within(name, value == null ? otherwise : value, most);
    }

    /// Number of token ids; 0 when it is not given.
    ///
    /// @throws SizeException when it is below 1 or above [#MOST_TOKENS]
    public int vocabulary() {
        Integer value = given.get("vocabulary");
        return value == null ? 0 : within("vocabulary", value, MOST_TOKENS);
    }

    private int within(String name, int value, int most) {
        if (value < 1 || value > most) {
            throw new SizeException(
                    name,
                    "is "
                            + value
                            + "; expected "
                            + (most == Integer.MAX_VALUE ? "1 or more" : "1 to " + most));
        }
        understood.put(name, value);
        return value;
    }

    /// Refuses weights of a model whose vocabulary is not known.
    ///
    /// @throws SizeException when `vocabulary` is below 1
    public static void requireVocabulary(int vocabulary) {
        if (vocabulary < 1) {
            throw new SizeException("vocabulary", "is missing");
        }
    }

    /// `headSize`, the channels of a head, or 64: a divisor of `width`, of at least `least`, and a
    /// multiple of `unit`.
    ///
    /// @throws SizeException when it is something else
    public int headSize(int width, int least, int unit) {
        int size = count("headSize", HEAD_SIZE);
        if (size < least || size % unit != 0) {
            throw new SizeException(
                    "headSize",
                    "is "
                            + size
                            + "; expected "
                            + least
                            + " or more"
                            + (unit == 1 ? "" : ", a multiple of " + unit));
        }
        if (width % size != 0) {
            throw new SizeException(
                    "width", "is " + width + "; expected a multiple of headSize, " + size);
        }
        return size;
    }
}
