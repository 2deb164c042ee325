package dev.anser.model.rwkv4;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.WebRwkvLayout;

/// RWKV-4 as web-rwkv's converter stores it: the official file in F16, so there is nothing to tell.
final class Rwkv4WebRwkv extends WebRwkvLayout {
    @Override
    protected boolean recognisesNames(Checkpoint file) {
        return false;
    }
}
