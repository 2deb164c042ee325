package dev.anser.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anser.base.AnserException;
import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.checkpoint.Gguf;
import dev.anser.checkpoint.GgufMetadata;
import dev.anser.checkpoint.Safetensors;
import dev.anser.tensor.DType;
import dev.anser.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Files that read well but are no model: each is refused with its tensor and what was expected.
class BadModelTests {
    private static final Path MODEL = Golden.own("rwkv7-L2-D64-hs32-half/model-bf16.safetensors");

    @TempDir Path folder;

    /// Writes `model` with `change` made to its tensors.
    private Path changed(Path model, BiConsumer<SequencedMap<String, Tensor>, Arena> change) {
        Path file = folder.resolve("changed.safetensors");
        try (Checkpoint checkpoint = Checkpoints.open(model);
                Arena arena = Arena.ofConfined()) {
            SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
            for (String name : checkpoint.names()) {
                Tensor tensor = checkpoint.tensor(name);
                Tensor copy = Tensor.allocate(arena, tensor.dtype(), tensor.shape().sizes());
                copy.copyFrom(tensor);
                tensors.put(name, copy);
            }
            change.accept(tensors, arena);
            Safetensors.write(file, tensors, Map.of());
        }
        return file;
    }

    private static void load(Path file) {
        try (Loaded loaded = new Loaded(file, "vector", 1);
                State state = loaded.model.newState()) {
            loaded.logits(state, 3, 1, 2, 3);
        }
    }

    private void assertRefused(
            BiConsumer<SequencedMap<String, Tensor>, Arena> change, String... parts) {
        assertRefused(MODEL, change, parts);
    }

    private void assertRefused(
            Path model, BiConsumer<SequencedMap<String, Tensor>, Arena> change, String... parts) {
        Path file = changed(model, change);
        assertThatThrownBy(() -> load(file))
                .isInstanceOf(AnserException.class)
                .hasMessageContainingAll(parts)
                .satisfies(e ->
                        assertThat(e.getMessage())
                                .doesNotContain("\n")
                                .startsWith(file.toString()));
    }

    @Test
    void everyMissingTensorIsNamed() {
        try (Checkpoint checkpoint = Checkpoints.open(MODEL)) {
            for (String name : checkpoint.names()) {
                assertRefused(
                        (tensors, arena) -> tensors.remove(name),
                        name.equals("blocks.0.att.r_k") ? "tensors" : name);
            }
        }
    }

    @Test
    void everyMisshapenTensorIsNamed() {
        try (Checkpoint checkpoint = Checkpoints.open(MODEL)) {
            for (String name : checkpoint.names()) {
                assertRefused(
                        (tensors, arena) ->
                                tensors.put(name, Tensor.allocate(arena, DType.F32, 3, 5, 7)),
                        "expected");
            }
        }
    }

    @Test
    void everyTensorThatIsNotFiniteIsNamed() {
        try (Checkpoint checkpoint = Checkpoints.open(MODEL)) {
            for (String name : checkpoint.names()) {
                if (name.equals("emb.weight")) {
                    continue; // only the rows of the tokens in use are read
                }
                assertRefused(
                        (tensors, arena) ->
                                Objects.requireNonNull(tensors.get(name)).set(1, Float.NaN),
                        name,
                        "element 1 ",
                        "NaN",
                        "expected finite");
            }
        }
    }

    @Test
    void anEmbeddingThatIsNotFiniteIsNamed() {
        assertRefused(
                (tensors, arena) ->
                        Objects.requireNonNull(tensors.get("emb.weight"))
                                .set(2 * 64 + 3, Float.NaN),
                "emb.weight",
                "element 131");
    }

    @Test
    void integersAreNoWeights() {
        assertRefused(
                (tensors, arena) ->
                        tensors.put(
                                "blocks.1.att.key.weight",
                                Tensor.allocate(arena, DType.I32, 64, 64)),
                "blocks.1.att.key.weight is I32 [64, 64]; expected F32, F16 or BF16");
    }

    @Test
    void aBlockBeyondTheLastOneIsNamed() {
        assertRefused(
                (tensors, arena) ->
                        tensors.put(
                                "blocks.7.att.key.weight",
                                Tensor.allocate(arena, DType.F32, 64, 64)),
                "blocks.7.att.key.weight",
                "blocks.2.ln1.weight is missing");
    }

    @Test
    void anotherArchitectureIsToldFromItsNames() {
        assertRefused(
                (tensors, arena) -> {
                    tensors.clear();
                    tensors.put(
                            "model.embed_tokens.weight", Tensor.allocate(arena, DType.F32, 4, 4));
                },
                "1 tensors (model.embed_tokens.weight)",
                "known here (rwkv4, rwkv5, rwkv6, rwkv7");
    }

    @Test
    void aGgufFileOfAnotherFamilyIsToldFromItsMetadata() {
        Path file = folder.resolve("other.gguf");
        try (Arena arena = Arena.ofConfined()) {
            Tensor any = Tensor.allocate(arena, DType.F32, 4, 4);
            Gguf.write(
                    file,
                    List.of(new Checkpoint.Entry("token_embd.weight", any.dtype(), any.shape())),
                    new GgufMetadata().text("general.architecture", "mamba"),
                    _ -> any);
        }
        assertThatThrownBy(() -> load(file))
                .hasMessageContaining("its general.architecture is mamba")
                .hasMessageContaining("known here of arwkv7, gptneox, llama, rwkv6, rwkv7");
    }

    @Test
    void variantsThatAreNotKnownAreRefusedByName() {
        assertRefused(
                (tensors, arena) ->
                        tensors.put(
                                "blocks.0.qkv.qq.weight",
                                Tensor.allocate(arena, DType.F32, 16, 64)),
                "RWKV-7b",
                "blocks.0.qkv.qq.weight",
                "expected RWKV-7");
        assertRefused(
                (tensors, arena) ->
                        tensors.put(
                                "blocks.1.ffn.enn.weight",
                                Tensor.allocate(arena, DType.F32, 16, 64)),
                "RWKV-8",
                "blocks.1.ffn.enn.weight");
    }

    @Test
    void aDeepEmbedThatIsNotWholeIsRefusedByName() {
        Path model = Golden.own("rwkv7a-L2-D64-rank12/model.safetensors");
        String[] names = {"s_emb.weight", "s_emb_x.weight", "s0", "s1", "s2"};
        for (String name : names) {
            String tensor = "blocks.1.ffn." + name;
            assertRefused(model, (tensors, arena) -> tensors.remove(tensor), tensor);
            assertRefused(
                    model,
                    (tensors, arena) ->
                            tensors.put(tensor, Tensor.allocate(arena, DType.F32, 64, 11)),
                    "blocks.1.ffn.s",
                    "expected");
        }
    }

    @Test
    void theLayerZeroValueResidualMayBeThereOrNot() {
        Path file =
                changed(
                        MODEL,
                        (tensors, arena) -> {
                            tensors.put(
                                    "blocks.0.att.v0",
                                    Tensor.allocate(arena, DType.BF16, 1, 1, 64));
                            tensors.put(
                                    "blocks.0.att.v1", Tensor.allocate(arena, DType.BF16, 64, 16));
                            tensors.put(
                                    "blocks.0.att.v2", Tensor.allocate(arena, DType.BF16, 16, 64));
                        });
        try (Loaded with = new Loaded(file, "vector", 1);
                Loaded without = new Loaded(MODEL, "vector", 1);
                State a = with.model.newState();
                State b = without.model.newState()) {
            assertThat(with.logits(a, 2, 5, 6)).isEqualTo(without.logits(b, 2, 5, 6));
        }
    }
}
