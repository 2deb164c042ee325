package dev.anser.model.rwkv6;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.WebRwkvLayout;

/// RWKV-6 as web-rwkv's converter stores it: mixes and bonus under the names that RWKV-5 had.
final class Rwkv6WebRwkv extends WebRwkvLayout {
    @Override
    protected boolean recognisesNames(Checkpoint file) {
        return file.names().contains("blocks.0.att.time_mix_x");
    }

    @Override
    protected String storedName(String official) {
        return official.replace(".time_maa_", ".time_mix_").replace(".time_faaaa", ".time_first");
    }

    @Override
    protected String officialName(String stored) {
        return stored.replace(".time_mix_", ".time_maa_").replace(".time_first", ".time_faaaa");
    }
}
