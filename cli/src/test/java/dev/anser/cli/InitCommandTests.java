package dev.anser.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class InitCommandTests {
    @TempDir Path folder;

    @Test
    void nothingIsOverwrittenWithoutForce() throws IOException {
        Path out = Files.writeString(folder.resolve("m.safetensors"), "precious");
        Run run = Run.of("init", "0.1b", out);
        assertThat(run.code()).isEqualTo(1);
        assertThat(run.err()).contains("m.safetensors", "--force");
        assertThat(out).hasContent("precious");
    }

    @Test
    void badInputIsNamed() {
        Run preset = Run.of("init", "7b", folder.resolve("m"));
        assertThat(preset.code()).isEqualTo(1);
        assertThat(preset.err())
                .contains("'7b'", "0.1b, 0.4b, 1.5b, 2.9b, 7.2b, 13.3b, rwkv4-0.1b");
        Run type = Run.of("init", "0.1b", folder.resolve("m"), "--type", "int8");
        assertThat(type.code()).isEqualTo(2);
        assertThat(type.err()).contains("int8");
        Run where = Run.of("init", "0.1b", folder.resolve("a/b"));
        assertThat(where.code()).isEqualTo(1);
        assertThat(where.err()).contains("not a folder");
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "gptneox", "retnet", "rwkv5"})
    void everyFamilyHasModelsOfOnesOwnSizes(String family) throws IOException {
        String sizes = "layers=2,width=32,headSize=16,vocabulary=50";
        Path file = folder.resolve("m.safetensors");
        Path made = folder.resolve("made");
        for (Path out : List.of(file, made)) {
            Run run = Run.of("init", family, out, "--size", sizes, "--seed", 3);
            assertThat(run.code()).as(run.err()).isZero();
            assertThat(Run.of("info", out, "--json").out())
                    .contains("\"" + family + "\"", "\"layers\":2", "\"width\":32");
        }
        boolean configured = !family.equals("rwkv5");
        assertThat(Files.exists(folder.resolve("config.json"))).isEqualTo(configured);
        assertThat(Files.isDirectory(made)).isEqualTo(configured);
        Path weights = configured ? made.resolve("model.safetensors") : made;
        assertThat(Files.mismatch(file, weights)).isEqualTo(-1);
    }

    @Test
    void theConfigurationOfAnotherModelIsNotOverwritten() throws IOException {
        Path theirs = Files.writeString(folder.resolve("config.json"), "{\"a\": 1}");
        Path out = folder.resolve("m.safetensors");
        String sizes = "layers=1,width=64,vocabulary=9";
        Run run = Run.of("init", "llama", out, "--size", sizes, "--force");
        assertThat(run.code()).isEqualTo(1);
        assertThat(run.err()).contains("config.json: is of another model");
        assertThat(theirs).hasContent("{\"a\": 1}");
        assertThat(out).doesNotExist();
        assertThat(Run.of("init", "rwkv4", out, "--size", sizes).code()).isZero();
    }

    @Test
    void wrongSizesAreNamed() {
        String sizes = "layers=1,width=64,vocabulary=9,keyHeads=2";
        for (String[] mistake :
                new String[][] {
                    {"llama", "layers=1,vocabulary=9", "--size: width is missing"},
                    {"llama", "layers=1,width=64", "--size: vocabulary is missing"},
                    {"rwkv7", sizes, "--size: keyHeads is no size of rwkv7 models"},
                    {"llama", sizes, "--size: keyHeads is 2; expected a divisor of the 1 heads"},
                    {"0.1b", sizes, "--size is for a family, and 0.1b is none"},
                    {"retnet", "layers=many", "'many' is not an int"},
                }) {
            Run run = Run.of("init", mistake[0], folder.resolve("m"), "--size", mistake[1]);
            assertThat(run.code()).as(mistake[2]).isEqualTo(2);
            assertThat(run.err()).contains(mistake[2]);
        }
        Run ending =
                Run.of(
                        "init",
                        "llama",
                        folder.resolve("m.gguf"),
                        "--size",
                        "layers=1,width=64,vocabulary=9");
        assertThat(ending.code()).isEqualTo(2);
        assertThat(ending.err()).contains("expected a name that ends with .safetensors");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void controlCLeavesNothingBehind() {
        Interruption interruption = new Interruption();
        interruption.request();
        Run run =
                Run.on(
                        new java.io.ByteArrayOutputStream(),
                        interruption,
                        "init",
                        "0.1b",
                        folder.resolve("m"));
        assertThat(run.code()).isEqualTo(130);
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    @Tag("slow")
    void theSameSeedWritesTheSameFile() throws IOException {
        Path first = folder.resolve("a.safetensors");
        Path second = folder.resolve("b.safetensors");
        assertThat(Run.of("init", "0.1b", first, "--seed", 3, "-t", 1).code()).isZero();
        assertThat(Run.of("init", "0.1b", second, "--seed", 3, "-t", 3).code()).isZero();
        assertThat(Files.mismatch(first, second)).isEqualTo(-1);
        Run info = Run.of("info", first, "--json");
        assertThat(info.out()).contains("\"parameters\":191084544", "\"layers\":12", "\"BF16\"");
        assertThat(Run.of("init", "0.1b", second, "--seed", 4, "--force").code()).isZero();
        assertThat(Files.mismatch(first, second)).isNotEqualTo(-1);
    }
}
