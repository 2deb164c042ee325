package dev.anser.train.report;

import java.util.Locale;

/// Round numbers along an axis, and how numbers are written.
///
/// @param first the first number
/// @param step from one to the next: 1, 2 or 5 times a power of ten
/// @param count of numbers
record Ticks(double first, double step, int count) {
    /// About `wanted` round numbers within `low` to `high`.
    static Ticks within(double low, double high, int wanted) {
        double rough = (high - low) / wanted;
        double power = Math.pow(10, Math.floor(Math.log10(rough)));
        double factor = rough / power;
        double step = power * (factor <= 1 ? 1 : factor <= 2 ? 2 : factor <= 5 ? 5 : 10);
        double first = Math.ceil(low / step - 1e-9) * step;
        int count = (int) Math.floor((high - first) / step + 1e-9) + 1;
        return new Ticks(first, step, Math.clamp(count, 0, 20));
    }

    double at(int i) {
        // Multiplied, not added up; and no 1e-17 where zero is meant.
        double value = first + i * step;
        return Math.abs(value) < step * 1e-6 ? 0 : value;
    }

    /// How the number at `i` is written: with as many digits as the step needs.
    String label(int i) {
        double value = at(i);
        double largest = Math.max(Math.abs(first), Math.abs(at(count - 1)));
        if (value == 0) {
            return "0";
        }
        if (largest < 0.01) {
            return mantissa(value, (int) Math.floor(Math.log10(largest) + 1e-9));
        }
        if (largest >= 1e15) {
            return mantissa(value, (int) Math.floor(Math.log10(Math.abs(value)) + 1e-9));
        }
        Unit unit = Unit.of(largest);
        return decimals(value / unit.size, digits(step / unit.size)) + unit.suffix;
    }

    private String mantissa(double value, int exponent) {
        double size = Math.pow(10, exponent);
        return decimals(value / size, digits(step / size)) + "e" + exponent;
    }

    private static int digits(double step) {
        return Math.clamp((int) -Math.floor(Math.log10(step) + 1e-9), 0, 9);
    }

    private static String decimals(double value, int digits) {
        return String.format(Locale.ROOT, "%." + digits + "f", value);
    }

    private record Unit(double size, String suffix) {
        static Unit of(double largest) {
            if (largest >= 1e12) {
                return new Unit(1e12, " T");
            }
            if (largest >= 1e9) {
                return new Unit(1e9, " G");
            }
            if (largest >= 1e6) {
                return new Unit(1e6, " M");
            }
            return largest >= 1e4 ? new Unit(1e3, " k") : new Unit(1, "");
        }
    }

    /// `value` with four significant digits, for people.
    static String number(double value) {
        if (!Double.isFinite(value)) {
            return "–";
        }
        double size = Math.abs(value);
        if (size == 0) {
            return "0";
        }
        if (size < 1e-3 || size >= 1e15) {
            return String.format(Locale.ROOT, "%.2e", value);
        }
        Unit unit = Unit.of(size);
        double scaled = value / unit.size;
        int whole = (int) Math.floor(Math.log10(Math.abs(scaled)) + 1e-9) + 1;
        return decimals(scaled, Math.clamp(4 - whole, 0, 6)) + unit.suffix;
    }

    /// `value` as it is below ten million, with thin spaces between thousands.
    static String whole(long value) {
        if (Math.abs(value) >= 10_000_000) {
            return number((double) value);
        }
        return String.format(Locale.ROOT, "%,d", value).replace(',', '\u202f');
    }

    /// A time for people.
    static String time(double seconds) {
        long whole = Math.round(seconds);
        if (whole < 60) {
            return decimals(seconds, seconds < 10 ? 1 : 0) + " s";
        }
        if (whole < 3600) {
            return whole / 60 + " min " + whole % 60 + " s";
        }
        return whole < 48 * 3600
                ? whole / 3600 + " h " + whole % 3600 / 60 + " min"
                : whole / 86400 + " d " + whole % 86400 / 3600 + " h";
    }
}
