package dev.anser.model.rwkv7;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.Layout;
import dev.anser.model.LayoutTable;
import java.util.List;

/// How RWKV-7 stands in the files of other programs.
final class Rwkv7Layouts {
    /// What the official names of a time mix begin with.
    static final String OFFICIAL = "blocks.#.att.";

    /// Token-shift coefficients of a time mix, in the order in which other programs stack them.
    static final List<String> MIXES =
            List.of(
                    "blocks.#.att.x_r",
                    "blocks.#.att.x_w",
                    "blocks.#.att.x_k",
                    "blocks.#.att.x_v",
                    "blocks.#.att.x_a",
                    "blocks.#.att.x_g");

    /// The low-rank pairs and their biases: decay, learning rate, value residual, gate.
    static final List<String> LOW_RANK = List.of("w", "a", "v", "g");

    private Rwkv7Layouts() {}

    static List<Layout> all() {
        return List.of(new Rwkv7RwkvCpp(), new Rwkv7Gguf(), new Rwkv7WebRwkv(), new Rwkv7Fla());
    }

    static int headSize(Checkpoint official) {
        return Math.toIntExact(official.entry("blocks.0.att.r_k").shape().size(-1));
    }

    /// The rank of a low-rank pair of the time mixes whose names begin with `timeMix`; that of the
    /// values in a model of one layer, which has none, is that of the learning rate that stands in
    /// for it.
    static long rank(Checkpoint official, String timeMix, String pair) {
        String first = timeMix.replace("#", "0");
        String residual = timeMix.replace("#", "1") + "v1";
        String stand = official.names().contains(residual) ? residual : first + "a1";
        return official.entry(pair.equals("v") ? stand : first + pair + "1").shape().size(1);
    }

    /// The names that all layouts with official names share.
    static LayoutTable officialNames() {
        LayoutTable table =
                new LayoutTable()
                        .same("emb.weight", "emb.weight")
                        .same("head.weight", "head.weight")
                        .norm("blocks.0.ln0", "blocks.0.ln0")
                        .norm("ln_out", "ln_out");
        for (String name :
                List.of(
                        "att.receptance.weight",
                        "att.key.weight",
                        "att.value.weight",
                        "att.output.weight",
                        "att.w0",
                        "att.a0",
                        "att.v0",
                        "att.k_k",
                        "att.k_a",
                        "att.r_k",
                        "att.time_state",
                        "ffn.x_k",
                        "ffn.key.weight",
                        "ffn.value.weight")) {
            table.same("blocks.#." + name, "blocks.#." + name);
        }
        for (String name : List.of("ln1", "ln2", "att.ln_x")) {
            table.norm("blocks.#." + name, "blocks.#." + name);
        }
        for (String pair : LOW_RANK) {
            for (int i = 1; i <= 2; i++) {
                String name = "blocks.#.att." + pair + i;
                table.transposed(name, name);
            }
        }
        return table;
    }
}
