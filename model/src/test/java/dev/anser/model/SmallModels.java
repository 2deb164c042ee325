package dev.anser.model;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.checkpoint.Safetensors;
import dev.anser.model.rwkv7.Rwkv7Initial;
import dev.anser.tensor.DType;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;

/// A small model of each architecture, every number of which F16 has and few are alike.
final class SmallModels {
    /// The architectures, and where the shapes of their tensors come from.
    static final Map<String, String> GOLDENS =
            Map.ofEntries(
                    Map.entry("RWKV-4", "rwkv4/weights_init"),
                    Map.entry("RWKV-5.0", "rwkv5.1-L2-D64-hs32/model"),
                    Map.entry("RWKV-5.1", "rwkv5.1-L2-D64-hs32/model"),
                    Map.entry("RWKV-5.2", "rwkv5.2-L2-D64-hs32/model"),
                    Map.entry("RWKV-6", "rwkv6/weights_init"),
                    Map.entry("RWKV-7", ""),
                    Map.entry("RWKV-7a", "rwkv7a-L2-D64-rank12/model"),
                    Map.entry("ARWKV-7", "arwkv7/weights_init"),
                    Map.entry("RetNet", "retnet/weights_init"),
                    Map.entry("LLaMA", "llama/weights_init"),
                    Map.entry("GPT-NeoX", "gptneox/weights_init"));

    private SmallModels() {}

    /// Writes the model `architecture` as `model.safetensors` into `folder`, with a `config.json`
    /// when it needs one.
    static Path write(String architecture, Path folder) {
        String golden = Objects.requireNonNull(GOLDENS.get(architecture), architecture);
        Path file = folder.resolve("model.safetensors");
        try (Arena arena = Arena.ofConfined()) {
            SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
            shapes(architecture, golden)
                    .forEach((name, shape) -> {
                        Tensor tensor = Tensor.allocate(arena, DType.F32, shape.sizes());
                        for (int i = 0; i < tensor.elements(); i++) {
                            tensor.set(i, number(name, i));
                        }
                        tensors.put(name, tensor);
                    });
            Files.createDirectories(folder);
            Safetensors.write(file, tensors, Map.of());
            Path configuration = Golden.own(golden).resolveSibling("config.json");
            if (Files.exists(configuration)) {
                Files.copy(configuration, folder.resolve("config.json"));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return file;
    }

    private static SequencedMap<String, Shape> shapes(String architecture, String golden) {
        SequencedMap<String, Shape> shapes = new LinkedHashMap<>();
        if (architecture.equals("RWKV-7")) {
            Rwkv7Initial.of(new Rwkv7Initial.Sizes(2, 128, 64, 48, 16, 24, 8, 40), 1)
                    .weights()
                    .forEach(weight -> shapes.put(weight.name(), weight.shape()));
            return shapes;
        }
        boolean old = architecture.equals("RWKV-5.0");
        try (Checkpoint model = Checkpoints.open(Golden.own(golden + ".safetensors"))) {
            for (String name : model.names()) {
                if (!old) {
                    shapes.put(name, model.entry(name).shape());
                } else if (!name.contains("gate") && !name.endsWith("mix_g")) {
                    String first = name.replace("time_faaaa", "time_first");
                    shapes.put(first, model.entry(name).shape());
                }
            }
        }
        return shapes;
    }

    /// From -1/2 to 1/2 in steps of 2^-10.
    private static float number(String name, int i) {
        int mixed = (i + 1) * 0x9E3779B9 ^ name.hashCode() * 0x85EBCA6B;
        return ((mixed >>> 16) % 1024 - 512) / 1024f;
    }
}
