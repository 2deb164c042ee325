package dev.anser.model.rwkv5;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.Form;
import dev.anser.model.LayoutTable;
import dev.anser.model.RwkvCppLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/// RWKV-5 as rwkv.cpp stores it: decays are `e^(-e^w)`, ready to be computed with, as is a bonus
/// `time_first`.
final class Rwkv5RwkvCpp extends RwkvCppLayout {
    private static final float NEARLY_1 = Math.nextDown(1f);

    /// Kept between 0 and 1, so that w is finite.
    private static final Form TO_OFFICIAL =
            Form.SAME.with(x -> Math.log(-Math.log(Math.clamp(x, Float.MIN_VALUE, NEARLY_1))));

    private static final Form TO_STORED = Form.SAME.with(x -> Math.exp(-Math.exp(x)));

    Rwkv5RwkvCpp(Predicate<Checkpoint> family) {
        super(family);
    }

    /// rwkv.cpp normalises the heads' groups with another epsilon, and no file says which.
    @Override
    public List<String> own() {
        return List.of("the epsilon of rwkv.cpp's group normalisation (1e-5, official 64e-5)");
    }

    @Override
    public List<String> lost(Checkpoint official) {
        List<String> lost = new ArrayList<>(super.lost(official));
        if (!official.format().equals(name())) {
            lost.add("the epsilon of the group normalisation (64e-5, in rwkv.cpp 1e-5)");
        }
        return lost;
    }

    @Override
    protected LayoutTable table(Checkpoint checkpoint) {
        String decay = "blocks.#.att.time_decay";
        String bonus = "blocks.#.att.time_first";
        return super.table(checkpoint)
                .line(decay, decay, TO_OFFICIAL, TO_STORED)
                .line(bonus, bonus, Form.SAME.with(Math::log), Form.SAME.with(Math::exp));
    }
}
