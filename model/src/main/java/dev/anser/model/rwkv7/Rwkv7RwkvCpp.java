package dev.anser.model.rwkv7;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.LayoutTable;
import dev.anser.model.TableLayout;
import dev.anser.tensor.DType;
import java.util.Set;

/// RWKV-7 as rwkv.cpp stores it: official names, low-rank pairs transposed, the six token-shift
/// coefficients of a time mix in one tensor.
final class Rwkv7RwkvCpp extends TableLayout {
    private static final Set<String> EMBEDDINGS = Set.of("emb.weight", "head.weight");

    Rwkv7RwkvCpp() {
        super("rwkv.cpp");
    }

    @Override
    public boolean recognises(Checkpoint file) {
        return file.format().equals("rwkv.cpp") && file.names().contains("blocks.0.att.r_k");
    }

    @Override
    protected LayoutTable table(Checkpoint checkpoint) {
        return Rwkv7Layouts.officialNames()
                .stacked(Rwkv7Layouts.MIXES, "blocks.#.att.x_rwkvag", 1)
                // Layer 0 has no effect; rwkv.cpp never wrote it.
                .without("blocks.0.att.v0")
                .without("blocks.0.att.v1")
                .without("blocks.0.att.v2");
    }

    /// Only big products are quantised, and only they and the low-rank pairs are halved.
    @Override
    public DType type(Checkpoint.Entry entry, DType wanted) {
        String name = entry.name();
        boolean vector = !isMatrix(entry) || name.endsWith("x_rwkvag") || name.endsWith("r_k");
        if (vector || name.endsWith("time_state")) {
            return DType.F32;
        }
        boolean fine = !name.endsWith(".weight") || EMBEDDINGS.contains(name);
        if (wanted.quantised() && fine) {
            return entry.dtype() == DType.F16 ? DType.F16 : DType.F32;
        }
        return wanted;
    }
}
