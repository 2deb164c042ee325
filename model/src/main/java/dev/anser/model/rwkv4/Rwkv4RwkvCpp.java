package dev.anser.model.rwkv4;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.Form;
import dev.anser.model.LayoutTable;
import dev.anser.model.RwkvCppLayout;
import java.util.function.Predicate;

/// RWKV-4 as rwkv.cpp stores it: decays are `-e^w`, ready to be computed with.
final class Rwkv4RwkvCpp extends RwkvCppLayout {
    private static final Form TO_OFFICIAL = Form.SAME.with(x -> Math.log(-x));
    private static final Form TO_STORED = Form.SAME.with(x -> -Math.exp(x));

    Rwkv4RwkvCpp(Predicate<Checkpoint> family) {
        super(family);
    }

    @Override
    protected LayoutTable table(Checkpoint checkpoint) {
        String decay = "blocks.#.att.time_decay";
        return super.table(checkpoint).line(decay, decay, TO_OFFICIAL, TO_STORED);
    }
}
