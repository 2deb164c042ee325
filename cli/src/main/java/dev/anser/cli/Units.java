package dev.anser.cli;

import java.util.Locale;

/// Numbers for people.
final class Units {
    private Units() {}

    /// `bytes` with a unit that keeps it short: `1.70 MB`.
    static String bytes(long bytes) {
        return scaled(bytes, " B", " kB", " MB", " GB", " TB");
    }

    /// `count` in full and, when it is long, in short as well: `191084544 (191 M)`.
    static String count(long count) {
        return count < 10_000
                ? Long.toString(count)
                : count + " (" + scaled(count, "", " k", " M", " G", " T") + ")";
    }

    private static String scaled(long value, String... units) {
        double scaled = value;
        int unit = 0;
        while (scaled >= 999.5 && unit < units.length - 1) {
            scaled /= 1000;
            unit++;
        }
        if (unit == 0) {
            return value + units[0];
        }
        String format = scaled < 9.995 ? "%.2f" : scaled < 99.95 ? "%.1f" : "%.0f";
        return String.format(Locale.ROOT, format, scaled) + units[unit];
    }

    /// A rate or a duration with three digits: `12.3`, `0.456`.
    static String rate(double value) {
        String format =
                value < 0.9995 ? "%.3f" : value < 9.995 ? "%.2f" : value < 99.95 ? "%.1f" : "%.0f";
        return String.format(Locale.ROOT, format, value);
    }
}
