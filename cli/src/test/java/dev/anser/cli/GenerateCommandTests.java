package dev.anser.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GenerateCommandTests {
    @TempDir Path folder;

    @Test
    void theReversingModelReversesAllItsSamples() {
        Run.Reversing reversing = Run.Reversing.in(folder);
        String samples =
                new String(Run.resource("golden/reverse/samples.json"), StandardCharsets.UTF_8);
        Matcher sample =
                Pattern.compile("\"input\": \"([0-9]+)\", \"expected\": \"([0-9]+#)\"")
                        .matcher(samples);
        int count = 0;
        while (sample.find()) {
            String input = sample.group(1);
            Run run =
                    Run.of(
                            "generate",
                            reversing.model(),
                            "--vocab",
                            reversing.vocabulary(),
                            "-p",
                            input + ",",
                            "-n",
                            input.length() + 1,
                            "--temperature",
                            0);
            assertThat(run.out()).isEqualTo(sample.group(2) + "\n");
            count++;
        }
        assertThat(count).isEqualTo(200);
    }

    @Test
    void theEmbeddedModelWritesWithoutAnyFile() {
        Run run = Run.of("generate", "-p", "Once upon a time", "-n", 40, "--temperature", 0);
        assertThat(run.code()).as(run.err()).isZero();
        // Words, as a tale has them.
        assertThat(run.out()).matches("[ \\n\"',.;:!?—A-Za-z-]+").contains(" the ", " and ");
        assertThat(run.err()).matches("(?s)anser: prompt [2-8] tokens.*");
    }

    /// The weights that the jar has are those that the model card speaks of.
    @Test
    void theEmbeddedModelKnowsItsBooks() throws IOException {
        Path text =
                Files.writeString(
                        folder.resolve("text"),
                        "\"Curiouser and curiouser!\" cried Alice (she was so much surprised, that for the"
                                + " moment she quite forgot how to speak good English).\n");
        Run run = Run.of("evaluate", "--text", text, "--json");
        assertThat(run.code()).as(run.err()).isZero();
        Matcher bits = Pattern.compile("\"bitsPerByte\":([0-9.]+)").matcher(run.out());
        assertThat(bits.find()).isTrue();
        assertThat(Double.parseDouble(bits.group(1))).isBetween(0.5, 2.0);
    }

    @Test
    void aSeedRepeatsTheText() {
        String first = Run.of("generate", "-p", "Once", "-n", 30, "--seed", 5).out();
        assertThat(Run.of("generate", "-p", "Once", "-n", 30, "--seed", 5).out()).isEqualTo(first);
        assertThat(Run.of("generate", "-p", "Once", "-n", 30, "--seed", 6).out())
                .isNotEqualTo(first);
        assertThat(Run.with("Once", "generate", "-p", "-", "-n", 30, "--seed", 5).out())
                .isEqualTo(first);
        assertThat(Run.with("Once", "generate", "-n", 30, "--seed", 5).out()).isEqualTo(first);
    }

    @Test
    void stopsAndBudgetsEndTheText() {
        Run.Reversing reversing = Run.Reversing.in(folder);
        Run stop =
                Run.of(
                        "generate",
                        reversing.model(),
                        "--vocab",
                        reversing.vocabulary(),
                        "-p",
                        "1234,",
                        "--temperature",
                        0,
                        "--stop",
                        "x",
                        "--stop",
                        "#",
                        "--json");
        assertThat(stop.code()).isZero();
        assertThat(stop.out())
                .startsWith(
                        "{\"text\":\"4321\",\"tokens\":[4,3,2,1],\"finishReason\":\"stop\","
                                + "\"promptTokens\":5,\"generatedTokens\":5,");
        Run none = Run.of("generate", "-p", "x", "-n", 0, "--json");
        assertThat(none.out()).contains("\"text\":\"\"", "\"finishReason\":\"length\"");
    }

    @Test
    void aStateCarriesTheTextOn() {
        Path state = folder.resolve("s.safetensors");
        Run.Reversing reversing = Run.Reversing.in(folder);
        Run first =
                Run.of(
                        "generate",
                        reversing.model(),
                        "--vocab",
                        reversing.vocabulary(),
                        "-p",
                        "123",
                        "-n",
                        0,
                        "--temperature",
                        0,
                        "--state-out",
                        state);
        assertThat(first.code()).isZero();
        Run second =
                Run.of(
                        "generate",
                        reversing.model(),
                        "--vocab",
                        reversing.vocabulary(),
                        "-p",
                        ",",
                        "-n",
                        4,
                        "--temperature",
                        0,
                        "--state-in",
                        state);
        assertThat(second.out()).isEqualTo("321#\n");
        Run other = Run.of("generate", "-p", "x", "--state-in", state);
        assertThat(other.code()).isEqualTo(1);
        assertThat(other.err()).contains("s.safetensors");
    }

    @Test
    void controlCPrintsWhatThereIs() {
        Interruption interruption = new Interruption();
        ByteArrayOutputStream out =
                new ByteArrayOutputStream() {
                    @Override
                    public synchronized void write(byte[] bytes, int offset, int length) {
                        super.write(bytes, offset, length);
                        interruption.request();
                    }
                };
        Run run = Run.on(out, interruption, "generate", "-p", "She said", "--temperature", 0);
        assertThat(run.code()).isEqualTo(130);
        assertThat(out.toString(StandardCharsets.UTF_8)).endsWith("\n").hasSizeBetween(2, 10);
    }

    private static void refused(int code, Object[] arguments, String... messages) {
        Run run = Run.of(arguments);
        assertThat(run.code()).isEqualTo(code);
        assertThat(run.bytes()).isEmpty();
        assertThat(run.err())
                .startsWith("anser: ")
                .contains(messages)
                .doesNotContain("internal error");
    }

    private static Object[] generate(Object... options) {
        Object[] arguments = new Object[options.length + 1];
        arguments[0] = "generate";
        System.arraycopy(options, 0, arguments, 1, options.length);
        return arguments;
    }

    @Test
    void badInputIsNamed() throws IOException {
        refused(2, generate("-p", ""), "empty");
        refused(2, generate("-p", "-"), "empty");
        refused(2, generate("-p", "x", "-n", -1), "-1");
        refused(2, generate("-p", "x", "-n", "many"), "many");
        refused(2, generate("-p", "x", "--temperature", -1), "temperature is -1", "0 to 100");
        refused(2, generate("-p", "x", "--temperature", "NaN"), "temperature");
        refused(2, generate("-p", "x", "--top-p", 1.5), "top-p is 1.5");
        refused(2, generate("-p", "x", "--top-k", -2), "top-k");
        refused(2, generate("-p", "x", "--order", "none"), "none");
        refused(2, generate("-p", "x", "--stop", ""), "stop");
        refused(1, generate("no.pth", "-p", "x"), "no.pth");
        refused(1, generate("-p", "x", "--state-out", folder.resolve("a/b")), "not a folder");
        refused(1, generate("-p", "x", "-t", 5000), "5000");
        Run.Reversing reversing = Run.Reversing.in(folder);
        refused(1, generate(reversing.model(), "-p", "x"), "reverse.pth", "--vocab");
        refused(1, generate("-p", "x", "--vocab", reversing.vocabulary()), "does not fit");
        refused(
                1,
                generate(reversing.model(), "-p", "abc", "--vocab", reversing.vocabulary()),
                "digits.txt");
        Path large = Files.writeString(folder.resolve("large.txt"), "500 'a' 1\n");
        refused(
                1,
                generate(reversing.model(), "-p", "a", "--vocab", large),
                "large.txt",
                "500",
                "11");
    }

    @Test
    void theVocabularyBesideTheModelIsFound() throws IOException {
        Run.Reversing reversing = Run.Reversing.in(folder);
        Files.copy(reversing.vocabulary(), folder.resolve("rwkv_vocab_digits.txt"));
        Run one = Run.of("generate", reversing.model(), "-p", "12,", "-n", 3, "--temperature", 0);
        assertThat(one.out()).isEqualTo("21#\n");
        Files.copy(reversing.vocabulary(), folder.resolve("rwkv_vocab_other.txt"));
        refused(1, generate(reversing.model(), "-p", "12,"), "2 vocabularies", "--vocab");
    }
}
