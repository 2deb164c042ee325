package dev.anser.model.rwkv5;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.ModelFormatException;
import dev.anser.model.Form;
import dev.anser.model.LayoutTable;
import dev.anser.model.RwkvCppLayout;
import dev.anser.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/// RWKV-5 as rwkv.cpp stores it: decays are `e^(-e^w)`, ready to be computed with, as is a bonus
/// `time_first`.
final class Rwkv5RwkvCpp extends RwkvCppLayout {
    private static final float NEARLY_1 = Math.nextDown(1f);

    private static final String DECAY = "blocks.#.att.time_decay";

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
    public Checkpoint stored(Checkpoint official) {
        return super.stored(Rwkv5Heads.byChannels(official));
    }

    @Override
    public Checkpoint official(Checkpoint file) {
        return Rwkv5Heads.byHeads(super.official(file));
    }

    /// Decay and bonus have a number for each head (H, 1, 1) or channel (H, N, 1).
    @Override
    protected LayoutTable table(Checkpoint checkpoint) {
        Shape decay = checkpoint.entry(DECAY.replace("#", "0")).shape();
        if (decay.rank() == 0 || decay.size(0) < 1) {
            throw new ModelFormatException(
                    checkpoint.source()
                            + ": tensor blocks.0.att.time_decay is "
                            + decay
                            + "; expected heads");
        }
        long heads = decay.size(0);
        boolean byHeads = decay.elements() == heads;
        Form official = byHeads ? Form.VECTOR : Form.shaped(heads, 0);
        Form stored = byHeads ? Form.shaped(heads, 1, 1) : Form.shaped(heads, 0, 1);
        String logarithm = "blocks.#.att.time_first";
        String bonus = "blocks.#.att.time_faaaa";
        return super.table(checkpoint)
                .line(
                        DECAY,
                        DECAY,
                        official.with(Rwkv5RwkvCpp::toOfficial),
                        stored.with(w -> Math.exp(-Math.exp(w))))
                .line(logarithm, logarithm, official.with(Math::log), stored.with(Math::exp))
                .line(bonus, bonus, official, stored);
    }

    /// Kept between 0 and 1, so that w is finite.
    private static double toOfficial(double decay) {
        return Math.log(-Math.log(Math.clamp(decay, Float.MIN_VALUE, NEARLY_1)));
    }
}
