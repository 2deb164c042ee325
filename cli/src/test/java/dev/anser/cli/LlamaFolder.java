package dev.anser.cli;

import dev.anser.checkpoint.Safetensors;
import dev.anser.tensor.DType;
import dev.anser.tensor.Tensor;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;
import java.util.zip.GZIPInputStream;

/// A LLaMA of one layer as a folder of Hugging Face, with arbitrary weights.
final class LlamaFolder {
    private LlamaFolder() {}

    /// Makes it at `folder`, for `tokens` token ids.
    static Path create(Path folder, int tokens) throws IOException {
        Files.createDirectories(folder);
        Map<String, long[]> sizes = new LinkedHashMap<>();
        sizes.put("model.embed_tokens.weight", new long[] {tokens, 4});
        sizes.put("model.norm.weight", new long[] {4});
        sizes.put("model.layers.0.input_layernorm.weight", new long[] {4});
        sizes.put("model.layers.0.post_attention_layernorm.weight", new long[] {4});
        for (String name : new String[] {"q", "k", "v", "o"}) {
            sizes.put("model.layers.0.self_attn." + name + "_proj.weight", new long[] {4, 4});
        }
        sizes.put("model.layers.0.mlp.gate_proj.weight", new long[] {8, 4});
        sizes.put("model.layers.0.mlp.up_proj.weight", new long[] {8, 4});
        sizes.put("model.layers.0.mlp.down_proj.weight", new long[] {4, 8});
        try (Arena arena = Arena.ofConfined()) {
            SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
            sizes.forEach((name, shape) -> {
                Tensor tensor = Tensor.allocate(arena, DType.F32, shape);
                for (long i = 0; i < tensor.elements(); i++) {
                    tensor.set(i, (i * 7 % 11 - 5) / 5f);
                }
                tensors.put(name, tensor);
            });
            Safetensors.write(folder.resolve("model.safetensors"), tensors, Map.of());
        }
        Files.writeString(
                folder.resolve("config.json"),
                "{\"num_attention_heads\": 2, \"tie_word_embeddings\": true}");
        return folder;
    }

    /// A small tokenizer of the test resources: `bytes` (759 tokens) or `pieces` (926).
    static byte[] tokenizer(String name) throws IOException {
        byte[] packed = Run.resource("golden/tokenizer/" + name + "-tokenizer.json.gz");
        try (GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(packed))) {
            return in.readAllBytes();
        }
    }
}
