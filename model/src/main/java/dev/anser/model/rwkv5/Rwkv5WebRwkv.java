package dev.anser.model.rwkv5;

import dev.anser.base.AnserException;
import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.Form;
import dev.anser.model.LayoutTable;
import dev.anser.model.WebRwkvLayout;
import dev.anser.tensor.Shape;

/// RWKV-5 as web-rwkv's converter stores it: the bonus is `time_first`, and decay and bonus stand
/// for each channel (H, N) even where 5.1 has one of each for a head.
final class Rwkv5WebRwkv extends WebRwkvLayout {
    private static final String BONUS = "blocks.0.att.time_first";

    /// Official files that have a `time_first` have one number for each head, those of RWKV-6 a mix
    /// `x`.
    @Override
    protected boolean recognisesNames(Checkpoint file) {
        if (!file.names().contains(BONUS)
                || !file.names().contains("blocks.0.att.gate.weight")
                || file.names().contains("blocks.0.att.time_faaaa")
                || file.names().contains("blocks.0.att.time_mix_x")) {
            return false;
        }
        Shape bonus = file.entry(BONUS).shape();
        return bonus.rank() == 2 && bonus.size(1) > 1;
    }

    @Override
    protected String storedName(String official) {
        return official.replace(".time_faaaa", ".time_first");
    }

    @Override
    protected String officialName(String stored) {
        return stored.replace(".time_first", ".time_faaaa");
    }

    /// The logarithm that old official files have is undone: web-rwkv adds the bonus as it is.
    @Override
    protected LayoutTable table(Checkpoint checkpoint) {
        LayoutTable table = super.table(checkpoint);
        if (checkpoint.names().contains(BONUS) && !recognises(checkpoint)) {
            String bonus = "blocks.#.att.time_first";
            table.line(bonus, bonus, Form.SAME, Form.SAME.with(Math::exp));
        }
        return table;
    }

    @Override
    public Checkpoint stored(Checkpoint official) {
        if (Rwkv5Weights.describe(official).version().equals("5.0")) {
            throw new AnserException(
                    official.source()
                            + ": is RWKV-5.0, which has no gate; web-rwkv runs 5.1 and 5.2");
        }
        return super.stored(Rwkv5Heads.byChannels(official));
    }

    @Override
    public Checkpoint official(Checkpoint file) {
        return Rwkv5Heads.byHeads(super.official(file));
    }
}
