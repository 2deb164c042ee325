package dev.anser.model.rwkv4;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.CheckpointModel;
import dev.anser.model.ModelConfig;
import dev.anser.model.RwkvModel;
import dev.anser.model.WeightReader;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.lang.foreign.Arena;

/// The tensors of an RWKV-4 checkpoint, by the names of the official code, checked.
record Rwkv4Weights(RwkvModel.Trunk trunk, TimeMix[] timeMixes) {
    static final String ARCHITECTURE = "rwkv4";

    /// The weights of a time mix: vectors (C), then matrices (C, C).
    record TimeMix(
            Tensor mixKey,
            Tensor mixValue,
            Tensor mixReceptance,
            Tensor decay,
            Tensor bonus,
            Tensor receptance,
            Tensor key,
            Tensor value,
            Tensor output) {}

    /// The sizes, from names and shapes alone. Every channel is a head of its own.
    static ModelConfig describe(Checkpoint checkpoint) {
        Shape embedding = CheckpointModel.matrixShape(checkpoint, "emb.weight");
        Shape key = CheckpointModel.matrixShape(checkpoint, "blocks.0.ffn.key.weight");
        int width = (int) embedding.size(1);
        return new ModelConfig(
                ARCHITECTURE,
                "4",
                CheckpointModel.layers(checkpoint, "blocks.", ".ln1.weight"),
                width,
                width,
                1,
                (int) key.size(0),
                (int) embedding.size(0));
    }

    /// All tensors of `checkpoint`, checked.
    static Rwkv4Weights read(Checkpoint checkpoint) {
        ModelConfig config = describe(checkpoint);
        Arena arena = Arena.ofShared();
        try {
            WeightReader weights = new WeightReader(checkpoint, arena);
            RwkvModel.Reader reader = new RwkvModel.Reader(weights, config, "time_mix_");
            TimeMix[] timeMixes = new TimeMix[config.layers()];
            for (int layer = 0; layer < timeMixes.length; layer++) {
                timeMixes[layer] = timeMix(reader, "blocks." + layer + ".att.");
            }
            return new Rwkv4Weights(reader.trunk(checkpoint.source(), arena), timeMixes);
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    private static TimeMix timeMix(RwkvModel.Reader reader, String prefix) {
        int width = reader.config().width();
        return new TimeMix(
                reader.coefficient(prefix, "k"),
                reader.coefficient(prefix, "v"),
                reader.coefficient(prefix, "r"),
                reader.weights().vector(prefix + "time_decay", width),
                reader.weights().vector(prefix + "time_first", width),
                reader.square(prefix + "receptance.weight"),
                reader.square(prefix + "key.weight"),
                reader.square(prefix + "value.weight"),
                reader.square(prefix + "output.weight"));
    }
}
