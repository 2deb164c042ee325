package dev.anser.generate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.model.Architectures;
import dev.anser.model.LanguageModel;
import dev.anser.tensor.Backends;
import dev.anser.tensor.EagerOps;
import dev.anser.tensor.Threads;
import dev.anser.text.WorldTokenizer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// The real, trained RWKV-7 that reverses digits, through everything that stands in this room.
class ReversingModelTests {
    private static final Path FOLDER =
            Path.of("..", "model", "src", "test", "resources", "golden", "rwkv7-reverse");
    private static final Pattern SAMPLE =
            Pattern.compile("\"input\": \"([0-9]+)\", \"expected\": \"([0-9]+#)\"");

    private static Threads threads;
    private static EagerOps ops;
    private static Checkpoint checkpoint;
    private static LanguageModel model;

    @BeforeAll
    static void open() {
        threads = new Threads(2);
        ops = Backends.choose().newOps(threads);
        checkpoint = Checkpoints.open(FOLDER.resolve("model-folded-L4.pth"));
        model = Architectures.load(checkpoint);
    }

    @AfterAll
    static void close() {
        model.close();
        checkpoint.close();
        ops.close();
        threads.close();
    }

    private static WorldTokenizer digits() {
        StringBuilder lines = new StringBuilder();
        for (int id = 0; id < 12; id++) {
            lines.append(id).append(" '").append("0123456789,#".charAt(id)).append("' 1\r\n");
        }
        byte[] content = lines.toString().getBytes(StandardCharsets.UTF_8);
        return WorldTokenizer.load("digits.txt", content);
    }

    @Test
    void everySampleIsReversed() throws IOException {
        GenerationOptions options =
                GenerationOptions.builder()
                        .sampling(SamplerSettings.greedy())
                        .stops(List.of("#"))
                        .build();
        Matcher sample = SAMPLE.matcher(Files.readString(FOLDER.resolve("samples.json")));
        int count = 0;
        while (sample.find()) {
            try (Session session = new Session(model, ops, 16)) {
                StringBuilder streamed = new StringBuilder();
                Generation result =
                        new Generator(session, digits())
                                .generate(sample.group(1) + ",", options, streamed::append);
                assertThat(result.text() + "#").isEqualTo(sample.group(2));
                assertThat(streamed).hasToString(result.text());
                assertThat(result.finishReason()).isEqualTo(FinishReason.STOP);
                assertThat(session.position())
                        .isEqualTo(sample.group(1).length() + sample.group(2).length());
            }
            count++;
        }
        assertThat(count).isEqualTo(200);
    }
}
