package dev.anser.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anser.tensor.DType;
import dev.anser.tensor.Tensor;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Files written by PyTorch and safetensors themselves read to the values they were written with.
class GoldenFormatsTests {
    private record Expected(String key, DType dtype, String shape, String name) {}

    private static List<Expected> expected() {
        String table = new String(Goldens.bytes("formats/torture.tsv"), StandardCharsets.UTF_8);
        return table.lines()
                .map(line -> line.split("\t"))
                .map(f -> new Expected(f[0], DType.valueOf(f[1]), f[2], f[3]))
                .toList();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "torture.pth",
                "torture-legacy.pth",
                "torture-plain-dict-protocol4.pth",
                "torture.safetensors"
            })
    void everyTensorHasItsExpectedValues(String file) {
        Map<String, NpyArray> values = Npz.read(Goldens.bytes("formats/torture_expected.npz"));
        try (Checkpoint checkpoint = Checkpoints.open(Goldens.local("formats/" + file))) {
            List<String> names = new ArrayList<>();
            for (Expected expected : expected()) {
                names.add(expected.name());
                assertThat(checkpoint.entry(expected.name()).dtype()).isEqualTo(expected.dtype());
                assertThat(checkpoint.entry(expected.name()).shape()).hasToString(expected.shape());
                assertThat(Elements.of(checkpoint.tensor(expected.name())))
                        .as(expected.name())
                        .containsExactly(
                                Objects.requireNonNull(values.get(expected.key())).doubles());
            }
            assertThat(checkpoint.names()).containsExactlyInAnyOrderElementsOf(names);
            assertThat(checkpoint.format()).isEqualTo(file.replaceFirst(".*\\.", ""));
        }
    }

    @Test
    void torchNamesKeepTheFilesOrder() {
        try (Checkpoint checkpoint = Checkpoints.open(Goldens.local("formats/torture.pth"))) {
            assertThat(checkpoint.names())
                    .containsExactlyElementsOf(expected().stream().map(Expected::name).toList());
        }
    }

    @Test
    void nestedDictionariesJoinTheirNamesAndKeepNumbersAsText() {
        try (Checkpoint checkpoint = Checkpoints.open(Goldens.local("formats/nested.pth"))) {
            assertThat(checkpoint.names())
                    .containsExactly(
                            "state_dict.contig.weight",
                            "state_dict.bf16",
                            "state_dict.shared.col",
                            "step");
            assertThat(Elements.of(checkpoint.tensor("step"))).containsExactly(7);
            assertThat(checkpoint.metadata())
                    .containsEntry("epoch", "3")
                    .containsEntry("lr", "6.0E-4")
                    .containsEntry("name", "x")
                    .containsEntry("flags.0", "true")
                    .containsEntry("flags.1", "null")
                    .containsEntry("flags.2.0", "1")
                    .containsEntry("flags.2.1", "2.5");
        }
    }

    @Test
    void theSameTensorComesAtEveryCall() {
        try (Checkpoint checkpoint = Checkpoints.open(Goldens.local("formats/torture.pth"))) {
            Tensor strided = checkpoint.tensor("transposed.weight");
            assertThat(checkpoint.tensor("transposed.weight")).isSameAs(strided);
            assertThat(checkpoint.tensor("shared.b").address())
                    .isEqualTo(checkpoint.tensor("shared.a").address() + 24 * 4);
        }
    }

    static Stream<Path> models() {
        return Stream.of(
                        Goldens.sharedFiles("golden/inference", ".pth"),
                        Goldens.sharedFiles("golden/inference", ".safetensors"),
                        Goldens.sharedFiles("golden/real/rwkv7-reverse", ".pth"),
                        Goldens.sharedFiles("golden/real/rwkv7-reverse", ".safetensors"),
                        Goldens.sharedFiles("data/rwkv/rwkv.cpp-tests", "FP32.bin"),
                        Goldens.sharedFiles("data/rwkv/rwkv.cpp-tests", "FP16.bin"))
                .flatMap(files -> files);
    }

    @ParameterizedTest
    @MethodSource("models")
    void everyModelReadsFinite(Path file) {
        try (Checkpoint checkpoint = Checkpoints.open(file)) {
            assertThat(checkpoint.names()).hasSizeGreaterThan(0);
            for (String name : checkpoint.names()) {
                for (double value : Elements.of(checkpoint.tensor(name))) {
                    assertThat(value).as(name).isFinite();
                }
            }
        }
    }

    @Test
    void torchAndSafetensorsOfOneModelAgree() {
        Path folder = Goldens.shared("golden/inference/rwkv7-L2-D64-hs32-half");
        for (String type : List.of("bf16", "fp16")) {
            try (Checkpoint torch = Checkpoints.open(folder.resolve("model-" + type + ".pth"));
                    Checkpoint safe =
                            Checkpoints.open(folder.resolve("model-" + type + ".safetensors"))) {
                assertThat(torch.names()).containsExactlyInAnyOrderElementsOf(safe.names());
                for (String name : torch.names()) {
                    assertThat(torch.entry(name)).isEqualTo(safe.entry(name));
                    assertThat(torch.tensor(name).segment().mismatch(safe.tensor(name).segment()))
                            .as(name)
                            .isEqualTo(-1);
                }
            }
        }
    }

    @Test
    void rwkvCppTensorsHaveReversedAxesAndTheHeaderIsMetadata() {
        Path file = Goldens.shared("data/rwkv/rwkv.cpp-tests/tiny-rwkv-7v0-834K-FP32.bin");
        try (Checkpoint checkpoint = Checkpoints.open(file)) {
            assertThat(checkpoint.format()).isEqualTo("rwkv.cpp");
            assertThat(checkpoint.metadata()).containsEntry("n_vocab", "256");
            String width = checkpoint.metadata().get("n_embed");
            assertThat(checkpoint.entry("emb.weight").shape()).hasToString("[256, " + width + "]");
        }
    }
}
