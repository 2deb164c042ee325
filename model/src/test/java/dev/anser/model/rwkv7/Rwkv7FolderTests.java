package dev.anser.model.rwkv7;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.CheckpointView;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.checkpoint.ModelFormatException;
import dev.anser.checkpoint.Safetensors;
import dev.anser.model.Architectures;
import dev.anser.model.InitialWeights;
import dev.anser.model.ModelConversion;
import dev.anser.model.ModelFormat;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// RWKV-7 in a folder as flash-linear-attention has it.
final class Rwkv7FolderTests {
    private static final int LAYERS = 3;

    @TempDir Path temporary;
    private Path official;
    private Path folder;

    @BeforeEach
    void write() {
        official = temporary.resolve("model.safetensors");
        folder = temporary.resolve("model");
        try (Threads threads = new Threads(1);
                Arena arena = Arena.ofConfined()) {
            InitialWeights initial =
                    Rwkv7Initial.of(new Rwkv7Initial.Sizes(LAYERS, 128, 64, 48, 16, 24, 8, 40), 1);
            Safetensors.write(official, initial.tensors(arena, threads), Map.of());
            try (Checkpoint model = Architectures.open(official)) {
                ModelConversion conversion =
                        new ModelConversion(model, ModelFormat.FOLDER, Optional.empty(), threads);
                assertThat(conversion.lost()).isEmpty();
                conversion.write(folder, _ -> {}, _ -> {});
            }
        }
    }

    @Test
    void itsConfigurationHasTheSizes() {
        try (Checkpoint file = Checkpoints.open(folder)) {
            assertThat(file.names()).contains("model.layers.1.attn.v_lora.lora.2.bias");
            assertThat(file.configuration())
                    .containsEntry("model_type", "rwkv7")
                    .containsEntry("hidden_size", 128L)
                    .containsEntry("num_hidden_layers", 3L)
                    .containsEntry("head_dim", 64L)
                    .containsEntry("num_heads", 2L)
                    .containsEntry("decay_low_rank_dim", 16L)
                    .containsEntry("a_low_rank_dim", 24L)
                    .containsEntry("v_low_rank_dim", 8L)
                    .containsEntry("gate_low_rank_dim", 40L)
                    .containsEntry("intermediate_size", 512L)
                    .containsEntry("vocab_size", 48L)
                    .containsEntry("norm_first", true)
                    .containsEntry("norm_eps", 1e-5);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "hidden_size,128,64",
        "num_hidden_layers,3,4",
        "head_dim,64,32",
        "num_heads,2,4",
        "intermediate_size,512,256",
        "vocab_size,48,49",
        "decay_low_rank_dim,16,24",
        "a_low_rank_dim,24,16",
        "v_low_rank_dim,8,16",
        "gate_low_rank_dim,40,8",
        "norm_eps,1.0E-5,1.0E-4",
        "norm_first,true,false",
        "norm_bias,true,false",
        "tie_word_embeddings,false,true",
        "hidden_act,\"sqrelu\",\"swish\"",
        "model_type,\"rwkv7\",\"rwkv6\""
    })
    void aConfigurationThatContradictsTheTensorsIsRefused(String field, String right, String wrong)
            throws IOException {
        Path file = folder.resolve("config.json");
        String before = "\"" + field + "\": " + right;
        assertThat(file).content().contains(before);
        Files.writeString(
                file, Files.readString(file).replace(before, "\"" + field + "\": " + wrong));
        assertThatThrownBy(() -> Architectures.open(folder))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("its configuration has " + field)
                .hasMessageContaining(wrong.replace("\"", ""))
                .hasMessageContaining("expected")
                .message()
                .doesNotContain("\n");
    }

    @Test
    void theMixesOfTheFirstVersionAreReadFromOneTensor() {
        Checkpoint file = Checkpoints.open(folder);
        CheckpointView.Builder old = CheckpointView.of(file);
        for (String name : file.names()) {
            if (!name.matches(".*attn\\.x_[rwkvag]")) {
                old.keep(name);
            }
        }
        for (int layer = 0; layer < LAYERS; layer++) {
            String prefix = "model.layers." + layer + ".attn.x_";
            old.add(
                    new Checkpoint.Entry(
                            prefix + "x", file.entry(prefix + "r").dtype(), Shape.of(6, 128)),
                    (from, arena) -> {
                        Tensor all =
                                Tensor.allocate(arena, from.tensor(prefix + "r").dtype(), 6, 128);
                        for (int i = 0; i < 6; i++) {
                            all.part(i)
                                    .reshape(1, 1, 128)
                                    .copyFrom(from.tensor(prefix + "rwkvag".charAt(i)));
                        }
                        return all;
                    });
        }
        try (Checkpoint before = Checkpoints.open(official);
                Checkpoint after = Architectures.official(old.build())) {
            for (String mix : Rwkv7Layouts.MIXES) {
                String name = mix.replace("#", "2");
                assertThat(after.tensor(name).toFloats()).isEqualTo(before.tensor(name).toFloats());
            }
        }
    }
}
