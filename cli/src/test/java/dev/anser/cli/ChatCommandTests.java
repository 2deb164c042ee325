package dev.anser.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChatCommandTests {
    @TempDir Path folder;

    private Run chat(String input) {
        return Run.with(input, "chat", Run.tinyModel(folder), "-n", 12, "--seed", 1);
    }

    @Test
    void theEmbeddedModelEndsTheParagraphsThatTheUserBegins() {
        Run run =
                Run.with(
                        "Once upon a time\nThe next day\n/rewind\nThe next day\n/think on\n",
                        "chat",
                        "--temperature",
                        0,
                        "-n",
                        200);
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out().lines()).hasSize(3).doesNotContain("");
        assertThat(run.out().lines().toList().get(2)).isEqualTo(run.out().lines().toList().get(1));
        assertThat(run.err()).contains("took back 1 turn", "does not think first");
    }

    @Test
    void everyMessageIsAnswered() {
        Run run = chat("hello\nand you\n");
        assertThat(run.code()).isZero();
        assertThat(run.out().lines()).hasSize(2);
        assertThat(run.err()).isEmpty();
    }

    @Test
    void severalLinesAreOneMessage() {
        assertThat(chat("\"\"\"one\ntwo\"\"\"\n").out()).isEqualTo(chat("one\\\ntwo\n").out());
        assertThat(chat("\"\"\"one\ntwo\"\"\"\n").out().lines()).hasSize(1);
    }

    @Test
    void rewindAndResetTakeTurnsBack() {
        String once = chat("hello\n").out();
        assertThat(chat("hello\n/rewind\nhello\n").out()).isEqualTo(once + once);
        assertThat(chat("hello\nmore\n/rewind 2\nhello\n").out()).startsWith(once).endsWith(once);
        assertThat(chat("hello\nmore\n/reset\nhello\n").out()).startsWith(once).endsWith(once);
        assertThat(chat("/rewind\n").err()).contains("no turn to take back");
        assertThat(chat("hello\n/rewind 2\n").err()).contains("1 to 1", "'2'");
        assertThat(chat("hello\n/rewind x\n").err()).contains("'x'");
    }

    @Test
    void aSavedConversationGoesOn() {
        Path file = folder.resolve("talk.safetensors");
        String both = chat("hello\nmore\n").out();
        String more = both.lines().toList().get(1);
        Run saved = chat("hello\n/save " + file + "\n");
        assertThat(saved.err()).contains("saved to");
        assertThat(file).exists();
        assertThat(chat("/load " + file + "\nmore\n").out().strip()).isEqualTo(more.strip());
        Run missing = chat("hello\n/load nowhere\n/save " + folder.resolve("a/b") + "\n/load\n");
        assertThat(missing.code()).isZero();
        assertThat(missing.err()).contains("nowhere", "not a folder", "/load needs a file");
    }

    @Test
    void settingsAreCheckedAndKept() {
        Run run = chat("/set temperature 0\n/set top-p 7\n/set speed 1\n/set order x\n/set seed\n");
        assertThat(run.code()).isZero();
        assertThat(run.err())
                .contains("temperature is 0", "top-p is 7, expected 0 to 1", "no setting speed")
                .contains("/set order", "/set needs a name and a value");
        Path model = Run.tinyModel(folder);
        String greedy = Run.with("/set temperature 0\nhello\n", "chat", model, "-n", 12).out();
        assertThat(greedy)
                .isEqualTo(Run.with("hello\n", "chat", model, "-n", 12, "--temperature", 0).out());
    }

    @Test
    void otherCommandsAnswer() {
        Run run = chat("/help\n/think long\n/think sideways\n/dance\n/exit\nnever read\n");
        assertThat(run.code()).isZero();
        assertThat(run.out()).contains("/save FILE", "/rewind [N]").doesNotContain("\u001b");
        assertThat(run.err()).contains("thinking is long", "sideways", "no command /dance");
        assertThat(chat("/think on\nhello\n").out()).startsWith("<think");
    }

    @Test
    void throughAPipeItSpeaksPlainText() throws IOException, InterruptedException {
        String jars =
                Stream.of(
                                System.getProperty("java.class.path"),
                                System.getProperty("jdk.module.path", ""))
                        .filter(path -> !path.isEmpty())
                        .collect(Collectors.joining(File.pathSeparator));
        ProcessBuilder builder =
                new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--add-modules=jdk.incubator.vector",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        jars,
                        Main.class.getName(),
                        "chat",
                        "-n",
                        "5",
                        "--temperature",
                        "0");
        builder.environment().put("HOME", folder.toString());
        builder.redirectError(folder.resolve("err.txt").toFile());
        Process process = builder.start();
        process.getOutputStream().write("hello\n/set top-k 3\n".getBytes(StandardCharsets.UTF_8));
        process.getOutputStream().close();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(2, TimeUnit.MINUTES)).isTrue();
        assertThat(process.exitValue()).isZero();
        assertThat(out).endsWith("\n").doesNotContain("\u001b", "> ");
        assertThat(Files.readString(folder.resolve("err.txt"))).contains("anser: top-k is 3");
    }
}
