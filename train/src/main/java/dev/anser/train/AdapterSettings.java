package dev.anser.train;

import java.util.List;
import java.util.Map;

/// What of a model learns.
///
/// @param kind the method
/// @param rank width of the low-rank pairs of LoRA, 1 or more
/// @param alpha LoRA's scale times its rank: `y = x Wᵀ + alpha / rank · (x Aᵀ) Bᵀ`
/// @param targets which matrices get a low-rank pair: parts of their names, such as `att.key`;
///   empty for every matrix of the blocks
/// @param frozen which tensors stay as they are in full training: parts of their names, such as
///   `emb.` or `blocks.0.`
public record AdapterSettings(
        Kind kind, int rank, double alpha, List<String> targets, List<String> frozen) {
    /// The methods.
    public enum Kind {
        /// Every weight.
        FULL,
        /// Low-rank pairs beside frozen matrices (arXiv 2106.09685), named as RWKV-PEFT does.
        LORA,
        /// The initial WKV state of every layer (RWKV-PEFT's state tuning).
        STATE
    }

    /// Every weight learns.
    public static final AdapterSettings NONE =
            new AdapterSettings(Kind.FULL, 1, 1, List.of(), List.of());

    /// Checks the ranges, copies the lists.
    public AdapterSettings {
        if (rank < 1) {
            throw new TrainingException("the rank of LoRA is " + rank + "; expected 1 or more");
        }
        if (!(alpha > 0) || Double.isInfinite(alpha)) {
            throw new TrainingException("the alpha of LoRA is " + alpha + "; expected above 0");
        }
        targets = List.copyOf(targets);
        frozen = List.copyOf(frozen);
        if (kind != Kind.LORA && !targets.isEmpty()) {
            throw new TrainingException(
                    "targets are given, "
                            + String.join(", ", targets)
                            + ", but only LoRA has targets; expected none");
        }
        if (kind != Kind.FULL && !frozen.isEmpty()) {
            throw new TrainingException(
                    "frozen has "
                            + String.join(", ", frozen)
                            + ", but with an adapter all of the model is frozen; expected none");
        }
    }

    /// What an adapter's file says of it, beside its tensors.
    Map<String, String> metadata() {
        return switch (kind) {
            case FULL -> Map.of();
            case LORA ->
                    Map.of(
                            "adapter",
                            "lora",
                            Merge.RANK,
                            Integer.toString(rank),
                            Merge.ALPHA,
                            Double.toString(alpha));
            case STATE -> Map.of("adapter", "state");
        };
    }
}
