package dev.anser.cli;

import java.util.Map;

/// Prints names and values under each other.
final class Table {
    private Table() {}

    /// Prints one row per entry, the values aligned.
    static void print(Console console, Map<String, String> rows) {
        int width = rows.keySet().stream().mapToInt(String::length).max().orElse(0);
        rows.forEach((name, value) ->
                console.printLine(name + " ".repeat(width - name.length() + 2) + value));
    }
}
