package dev.anser.model.rwkv6;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.ModelFormatException;
import dev.anser.model.Form;
import dev.anser.model.LayoutTable;
import dev.anser.model.RwkvCppLayout;
import dev.anser.tensor.Shape;
import java.util.function.Predicate;

/// RWKV-6 as rwkv.cpp stores it: decays and bonus by heads, (H, N, 1).
final class Rwkv6RwkvCpp extends RwkvCppLayout {
    Rwkv6RwkvCpp(Predicate<Checkpoint> family) {
        super(family);
    }

    @Override
    protected LayoutTable table(Checkpoint checkpoint) {
        long heads = heads(checkpoint);
        Form stored = Form.shaped(heads, 0, 1);
        String decay = "blocks.#.att.time_decay";
        String bonus = "blocks.#.att.time_faaaa";
        return super.table(checkpoint)
                .line(decay, decay, Form.CHANNELS, stored)
                .line(bonus, bonus, Form.shaped(heads, 0), stored);
    }

    private static long heads(Checkpoint checkpoint) {
        Shape shape = checkpoint.entry(Rwkv6Weights.BONUS).shape();
        if (shape.rank() < 2 || shape.size(0) < 1) {
            throw new ModelFormatException(
                    checkpoint.source()
                            + ": tensor "
                            + Rwkv6Weights.BONUS
                            + " is "
                            + shape
                            + "; expected heads of channels");
        }
        return shape.size(0);
    }
}
