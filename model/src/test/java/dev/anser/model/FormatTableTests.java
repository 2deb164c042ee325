package dev.anser.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.anser.base.AnserException;
import dev.anser.checkpoint.Checkpoint;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/// The table in `README.md` of the models that are known and the formats that hold them: every cell
/// of it is tried.
final class FormatTableTests {
    private static final String BOTH = "reads, writes";
    private static final String READS = "reads";
    private static final String NEITHER = "–";

    private static final List<String> ENDINGS =
            List.of(".pth", ".safetensors", "", ".gguf", ".bin", ".st");

    /// What is computed and computed back: a decay or the logarithm of a bonus.
    private static final String COMPUTED = "blocks.*att.time_(decay|first)";

    /// What has no effect, and no place in most layouts.
    private static final String WITHOUT_EFFECT = "blocks.0.att.v[012]";

    @TempDir Path folder;

    /// The lines of the table, cell by cell, without its head.
    private static List<List<String>> lines() throws IOException {
        List<String> readme = Files.readAllLines(Path.of("../README.md"));
        int head = 0;
        while (!readme.get(head).startsWith("| | `.pth`")) {
            head++;
        }
        assertThat(cells(readme.get(head)))
                .containsExactly(
                        "",
                        "`.pth`",
                        "`.safetensors`",
                        "folder with `config.json`",
                        "GGUF",
                        "rwkv.cpp `.bin`",
                        "web-rwkv `.st`");
        return readme.stream()
                .skip(head + 2)
                .takeWhile(line -> line.startsWith("|"))
                .map(FormatTableTests::cells)
                .toList();
    }

    private static List<String> cells(String line) {
        String[] parts = line.split("\\|", -1);
        return Arrays.stream(parts).limit(parts.length - 1).skip(1).map(String::strip).toList();
    }

    static Stream<Arguments> everyCell() throws IOException {
        return lines().stream()
                .flatMap(line ->
                        Stream.iterate(1, i -> i + 1)
                                .limit(ENDINGS.size())
                                .map(i ->
                                        Arguments.of(
                                                line.getFirst(), ENDINGS.get(i - 1), line.get(i))));
    }

    @Test
    void theTableHasEveryArchitecture() throws IOException {
        assertThat(lines())
                .extracting(List::getFirst)
                .containsExactlyInAnyOrderElementsOf(SmallModels.GOLDENS.keySet());
        assertThat(lines()).allSatisfy(line -> assertThat(line).hasSize(1 + ENDINGS.size()));
    }

    private static List<String> convert(Path from, Path to) {
        try (Threads threads = new Threads(1);
                Checkpoint model = Architectures.open(from)) {
            ModelConversion conversion =
                    new ModelConversion(model, ModelFormat.of(to), Optional.empty(), threads);
            conversion.write(to, _ -> {}, _ -> {});
            return conversion.lost();
        }
    }

    /// Why `from` does not become `to`: no such layout, or what it would lose.
    private static String refusal(Path from, Path to) {
        try (Threads threads = new Threads(1);
                Checkpoint model = Architectures.open(from)) {
            ModelFormat format = ModelFormat.of(to);
            return new ModelConversion(model, format, Optional.empty(), threads).lost().toString();
        } catch (AnserException e) {
            return e.getMessage();
        }
    }

    @ParameterizedTest(name = "{0} in \"{1}\": {2}")
    @MethodSource("everyCell")
    void everyCellIsTrue(String architecture, String ending, String cell) throws IOException {
        Path before = SmallModels.write(architecture, folder.resolve("before"));
        Path after = Files.createDirectory(folder.resolve("after")).resolve("model" + ending);
        if (cell.equals(NEITHER)) {
            assertThat(refusal(before, after))
                    .containsAnyOf(
                            "has no layout for",
                            "no configuration to write beside its weights",
                            "RWKV-5.0, which has no gate",
                            "blocks.0.ffn.s_emb.weight")
                    .doesNotContain("\n");
            return;
        }
        List<String> lost = convert(before, after);
        if (cell.equals(READS)) {
            // It can be written by force, and read with its configuration beside it.
            assertThat(lost).singleElement().asString().contains("its configuration");
            Files.copy(before.resolveSibling("config.json"), after.resolveSibling("config.json"));
        } else {
            assertThat(cell).isEqualTo(BOTH);
            boolean epsilon = architecture.startsWith("RWKV-5") && ending.equals(".bin");
            assertThat(lost).hasSize(epsilon ? 1 : 0);
        }
        boolean computed = ending.equals(".bin") && !architecture.equals("RWKV-6");
        assertSame(before, after, computed ? 1e-6f : 0);
        if (!ending.equals(".bin") || !architecture.startsWith("RWKV-5")) {
            assertSameLogits(before, after);
        }
    }

    /// @param computed how far what is computed and computed back may be off
    private static void assertSame(Path before, Path after, float computed) {
        try (Checkpoint expected = Architectures.open(before);
                Checkpoint actual = Architectures.open(after)) {
            assertThat(Architectures.describe(actual)).isEqualTo(Architectures.describe(expected));
            assertThat(withEffect(actual)).isEqualTo(withEffect(expected));
            for (String name : withEffect(expected)) {
                Tensor from = expected.tensor(name);
                Tensor to = actual.tensor(name);
                assertThat(to.shape()).as(name).isEqualTo(from.shape());
                float largest = 0;
                for (long i = 0; i < from.elements(); i++) {
                    largest = Math.max(largest, Math.abs(from.get(i) - to.get(i)));
                }
                float bound = name.matches(COMPUTED) ? computed : 0;
                assertThat(largest).as(name).isLessThanOrEqualTo(bound);
            }
        }
    }

    private static Set<String> withEffect(Checkpoint model) {
        Set<String> names = new LinkedHashSet<>(model.names());
        names.removeIf(name -> name.matches(WITHOUT_EFFECT));
        return names;
    }

    private static void assertSameLogits(Path before, Path after) {
        int[] tokens = {3, 1, 4, 1, 5, 9, 2, 6};
        try (Loaded first = new Loaded(before, "vector", 1);
                Loaded second = new Loaded(after, "vector", 1);
                State a = first.model.newState();
                State b = second.model.newState()) {
            float[] expected = first.logits(a, 8, tokens);
            float[] actual = second.logits(b, 8, tokens);
            for (int i = 0; i < expected.length; i++) {
                float bound = 1e-4f * (1 + Math.abs(expected[i]));
                assertThat(actual[i]).isCloseTo(expected[i], within(bound));
            }
        }
    }

    /// From one format to the next, as far as the architecture goes: what comes back at the end is
    /// what went out. A decay that is no longer a number of F16 is rounded to one in .st.
    @ParameterizedTest
    @CsvSource({
        "RWKV-4,.pth .safetensors .bin .st .pth",
        "RWKV-5.0,.pth .safetensors .bin .pth",
        "RWKV-5.1,.pth .safetensors .st .bin .pth",
        "RWKV-5.2,.pth .safetensors .bin .st .pth",
        "RWKV-6,.pth .safetensors .gguf .bin .st .pth",
        "RWKV-7,.pth .safetensors .gguf .bin .st / .pth",
        "ARWKV-7,/ .gguf /",
        "LLaMA,/ .gguf /",
        "GPT-NeoX,/ .gguf /",
        "RetNet,/ /"
    })
    void aModelComesBackFromAllFormatsAsItWas(String architecture, String way) {
        Path before = SmallModels.write(architecture, folder.resolve("before"));
        List<Path> files = new ArrayList<>(List.of(before));
        for (String ending : way.split(" ")) {
            String name = "step" + files.size() + (ending.equals("/") ? "" : ending);
            Path next = folder.resolve(name);
            convert(files.getLast(), next);
            files.add(next);
        }
        assertSame(before, files.getLast(), architecture.equals("RWKV-6") ? 0 : 3e-4f);
    }
}
