package dev.anser.model.rwkv7;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.Form;
import dev.anser.model.LayoutTable;
import dev.anser.model.TableLayout;
import java.util.List;
import java.util.Map;

/// RWKV-7 as flash-linear-attention stores it, in a folder of the Hugging Face kind. Its low-rank
/// pairs are linear layers, `[out, in]`, with the bias in the second.
final class Rwkv7Fla extends TableLayout {
    Rwkv7Fla() {
        super("fla");
    }

    @Override
    public boolean recognises(Checkpoint file) {
        return file.names().contains("model.layers.0.attn.r_k")
                && file.names().contains("model.embeddings.weight");
    }

    @Override
    protected LayoutTable table(Checkpoint checkpoint) {
        LayoutTable table =
                new LayoutTable()
                        .same("emb.weight", "model.embeddings.weight")
                        .same("head.weight", "lm_head.weight")
                        .norm("ln_out", "model.norm")
                        .norm("blocks.0.ln0", "model.layers.0.pre_norm")
                        .norm("blocks.#.ln1", "model.layers.#.attn_norm")
                        .norm("blocks.#.ln2", "model.layers.#.ffn_norm")
                        .norm("blocks.#.att.ln_x", "model.layers.#.attn.g_norm")
                        .same("blocks.#.att.r_k", "model.layers.#.attn.r_k")
                        .channels("blocks.#.att.k_k", "model.layers.#.attn.k_k")
                        .channels("blocks.#.att.k_a", "model.layers.#.attn.k_a")
                        .channels("blocks.#.ffn.x_k", "model.layers.#.ffn.x_k")
                        .same("blocks.#.ffn.key.weight", "model.layers.#.ffn.key.weight")
                        .same("blocks.#.ffn.value.weight", "model.layers.#.ffn.value.weight");
        Map<String, String> projections =
                Map.of("receptance", "r", "key", "k", "value", "v", "output", "o");
        projections.forEach((official, stored) ->
                table.same(
                        "blocks.#.att." + official + ".weight",
                        "model.layers.#.attn." + stored + "_proj.weight"));
        for (String mix : Rwkv7Layouts.MIXES) {
            String stored = mix.replace("blocks.#.att", "model.layers.#.attn");
            table.line(mix, stored, Form.CHANNELS, Form.CHANNELS);
        }
        for (String pair : Rwkv7Layouts.LOW_RANK) {
            String official = "blocks.#.att." + pair;
            String stored = "model.layers.#.attn." + pair + "_lora.lora.";
            table.transposed(official + "1", stored + "0.weight")
                    .transposed(official + "2", stored + "2.weight");
            if (!pair.equals("g")) {
                table.channels(official + "0", stored + "2.bias");
            }
        }
        List.of("0", "1", "2").forEach(i -> table.without("blocks.0.att.v" + i));
        return table;
    }
}
