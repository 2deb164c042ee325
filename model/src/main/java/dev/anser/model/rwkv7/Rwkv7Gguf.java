package dev.anser.model.rwkv7;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.GgufMetadata;
import dev.anser.model.LayoutTable;

/// RWKV-7 in GGUF files (llama.cpp, architecture `rwkv7`).
final class Rwkv7Gguf extends Rwkv7TimeMixGguf {
    Rwkv7Gguf() {
        super("rwkv7", Rwkv7Layouts.OFFICIAL);
    }

    @Override
    protected LayoutTable table(Checkpoint checkpoint) {
        LayoutTable table =
                new LayoutTable()
                        .same("emb.weight", "token_embd.weight")
                        .norm("blocks.0.ln0", "token_embd_norm")
                        .norm("ln_out", "output_norm")
                        .same("head.weight", "output.weight")
                        .norm("blocks.#.ln1", "blk.#.attn_norm")
                        .norm("blocks.#.ln2", "blk.#.attn_norm_2")
                        .channels("blocks.#.ffn.x_k", "blk.#.channel_mix_lerp_k.weight")
                        .same("blocks.#.ffn.key.weight", "blk.#.channel_mix_key.weight")
                        .same("blocks.#.ffn.value.weight", "blk.#.channel_mix_value.weight");
        return addTimeMix(table, checkpoint, Rwkv7Layouts.MIXES.size());
    }

    @Override
    public GgufMetadata metadata(Checkpoint official) {
        GgufMetadata metadata =
                recurrent(Rwkv7Weights.describe(official))
                        .f32("rwkv7.attention.layer_norm_epsilon", 1e-5);
        return addRanks(metadata, official);
    }
}
