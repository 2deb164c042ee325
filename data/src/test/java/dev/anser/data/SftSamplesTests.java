package dev.anser.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anser.text.ByteTokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SftSamplesTests {
    @TempDir Path folder;

    private static SftSamples.Settings settings(int length, LossMask mask, boolean packing) {
        return new SftSamples.Settings(length, mask, packing, 0);
    }

    private SftSamples samples(String lines, SftSamples.Settings settings) {
        return new SftSamples(Data.text(folder, "a.jsonl", lines), new ByteTokenizer(), settings);
    }

    /// The targets that count, as text; `·` for the others, `0` for a counted end, `_` for filling.
    private static String shown(SftSamples samples, long index) {
        int[] tokens = new int[samples.length() + 1];
        boolean[] counts = new boolean[samples.length()];
        Arrays.fill(tokens, -1);
        samples.read(index, tokens, counts);
        StringBuilder text = new StringBuilder();
        for (int t = 0; t < samples.length(); t++) {
            int target = tokens[t + 1];
            char c = target == 0 ? '0' : (char) target;
            text.append(counts[t] ? c : target == 0 ? '_' : '·');
        }
        return text.toString();
    }

    private static final String TEXT =
            "{\"text\":\"User: a\\n\\nAssistant: bc\\n\\nd\\n\\nUser: e\\n\\nAssistant: f\"}";

    @Test
    void onlyWhatTheAssistantSaysCountsWithTheEndOfItsTurn() {
        String prompt = "·".repeat("ser: a\n\nAssistant:".length());
        String next = "·".repeat("User: e\n\nAssistant:".length());
        assertThat(shown(samples(TEXT, settings(60, LossMask.PROMPT, false)), 0))
                .isEqualTo(prompt + " bc\n\nd\n\n" + next + " f0" + "_".repeat(12));
    }

    @Test
    void masksCountMoreOnRequest() {
        String said = "ser: a\n\nAssistant: bc\n\nd\n\nUser: e\n\nAssistant: f0";
        assertThat(shown(samples(TEXT, settings(60, LossMask.PAD, false)), 0))
                .isEqualTo(said + "_".repeat(12));
        assertThat(shown(samples(TEXT, settings(60, LossMask.NONE, false)), 0))
                .isEqualTo(said + "0".repeat(12));
    }

    @Test
    void messagesAreWrittenByTheChatTemplate() {
        String messages =
                "{\"messages\":[{\"role\":\"system\",\"content\":\"s\"},"
                        + "{\"role\":\"user\",\"content\":\"a\\n\\n\\nb \"},"
                        + "{\"content\":\" bc\\n\\nd\",\"role\":\"assistant\",\"name\":\"x\"},"
                        + "{\"role\":\"tool\",\"content\":\"e\"},"
                        + "{\"role\":\"assistant\",\"content\":\"f\"}]}";
        SftSamples samples = samples(messages, settings(100, LossMask.PAD, false));
        String said =
                "ystem: s\n\nUser: a\nb\n\nAssistant: bc\n\nd\n\n"
                        + "User: Function output:\ne\n\nAssistant: f0";
        assertThat(shown(samples, 0)).startsWith(said + "_");
        String prompt = "·".repeat("ystem: s\n\nUser: a\nb\n\nAssistant:".length());
        String next = "·".repeat("User: Function output:\ne\n\nAssistant:".length());
        assertThat(shown(samples(messages, settings(100, LossMask.PROMPT, false)), 0))
                .startsWith(prompt + " bc\n\nd\n\n" + next + " f0_");
    }

    @Test
    void aReplyIsEncodedApartFromItsPromptAsWhenAModelIsUsed() {
        // Greedy matching of the whole text would take ": b" as one token.
        var tokenizer = Data.vocabulary(": b", "b\n\n");
        Conversation conversation =
                Conversation.ofText("User: b\n\nAssistant: b\n\nUser: x\n\nAssistant: b");
        int[] ids = conversation.encode(tokenizer).ids();
        assertThat(ids).containsOnlyOnce(257);
        assertThat(ids).contains(258);
        assertThat(new String(tokenizer.decode(ids), StandardCharsets.UTF_8))
                .isEqualTo("User: b\n\nAssistant: b\n\nUser: x\n\nAssistant: b");
    }

    @Test
    void packingPutsConversationsTogetherAndLosesNone() {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < 40; i++) {
            String reply = "x".repeat(i % 7);
            lines.append("{\"text\":\"User: a\\n\\nAssistant:").append(reply).append("\"}\n");
        }
        SftSamples packed = samples(lines.toString(), settings(79, LossMask.PROMPT, true));
        SftSamples padded = samples(lines.toString(), settings(79, LossMask.PROMPT, false));
        assertThat(padded.count()).isEqualTo(40);
        // 40 conversations of 20 to 26 tokens, three to a sample of 80.
        assertThat(packed.count()).isEqualTo(14);
        assertThat(counted(packed)).isEqualTo(counted(padded)).isEqualTo(40 + 5 * 21 + 10);
        assertThat(packed.fingerprint()).isNotEqualTo(padded.fingerprint());
    }

    private static int counted(SftSamples samples) {
        int counted = 0;
        for (int i = 0; i < samples.count(); i++) {
            for (char c : shown(samples, i).toCharArray()) {
                counted += c == '0' || c == 'x' ? 1 : 0;
            }
        }
        return counted;
    }

    @Test
    void longConversationsAreCutAndThoseWithoutAReplyLeftOut() {
        String lines =
                """
                {"text":"User: a\\n\\nAssistant: long reply"}
                {"text":"User: a question that is long\\n\\nAssistant: b"}
                """;
        SftSamples samples = samples(lines, settings(24, LossMask.PROMPT, true));
        assertThat(samples.conversations()).isEqualTo(2);
        assertThat(samples.truncated()).isEqualTo(2);
        assertThat(samples.leftOut()).isEqualTo(1);
        assertThat(samples.count()).isEqualTo(1);
        assertThat(shown(samples, 0)).endsWith("· long ");
        assertThat(samples.largestToken()).isEqualTo('t');
        assertThatThrownBy(() -> samples(lines, settings(10, LossMask.PROMPT, true)))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("first 11 tokens");
    }

    @Test
    void wrongLinesAreNamed() {
        refuses("{\"text\":\"hello\"}", "line 1 cannot be learned from: the text has no turn");
        refuses("{\"text\":\"x Assistant: y\"}", "no turn that begins");
        refuses("\n{\"a\":1}", "line 2 has neither \"text\" nor \"messages\"");
        refuses("{\"text\":\"\",\"messages\":[]}", "both");
        refuses("{\"messages\":[]}", "does not end with a message of the assistant");
        refuses("{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}", "does not end with");
        refuses(
                "{\"messages\":[{\"role\":\"assistant\",\"content\":\"a\"}]}",
                "the conversation is empty");
        refuses("{\"messages\":[{\"role\":\"usr\",\"content\":\"a\"}]}", "role \"usr\"");
        refuses("{\"messages\":[{\"content\":\"a\"}]}", "role missing");
        refuses("{\"messages\":[{\"role\":\"user\"}]}", "without \"content\"");
        refuses("{\"messages\":[1]}", "a message that is no object");
        refuses("{\"messages\":1}", "\"messages\" that is no array");
        refuses("{\"messages\":[{\"role\":\"user\",\"content\":[]}]}", "no string");
    }

    private void refuses(String lines, String why) {
        assertThatThrownBy(() -> samples(lines, settings(60, LossMask.PROMPT, true)))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("a.jsonl: ")
                .hasMessageContaining(why);
    }

    /// Lines of the data that RWKV-LM comes with.
    @Test
    void theOfficialExampleIsLearnedFrom() throws IOException {
        Path file = folder.resolve("demo.jsonl");
        try (InputStream in = getClass().getResourceAsStream("/rwkv-demo.jsonl")) {
            if (in == null) {
                throw new AssertionError("rwkv-demo.jsonl is missing");
            }
            Files.write(file, in.readAllBytes());
        }
        SftSamples samples =
                new SftSamples(file, new ByteTokenizer(), settings(1023, LossMask.PROMPT, true));
        assertThat(samples.conversations()).isEqualTo(4);
        assertThat(samples.truncated()).isZero();
        StringBuilder counted = new StringBuilder();
        for (int i = 0; i < samples.count(); i++) {
            counted.append(shown(samples, i));
        }
        assertThat(counted.toString())
                .contains("· No0·")
                .contains(
                        "· What does Jesse need to do in order to successfully complete his task");
    }
}
