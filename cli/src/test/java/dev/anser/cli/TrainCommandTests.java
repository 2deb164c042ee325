package dev.anser.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TrainCommandTests {
    @TempDir private Path folder;

    private Path config;

    @BeforeEach
    void writeConfig() throws IOException {
        Files.writeString(
                folder.resolve("text.txt"),
                "The quick brown fox jumps over the lazy dog.\n".repeat(40));
        config =
                Files.writeString(
                        folder.resolve("small.yaml"),
                        """
                        run: {folder: run}
                        model: {layers: 2, width: 16, headSize: 8}
                        data: {train: text.txt, holdOut: 0.1, context: 15}
                        batch: {sequences: 2}
                        steps: 6
                        evaluate: {every: 3}
                        sample: {every: 6, prompt: The, tokens: 5}
                        checkpoint: {everySteps: 2}
                        seed: 7
                        threads: 2
                        """);
    }

    private Run train(Object... more) {
        List<Object> words = new ArrayList<>(List.of("train", config));
        words.addAll(Arrays.asList(more));
        return Run.of(words.toArray());
    }

    private Path run(String file) {
        return folder.resolve("run").resolve(file);
    }

    @Test
    void trainsAndKeepsEverythingInTheFolder() {
        Run result = train();
        assertThat(result.code()).as(result.err()).isZero();
        assertThat(result.err())
                .contains("of memory (weights")
                .contains("step 6/6  loss")
                .contains("step 3: held-out loss")
                .contains("bits per byte")
                .contains("step 6 wrote: The");
        assertThat(run("config.yaml")).exists();
        assertThat(run("metrics.jsonl")).exists();
        assertThat(run("report.html")).exists();
        assertThat(run("checkpoints/step-00000004/optimiser.safetensors")).exists();
        Run text = Run.of("generate", run("model.safetensors"), "-p", "The", "-n", "3");
        assertThat(text.code()).as(text.err()).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "gptneox", "retnet", "rwkv6"})
    void everyFamilyIsTrainedAndItsModelUsed(String family) {
        Run result = train("--set", "model.architecture=" + family, "--set", "steps=2");
        assertThat(result.code()).as(result.err()).isZero();
        Path model = run("model.safetensors");
        List<Path> forms = new ArrayList<>(List.of(model));
        if (family.equals("retnet")) {
            forms.add(folder.resolve("folder"));
        } else {
            forms.add(folder.resolve("model.gguf"));
        }
        Run converted = Run.of("convert", model, forms.getLast());
        assertThat(converted.code()).as(converted.err()).isZero();
        List<String> texts = new ArrayList<>();
        for (Path form : forms) {
            Run text = Run.of("generate", form, "-p", "The", "-n", 5, "--temperature", 0);
            assertThat(text.code()).as(text.err()).isZero();
            texts.add(text.out());
        }
        assertThat(texts.getLast()).isEqualTo(texts.getFirst());
    }

    @Test
    void aFolderWithARunIsRefusedAndForceBeginsAnew() {
        assertThat(train().code()).isZero();
        Run again = train();
        assertThat(again.code()).isEqualTo(1);
        assertThat(again.err()).contains("there is a run in this folder already");
        assertThat(train("--force").code()).isZero();
    }

    @Test
    void interruptionSavesAndResumingEndsWithTheSameBytes() throws Exception {
        String steps = "steps=300";
        assertThat(
                        train("--set", steps, "--set", "run.folder=" + folder.resolve("straight"))
                                .code())
                .isZero();
        Interruption interruption = new Interruption();
        Thread user =
                Thread.ofPlatform()
                        .start(() -> {
                            while (!Files.exists(run("checkpoints/step-00000002"))) {
                                Thread.onSpinWait();
                            }
                            interruption.request();
                        });
        Run stopped =
                Run.on(new ByteArrayOutputStream(), interruption, "train", config, "--set", steps);
        user.join();
        assertThat(stopped.code()).as(stopped.err()).isEqualTo(Cli.INTERRUPTED);
        assertThat(run("model.safetensors")).doesNotExist();
        Run rest = train("--resume", "--set", steps);
        assertThat(rest.code()).as(rest.err()).isZero();
        assertThat(rest.err()).contains("going on after step");
        assertThat(
                        Files.mismatch(
                                run("model.safetensors"),
                                folder.resolve("straight/model.safetensors")))
                .isEqualTo(-1);
    }

    @Test
    void aChangedModelOrDataIsNotResumed() throws IOException {
        assertThat(train().code()).isZero();
        Run wider = train("--resume", "--set", "model.width=32", "--set", "steps=8");
        assertThat(wider.code()).isEqualTo(1);
        assertThat(wider.err()).contains("model.width is 32, the run to resume has 16");
        Files.writeString(folder.resolve("text.txt"), "Something else.\n".repeat(40));
        Run other = train("--resume", "--set", "steps=8");
        assertThat(other.code()).isEqualTo(1);
        assertThat(other.err()).contains("this run learned from other data");
    }

    @Test
    void mistakesAreOneLineAndNothingIsWritten() {
        for (String[] mistake :
                new String[][] {
                    {"stepz=4", "did you mean steps?"},
                    {"data.train=nowhere.txt", "nowhere.txt"},
                    {"model.vocabulary=64", "vocabulary of 64"},
                    {"data.context=100000", "tokens; expected at least"},
                    {"batch.sequences=1000000", "the run needs about"},
                }) {
            Run result = train("--set", mistake[0]);
            assertThat(result.code()).as(mistake[0]).isEqualTo(1);
            assertThat(result.err().strip().lines())
                    .as(mistake[0])
                    .singleElement()
                    .asString()
                    .startsWith("anser: ")
                    .contains(mistake[1]);
            assertThat(run("config.yaml")).doesNotExist();
        }
    }

    @Test
    void killedThreeTimesItEndsWithTheSameBytes() throws Exception {
        killAndResume(3, 150);
    }

    @Test
    @Tag("slow")
    void killedTwentyTimesItEndsWithTheSameBytes() throws Exception {
        killAndResume(20, 2000);
    }

    /// Trains straight through, then with kills at random moments, each after at least one more
    /// checkpoint.
    private void killAndResume(int kills, int steps) throws Exception {
        String[] length = {"--set", "steps=" + steps, "--set", "sample.every=0"};
        Run straight =
                train(
                        length[0],
                        length[1],
                        length[2],
                        length[3],
                        "--set",
                        "run.folder=" + folder.resolve("straight"));
        assertThat(straight.code()).as(straight.err()).isZero();

        SplittableRandom random = new SplittableRandom();
        int killed = 0;
        for (boolean ended = false; !ended; ) {
            List<String> words = new ArrayList<>(List.of("train", config.toString()));
            words.addAll(List.of(length));
            if (Files.exists(run("config.yaml"))) {
                words.add("--resume");
            }
            long before = lastStep();
            Process process = start(words);
            if (killed == kills) {
                assertThat(process.waitFor(5, TimeUnit.MINUTES)).isTrue();
                assertThat(process.exitValue()).as(Files.readString(log())).isZero();
                ended = true;
            } else {
                while (process.isAlive() && lastStep() == before) {
                    Thread.sleep(1);
                }
                Thread.sleep(random.nextInt(30));
                assertThat(process.isAlive())
                        .as("the run still goes on when it is killed: " + Files.readString(log()))
                        .isTrue();
                process.destroyForcibly().waitFor();
                killed++;
            }
        }
        assertThat(
                        Files.mismatch(
                                run("model.safetensors"),
                                folder.resolve("straight/model.safetensors")))
                .as(killed + " kills")
                .isEqualTo(-1);
    }

    private Path log() {
        return folder.resolve("child.log");
    }

    private Process start(List<String> words) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(
                List.of(
                        "-XX:+UseSerialGC",
                        "--add-modules",
                        "jdk.incubator.vector",
                        "--enable-native-access=dev.anser.tensor",
                        "--module-path",
                        System.getProperty("jdk.module.path"),
                        "--module",
                        "dev.anser.cli/" + Main.class.getName()));
        command.addAll(words);
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log().toFile())
                .start();
    }

    private long lastStep() throws IOException {
        Path checkpoints = run("checkpoints");
        if (!Files.isDirectory(checkpoints)) {
            return 0;
        }
        try (Stream<Path> files = Files.list(checkpoints)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.startsWith("step-"))
                    .mapToLong(name -> Long.parseLong(name.substring(5)))
                    .max()
                    .orElse(0);
        }
    }
}
