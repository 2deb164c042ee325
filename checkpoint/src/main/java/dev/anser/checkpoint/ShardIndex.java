package dev.anser.checkpoint;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeSet;

/// Reads Hugging Face's index of a model in several files: which tensor is in which of them.
///
/// @param source the index, for errors
/// @param files the file of each tensor, plain names of files beside the index
record ShardIndex(String source, SequencedMap<String, String> files) {
    /// Room for [FileBytes#MAX_TENSORS] names of usual length.
    private static final int MAX_BYTES = 32 << 20;

    private static final int MAX_SHARDS = 4096;

    static ShardIndex read(Path index) {
        return read(Configuration.bytes(index, MAX_BYTES));
    }

    static ShardIndex read(FileBytes file) {
        if (!(JsonValues.object(file).get("weight_map") instanceof Map<?, ?> map)) {
            throw file.error("has no weight_map, the file of each tensor; download it again");
        }
        SequencedMap<String, String> files = new LinkedHashMap<>();
        map.forEach((name, shard) -> {
            String tensor = "tensor " + FileBytes.quote(name.toString());
            if (!(shard instanceof String text)) {
                throw file.error(tensor + " has no file name in the weight_map");
            }
            if (!plain(text)) {
                throw file.error(
                        tensor
                                + " is in "
                                + FileBytes.quote(text)
                                + ", expected the plain name of a file beside the index");
            }
            files.put(name.toString(), text);
        });
        if (files.size() > FileBytes.MAX_TENSORS) {
            throw file.error("has more than " + FileBytes.MAX_TENSORS + " tensors");
        }
        ShardIndex index = new ShardIndex(file.source(), files);
        int shards = index.shards().size();
        if (shards < 1 || shards > MAX_SHARDS) {
            throw file.error("names " + shards + " files, expected 1 to " + MAX_SHARDS);
        }
        return index;
    }

    /// The names of all files, sorted.
    TreeSet<String> shards() {
        return new TreeSet<>(files.values());
    }

    private static boolean plain(String name) {
        return !name.isEmpty()
                && name.length() <= 255
                && !name.startsWith(".")
                && name.chars()
                        .noneMatch(c -> c == '/' || c == '\\' || c == ':' || c < 0x20 || c == 0x7f);
    }
}
