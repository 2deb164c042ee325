package dev.anser.cli;

import dev.anser.base.AnserException;
import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.generate.SamplerSettings;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// The model that comes with Anser: a byte-level RWKV-7 of 0.8 million weights, small enough for
/// the jar. Where it is from stands beside it.
final class DefaultModel {
    static final String NAME = "tiny-rwkv-7v0-834K-FP16.bin";

    private DefaultModel() {}

    /// Opens it from the jar; its memory lives as long as `arena`, which the caller closes after
    /// the checkpoint.
    static Checkpoint open(Arena arena) {
        try (InputStream in = DefaultModel.class.getResourceAsStream("default/" + NAME)) {
            if (in == null) {
                throw new AnserException(
                        "the embedded model " + NAME + " is missing from this build; give a MODEL");
            }
            byte[] bytes = in.readAllBytes();
            MemorySegment memory = arena.allocate(bytes.length, 64);
            MemorySegment.copy(MemorySegment.ofArray(bytes), 0, memory, 0, bytes.length);
            return Checkpoints.open(memory, NAME);
        } catch (IOException e) {
            throw new AnserException("the embedded model " + NAME + " could not be read", e);
        }
    }

    /// The settings that sampling begins with: for a model of this size those that make the most
    /// readable text, else the usual ones.
    static SamplerSettings.Builder sampling(boolean embedded) {
        SamplerSettings.Builder builder = SamplerSettings.builder();
        return embedded
                ? builder.temperature(0.9)
                        .topP(1)
                        .minP(0.25)
                        .frequencyPenalty(0.3)
                        .penaltyDecay(0.9)
                : builder;
    }
}
