package dev.anser.checkpoint;

import dev.anser.base.AnserException;
import dev.anser.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Stream;

/// Model folders as Hugging Face keeps them: weights in one file or several with an index, and
/// `config.json` beside them.
///
/// [Checkpoints#open(Path)] opens a folder as one checkpoint.
public final class ModelFolder {
    private static final String WEIGHTS = "model.safetensors";
    private static final String INDEX = ".index.json";
    private static final String EXPECTED =
            "expected "
                    + WEIGHTS
                    + ", "
                    + WEIGHTS
                    + INDEX
                    + ", pytorch_model.bin or one .safetensors, .pth or .gguf file";

    private ModelFolder() {}

    /// Writes `model.safetensors` and `config.json` into `folder`, which is made when it is
    /// missing. Each file is written whole or not at all, the weights first.
    ///
    /// @param entries what will be written, in order
    /// @param metadata text that readers find in the weights under `__metadata__`; may be empty
    /// @param configuration what `config.json` will say: `String`, `Number`, `Boolean`, `List` and
    ///   `Map`
    /// @param tensors makes the tensor of an entry, asked once each in order; the tensor is
    ///   borrowed until the next one is asked for
    /// @throws AnserException when a name or value is unusable, a tensor is not what its entry
    ///   says, or a file cannot be written
    public static void write(
            Path folder,
            List<Checkpoint.Entry> entries,
            Map<String, String> metadata,
            Map<String, Object> configuration,
            Function<Checkpoint.Entry, Tensor> tensors) {
        Path weights = folder.resolve(WEIGHTS);
        ConfigurationFile file = new ConfigurationFile(configuration);
        if (!Files.isDirectory(folder)) {
            try {
                Files.createDirectory(folder);
            } catch (IOException e) {
                throw new AnserException(
                        folder + ": could not be made; it needs a folder to stand in", e);
            }
        }
        Safetensors.write(weights, entries, metadata, tensors);
        file.write(weights);
    }

    static Checkpoint open(Path folder) {
        Configuration configuration = Configuration.in(folder);
        for (String weights : List.of(WEIGHTS, "pytorch_model.bin")) {
            Path file = folder.resolve(weights);
            if (Files.exists(file)) {
                return Checkpoints.openFile(file, configuration);
            }
            Path index = folder.resolve(weights + INDEX);
            if (Files.exists(index)) {
                return openShards(folder, ShardIndex.read(index), configuration);
            }
        }
        return Checkpoints.openFile(onlyModel(folder), configuration);
    }

    private static Path onlyModel(Path folder) {
        List<Path> models;
        try (Stream<Path> files = Files.list(folder)) {
            models = files.filter(ModelFolder::looksLikeModel).sorted().limit(3).toList();
        } catch (IOException e) {
            throw Checkpoints.unreadable(folder, e);
        }
        if (models.isEmpty()) {
            throw new AnserException(folder + ": is a folder without a model, " + EXPECTED);
        }
        if (models.size() > 1) {
            throw new AnserException(
                    folder
                            + ": is a folder with several models, "
                            + FileBytes.quote(models.get(0).getFileName().toString())
                            + " and "
                            + FileBytes.quote(models.get(1).getFileName().toString())
                            + (models.size() > 2 ? " among them" : "")
                            + "; give the file inside it");
        }
        return models.getFirst();
    }

    private static boolean looksLikeModel(Path file) {
        String name = file.getFileName().toString();
        return Files.isRegularFile(file)
                && (name.endsWith(".safetensors")
                        || name.endsWith(".pth")
                        || name.endsWith(".gguf"));
    }

    private static Checkpoint openShards(
            Path folder, ShardIndex index, Configuration configuration) {
        List<Checkpoint> parts = new ArrayList<>();
        boolean opened = false;
        try {
            for (String shard : index.shards()) {
                Path file = folder.resolve(shard);
                if (!Files.exists(file)) {
                    throw new ModelFormatException(
                            index.source()
                                    + ": names the file "
                                    + FileBytes.quote(shard)
                                    + ", which is missing; download it into the folder");
                }
                parts.add(Checkpoints.openFile(file, Configuration.none()));
            }
            Checkpoint whole = new ShardedCheckpoint(folder.toString(), parts, configuration);
            checkAgree(index, parts);
            opened = true;
            return whole;
        } finally {
            if (!opened) {
                parts.forEach(Checkpoint::close);
            }
        }
    }

    private static void checkAgree(ShardIndex index, List<Checkpoint> parts) {
        Map<String, Checkpoint> byFile = new HashMap<>();
        Iterator<Checkpoint> inOrder = parts.iterator();
        index.shards().forEach(shard -> byFile.put(shard, inOrder.next()));
        index.files()
                .forEach((name, shard) -> {
                    if (!Objects.requireNonNull(byFile.get(shard)).names().contains(name)) {
                        throw new ModelFormatException(
                                index.source()
                                        + ": says that the tensor "
                                        + FileBytes.quote(name)
                                        + " is in "
                                        + FileBytes.quote(shard)
                                        + ", which does not have it; download both again");
                    }
                });
    }
}
