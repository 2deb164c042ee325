package dev.anser.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.TensorCheckpoint;
import dev.anser.data.Documents;
import dev.anser.data.PromptCompletion;
import dev.anser.model.Architectures;
import dev.anser.model.Batch;
import dev.anser.model.LanguageModel;
import dev.anser.model.State;
import dev.anser.model.rwkv7.Rwkv7Initial;
import dev.anser.tensor.Backends;
import dev.anser.tensor.EagerOps;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import dev.anser.text.ByteTokenizer;
import dev.anser.text.Tokenizer;
import dev.anser.text.WorldTokenizer;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Scores against the definition, computed in double precision from the logits of one pass.
class EvaluationTests {
    @TempDir Path folder;
    private final Arena arena = Arena.ofShared();
    private final Threads threads = new Threads(2);
    private Checkpoint checkpoint;
    private LanguageModel model;
    private EagerOps ops;
    private State begin;

    @BeforeEach
    void open() {
        Rwkv7Initial.Sizes sizes = Rwkv7Initial.Sizes.of(2, 32, 16, 256);
        checkpoint =
                new TensorCheckpoint(
                        "random",
                        "safetensors",
                        Rwkv7Initial.of(sizes, 3).tensors(arena, threads),
                        Map.of());
        model = Architectures.load(checkpoint);
        ops = Backends.choose().newOps(threads);
        begin = model.newState();
    }

    @AfterEach
    void close() {
        begin.close();
        ops.close();
        model.close();
        checkpoint.close();
        threads.close();
        arena.close();
    }

    /// What [Scorer] must find for `ids[from...]`.
    private Score expected(int[] ids, int from) {
        try (State state = begin.copy()) {
            Tensor logits = model.forward(ops, Batch.of(state, Batch.Logits.ALL, ids));
            int vocabulary = logits.columns();
            Score score = Score.NONE;
            for (int i = from; i < ids.length; i++) {
                double sum = 0;
                int best = 0;
                long row = (long) (i - 1) * vocabulary;
                for (int v = 0; v < vocabulary; v++) {
                    sum += Math.exp(logits.get(row + v));
                    best = logits.get(row + v) > logits.get(row + best) ? v : best;
                }
                double loss = Math.log(sum) - logits.get(row + ids[i]);
                score = score.plus(new Score(1, best == ids[i] ? 1 : 0, loss));
            }
            return score;
        }
    }

    private static void assertSame(Score actual, Score expected) {
        assertThat(actual.tokens()).isEqualTo(expected.tokens());
        assertThat(actual.right()).isEqualTo(expected.right());
        assertThat(actual.nats()).isCloseTo(expected.nats(), within(1e-5 * expected.tokens()));
    }

    private static byte[] text(int length, long seed) {
        byte[] text = new byte[length];
        new Random(seed).nextBytes(text);
        for (int i = 0; i < length; i++) {
            // A document is a line's worth of letters.
            text[i] = (byte) ('a' + (text[i] & 15));
        }
        return text;
    }

    private TextScore score(Tokenizer tokenizer, String... documents) throws IOException {
        Path file = Files.writeString(folder.resolve("text"), String.join("\n--\n", documents));
        TextEvaluation evaluation = new TextEvaluation(model, ops, tokenizer, begin, _ -> {});
        new Documents(new Documents.Split.Separator("--"), "text")
                .read(file, evaluation, bytes -> {});
        return evaluation.score();
    }

    @Test
    void documentsLongerThanAPassAreOneSequenceAndEachBeginsAnew() throws IOException {
        String first = new String(text(1300, 1), StandardCharsets.US_ASCII);
        String second = new String(text(3, 2), StandardCharsets.US_ASCII);
        TextScore score = score(new ByteTokenizer(), first, second);
        ByteTokenizer bytes = new ByteTokenizer();
        Score sum = expected(bytes.encode(first), 1).plus(expected(bytes.encode(second), 1));
        assertSame(score.score(), sum);
        assertThat(score.documents()).isEqualTo(2);
        assertThat(score.bytes()).isEqualTo(1299 + 2);
        assertThat(score.bitsPerByte()).isCloseTo(sum.nats() / Math.log(2) / 1301, within(1e-6));
    }

    @Test
    void withAnEndOfDocumentTokenTheFirstTokenIsPredictedToo() throws IOException {
        StringBuilder lines = new StringBuilder("1 'ab' 2\n");
        for (char c = 'a'; c <= 'p'; c++) {
            lines.append(c - 'a' + 2).append(" '").append(c).append("' 1\n");
        }
        Tokenizer tokenizer =
                WorldTokenizer.load("test", lines.toString().getBytes(StandardCharsets.UTF_8));
        TextScore score = score(tokenizer, "abcab");
        assertSame(score.score(), expected(new int[] {0, 1, 4, 1}, 1));
        assertThat(score.bytes()).isEqualTo(5);
    }

    @Test
    void onlyTheCompletionOfAPairCounts() {
        ByteTokenizer bytes = new ByteTokenizer();
        PairEvaluation evaluation = new PairEvaluation(model, ops, bytes, begin, _ -> {});
        String prompt = new String(text(700, 4), StandardCharsets.US_ASCII);
        evaluation.accept(new PromptCompletion(prompt, "once"));
        assertSame(evaluation.score().score(), expected(bytes.encode(prompt + "once"), 700));
        evaluation.accept(new PromptCompletion("b", "a"));
        assertThat(evaluation.score().pairs()).isEqualTo(2);
        assertThat(evaluation.score().score().tokens()).isEqualTo(5);
    }

    @Test
    void aPairWithNothingInItIsRefused() {
        PairEvaluation evaluation =
                new PairEvaluation(model, ops, new ByteTokenizer(), begin, _ -> {});
        evaluation.accept(new PromptCompletion("a", "b"));
        assertThatThrownBy(() -> evaluation.accept(new PromptCompletion("a", "")))
                .isInstanceOf(EvaluateException.class)
                .hasMessageContaining("pair 2 has an empty completion");
        assertThatThrownBy(() -> evaluation.accept(new PromptCompletion("", "b")))
                .isInstanceOf(EvaluateException.class)
                .hasMessageContaining("empty prompt");
    }

    @Test
    void anIdBeyondTheModelIsRefused() {
        assertThatThrownBy(
                        () -> new Scorer(model, ops, _ -> {}).score(begin, new int[] {1, 256}, 1))
                .isInstanceOf(EvaluateException.class)
                .hasMessageContaining("256");
    }
}
