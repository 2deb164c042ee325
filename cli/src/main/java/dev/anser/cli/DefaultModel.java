package dev.anser.cli;

import dev.anser.base.AnserException;
import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.generate.SamplerSettings;
import dev.anser.text.Tokenizer;
import dev.anser.text.WorldTokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// The model that comes with Anser: a small RWKV-7 that tells stories, trained by Anser itself. Its
/// model card stands beside it.
final class DefaultModel {
    static final String NAME = "stories.safetensors";
    private static final String VOCABULARY = "stories-vocabulary.txt";

    private DefaultModel() {}

    /// Opens it from the jar; its memory lives as long as `arena`, which the caller closes after
    /// the checkpoint.
    static Checkpoint open(Arena arena) {
        byte[] bytes = read(NAME);
        MemorySegment memory = arena.allocate(bytes.length, 64);
        MemorySegment.copy(MemorySegment.ofArray(bytes), 0, memory, 0, bytes.length);
        return Checkpoints.open(memory, NAME);
    }

    /// Its vocabulary.
    static Tokenizer tokenizer() {
        return WorldTokenizer.load(VOCABULARY, read(VOCABULARY));
    }

    private static byte[] read(String name) {
        try (InputStream in = DefaultModel.class.getResourceAsStream("default/" + name)) {
            if (in == null) {
                throw new AnserException(
                        "the embedded model lacks " + name + " in this build; give a MODEL");
            }
            return in.readAllBytes();
        } catch (IOException e) {
            throw new AnserException("the embedded " + name + " could not be read", e);
        }
    }

    /// The settings that sampling begins with: for a model of this size those that make the most
    /// readable text, else the usual ones.
    static SamplerSettings.Builder sampling(boolean embedded) {
        SamplerSettings.Builder builder = SamplerSettings.builder();
        return embedded ? builder.temperature(0.8).topP(0.8) : builder;
    }
}
