package dev.anser.cli;

import dev.anser.tensor.DType;
import java.util.Locale;

/// How a command stores weights.
enum WeightType {
    F32,
    F16,
    BF16;

    DType dtype() {
        return DType.valueOf(name());
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
