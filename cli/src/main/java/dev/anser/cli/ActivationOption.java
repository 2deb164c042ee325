package dev.anser.cli;

import dev.anser.tensor.Activations;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// In which numbers rows are multiplied with quantised weights.
final class ActivationOption {
    @Option(
            names = "--activations",
            paramLabel = "f32|int8",
            description =
                    "What quantised weights are multiplied with: int8, rounded to 8 bits, is faster"
                            + " and what llama.cpp does; f32 is exact. Default: int8 in generate,"
                            + " chat and bench; f32 in logits and evaluate.")
    private @Nullable Activations activations;

    ActivationOption() {}

    /// What the user wants, or else `otherwise`, from now on.
    void apply(Engine engine, Activations otherwise) {
        engine.ops().activations(activations == null ? otherwise : activations);
    }
}
