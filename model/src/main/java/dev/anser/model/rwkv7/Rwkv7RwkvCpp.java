package dev.anser.model.rwkv7;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.LayoutTable;
import dev.anser.model.RwkvCppLayout;
import java.util.regex.Pattern;

/// RWKV-7 as rwkv.cpp stores it: the six token-shift coefficients of a time mix in one tensor.
final class Rwkv7RwkvCpp extends RwkvCppLayout {
    private static final Pattern LOW_RANK = Pattern.compile(".*\\.att\\.[wavg][12]");

    Rwkv7RwkvCpp() {
        super(file -> file.names().contains("blocks.0.att.r_k"));
    }

    @Override
    protected boolean isLowRank(String name) {
        return LOW_RANK.matcher(name).matches();
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
}
