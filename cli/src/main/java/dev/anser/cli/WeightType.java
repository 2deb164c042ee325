package dev.anser.cli;

import dev.anser.tensor.DType;
import java.util.Locale;

/// How a command stores weights.
enum WeightType {
    F32,
    F16,
    BF16,
    Q8_0,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q4_K,
    Q5_K,
    Q6_K;

    DType dtype() {
        return DType.valueOf(name());
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
