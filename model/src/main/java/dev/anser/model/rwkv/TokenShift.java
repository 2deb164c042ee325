package dev.anser.model.rwkv;

import dev.anser.tensor.Ops;
import dev.anser.tensor.PreviousRows;
import dev.anser.tensor.Segments;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.VectorLerp;

/// Token shift of RWKV-4 and RWKV-5, whose coefficients are the share of the current token. Those
/// of later versions are the share of the previous one: [Ops#shiftLerp].
public final class TokenShift {
    private TokenShift() {}

    /// For each of `mixes` (C): `x · mix + previous · (1 - mix)`. Moves the carried tensor `slot`
    /// on.
    public static Tensor[] run(Ops ops, Tensor x, Tensor[] mixes, Segments batch, int slot) {
        Tensor previous = ops.run(new PreviousRows(x, batch, slot));
        Tensor[] shifted = new Tensor[mixes.length];
        for (int i = 0; i < mixes.length; i++) {
            shifted[i] = ops.run(new VectorLerp(previous, x, mixes[i]));
        }
        return shifted;
    }
}
