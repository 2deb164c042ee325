package dev.anser.tensor;

/// In which numbers matrix products are computed. Sums, results and all other operations are F32.
public enum Precision {
    /// Operands as they are.
    F32,
    /// Both operands of every product rounded to bfloat16 (to nearest, ties to even). Faster where
    /// the processor multiplies bfloat16 (AMX, AVX-512-BF16); elsewhere the rounded numbers are
    /// multiplied as F32, with the same meaning and no gain.
    BF16
}
