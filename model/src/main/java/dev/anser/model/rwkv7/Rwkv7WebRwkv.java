package dev.anser.model.rwkv7;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.LayoutTable;
import dev.anser.model.TableLayout;
import dev.anser.tensor.DType;
import dev.anser.tensor.Shape;

/// RWKV-7 as web-rwkv's converter stores it (`.st`): official names, low-rank pairs transposed,
/// everything in F16.
final class Rwkv7WebRwkv extends TableLayout {
    private static final String FIRST = "blocks.0.att.w1";

    Rwkv7WebRwkv() {
        super("web-rwkv");
    }

    /// The shape of a low-rank matrix tells; a square one could be either, and then the names of
    /// the official layout win.
    @Override
    public boolean recognises(Checkpoint file) {
        if (!file.format().equals("safetensors")
                || !file.names().contains("blocks.0.att.r_k")
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
        return table;
    }

    @Override
    public DType type(Checkpoint.Entry entry, DType wanted) {
        return DType.F16;
    }
}
