package dev.anser.model.rwkv7;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.LayoutTable;
import dev.anser.model.WebRwkvLayout;
import dev.anser.tensor.Shape;

/// RWKV-7 as web-rwkv's converter stores it: under the official names.
final class Rwkv7WebRwkv extends WebRwkvLayout {
    private static final String FIRST = "blocks.0.att.w1";

    /// The shape of a low-rank matrix tells; a square one could be either, and then the names of
    /// the official layout win.
    @Override
    protected boolean recognisesNames(Checkpoint file) {
        if (!file.names().contains("blocks.0.att.r_k")
                || !file.names().contains(FIRST)
                || !file.names().contains("emb.weight")) {
            return false;
        }
        Shape first = file.entry(FIRST).shape();
        Shape embedding = file.entry("emb.weight").shape();
        return first.rank() == 2
                && embedding.rank() == 2
                && first.size(1) == embedding.size(1)
                && first.size(0) != embedding.size(1);
    }

    @Override
    protected LayoutTable table(Checkpoint checkpoint) {
        LayoutTable table = Rwkv7Layouts.officialNames();
        Rwkv7Layouts.MIXES.forEach(name -> table.same(name, name));
        return table.transposed("blocks.#.att.time_state", "blocks.#.att.time_state");
    }
}
