package dev.anser.text;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// The metadata of a GGUF file as its tokenizer needs it: values by name, each of the type that is
/// expected or an error that names it.
///
/// @param source names the file in messages
/// @param values strings, longs, doubles, booleans, and lists of them
record GgufValues(String source, Map<String, Object> values) {
    /// What the names of a tokenizer begin with.
    static final String PREFIX = "tokenizer.ggml.";

    boolean has(String name) {
        return values.containsKey(PREFIX + name);
    }

    /// A text, or `otherwise` when there is none of this name.
    String text(String name, String otherwise) {
        return value(name, otherwise, "a text", item -> item instanceof String text ? text : null);
    }

    boolean flag(String name, boolean otherwise) {
        return value(
                name, otherwise, "true or false", item -> item instanceof Boolean b ? b : null);
    }

    /// The id of a token below `count`, or `otherwise` when there is none of this name.
    int id(String name, int count, int otherwise) {
        long id =
                value(
                        name,
                        (long) otherwise,
                        "a token id",
                        item -> item instanceof Long number ? number : null);
        if (has(name) && (id < 0 || id >= count)) {
            throw error(name + " is " + id + ", but the ids end at " + (count - 1));
        }
        return (int) id;
    }

    /// A list of texts; empty when there is none of this name.
    List<String> texts(String name) {
        return list(name, "texts", item -> item instanceof String text ? text : null);
    }

    /// A list of whole numbers; empty when there is none of this name.
    List<Long> integers(String name) {
        return list(name, "whole numbers", item -> item instanceof Long number ? number : null);
    }

    /// A list of numbers; empty when there is none of this name.
    List<Double> numbers(String name) {
        return list(
                name,
                "numbers",
                item ->
                        switch (item) {
                            case Double number -> number;
                            case Long number -> number.doubleValue();
                            default -> null;
                        });
    }

    private <T> T value(
            String name, T otherwise, String expected, Function<Object, @Nullable T> as) {
        Object value = values.get(PREFIX + name);
        if (value == null) {
            return otherwise;
        }
        T typed = as.apply(value);
        if (typed == null) {
            throw error(name + " is " + shown(value) + ", expected " + expected);
        }
        return typed;
    }

    private <T> List<T> list(String name, String expected, Function<Object, @Nullable T> as) {
        Object value = values.getOrDefault(PREFIX + name, List.of());
        if (!(value instanceof List<?> list)) {
            throw error(name + " is " + shown(value) + ", expected a list of " + expected);
        }
        List<T> typed = new ArrayList<>(list.size());
        for (Object item : list) {
            T one = as.apply(item);
            if (one == null) {
                throw error(
                        name
                                + "["
                                + typed.size()
                                + "] is "
                                + shown(item)
                                + ", expected "
                                + expected);
            }
            typed.add(one);
        }
        return typed;
    }

    private static String shown(Object value) {
        return value instanceof List<?> list
                ? "a list of " + list.size()
                : JsonTree.shown(value.toString());
    }

    /// An error about these values; `what` says what is wrong with one of them.
    TokenizerException error(String what) {
        return new TokenizerException(
                source + ": its tokenizer is damaged: " + PREFIX + what + "; give --vocab FILE");
    }
}
