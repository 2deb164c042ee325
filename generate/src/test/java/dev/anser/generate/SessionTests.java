package dev.anser.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anser.tensor.Backends;
import dev.anser.tensor.EagerOps;
import dev.anser.tensor.Threads;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SessionTests {
    private final Threads threads = new Threads(1);
    private final EagerOps ops = Backends.named("scalar").newOps(threads);
    private final RecitingModel model = new RecitingModel(20);
    private final Session session = new Session(model, ops);

    @AfterEach
    void everyStateIsClosed() {
        session.close();
        assertThat(model.open).isZero();
        ops.close();
        threads.close();
    }

    private static int[] tokens(int count) {
        return IntStream.range(0, count).map(i -> i * 7 % 20).toArray();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7, 21, 22, 23, 100})
    void anyChunkingGivesTheSameLogitsAndState(int chunk) {
        int[] prompt = tokens(22);
        float[] expected = {};
        for (int token : prompt) {
            expected = session.next(token).toFloats();
        }
        try (Session chunked = new Session(model, ops, chunk)) {
            assertThat(chunked.prompt(prompt).toFloats()).isEqualTo(expected);
            assertThat(chunked.state().sameAs(session.state())).isTrue();
            assertThat(chunked.position()).isEqualTo(22);
        }
    }

    @Test
    void aPromptRunsChunkByChunk() {
        try (Session chunked = new Session(model, ops, 4)) {
            chunked.prompt(tokens(10));
            chunked.prompt(tokens(9));
            assertThat(model.passes).containsExactly(4, 4, 2, 4, 4, 1);
        }
    }

    @Test
    void logitsOfOneSessionOutliveThePassOfAnother() {
        float[] before = session.prompt(1, 2, 3).toFloats();
        try (Session other = new Session(model, ops)) {
            other.prompt(4, 5);
            assertThat(session.logits().toFloats()).isEqualTo(before);
        }
    }

    @Test
    void deferredTokensRunWithWhatComesAfterThem() {
        session.prompt(1, 2);
        session.defer(3);
        session.defer(4);
        assertThat(session.position()).isEqualTo(4);
        assertThat(model.passes).containsExactly(2);
        float[] logits = session.prompt(5, 6).toFloats();
        assertThat(model.passes).containsExactly(2, 4);
        session.reset();
        assertThat(session.position()).isZero();
        assertThat(session.prompt(1, 2, 3, 4, 5, 6).toFloats()).isEqualTo(logits);
    }

    @Test
    void deferredTokensRunWhenTheStateOrTheLogitsAreAskedFor() {
        session.defer(1);
        session.defer(2);
        assertThat(session.state().tensor(0).get(0)).isEqualTo(2);
        session.defer(3);
        float[] logits = session.logits().toFloats();
        session.reset();
        assertThat(session.prompt(1, 2, 3).toFloats()).isEqualTo(logits);
    }

    @Test
    void aSnapshotBringsBackStateAndLogits() {
        session.prompt(1, 2, 3);
        session.defer(4);
        try (Snapshot snapshot = session.snapshot()) {
            float[] before = session.logits().toFloats();
            session.prompt(9, 9, 9);
            session.restore(snapshot);
            assertThat(session.position()).isEqualTo(4);
            assertThat(session.logits().toFloats()).isEqualTo(before);
            session.restore(snapshot);
            float[] once = session.next(5).toFloats();
            session.restore(snapshot);
            assertThat(session.next(5).toFloats()).isEqualTo(once);
        }
    }

    @Test
    void aSnapshotBeforeTheFirstTokenHasNoLogits() {
        try (Snapshot snapshot = session.snapshot()) {
            session.prompt(1);
            session.restore(snapshot);
            assertThat(session.hasLogits()).isFalse();
            assertThat(session.started()).isFalse();
        }
    }

    @Test
    void aForkGoesItsOwnWay() {
        session.prompt(1, 2, 3);
        try (Session fork = session.fork(ops)) {
            assertThat(fork.logits().toFloats()).isEqualTo(session.logits().toFloats());
            float[] one = fork.next(4).toFloats();
            assertThat(session.next(5).toFloats()).isNotEqualTo(one);
            assertThat(fork.position()).isEqualTo(4);
        }
    }

    @Test
    void aSavedStateGoesOnAsIfItHadNeverLeft(@TempDir Path folder) {
        Path file = folder.resolve("state.safetensors");
        session.prompt(1, 2);
        session.defer(3);
        session.save(file);
        float[] expected = session.next(4).toFloats();
        try (Session other = new Session(model, ops)) {
            other.load(file);
            assertThat(other.started()).isTrue();
            assertThatThrownBy(other::logits)
                    .isInstanceOf(GenerateException.class)
                    .hasMessage("there are no logits yet; read at least one token first");
            assertThat(other.next(4).toFloats()).isEqualTo(expected);
            assertThat(other.position()).isEqualTo(1);
        }
    }

    @Test
    void aTokenOutsideTheVocabularyIsRefusedBeforeAnythingRuns() {
        session.prompt(1);
        assertThatThrownBy(() -> session.prompt(2, 3, 20))
                .isInstanceOf(GenerateException.class)
                .hasMessage(
                        "token id 20 at position 2 of the prompt is outside the vocabulary of 20"
                                + " tokens");
        assertThatThrownBy(() -> session.next(-1)).isInstanceOf(GenerateException.class);
        assertThat(session.position()).isEqualTo(1);
        assertThat(model.passes).hasSize(1);
    }

    @Test
    void anEmptyPromptIsRefused() {
        assertThatThrownBy(session::prompt)
                .hasMessage("the prompt has no tokens, expected at least one");
    }

    @Test
    void cancellationIsSeenBeforeEveryChunk() {
        AtomicInteger asked = new AtomicInteger();
        try (Session chunked = new Session(model, ops, 4)) {
            assertThatThrownBy(() -> chunked.prompt(tokens(20), () -> asked.incrementAndGet() > 2))
                    .isInstanceOf(CancelledException.class)
                    .hasMessage("cancelled after 8 of 20 tokens of the prompt");
            assertThat(chunked.position()).isEqualTo(8);
            assertThat(chunked.hasLogits()).isFalse();
            assertThat(chunked.next(1).toFloats()).hasSize(20);
        }
    }

    @Test
    void interruptionCancelsAndStays() {
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> session.prompt(1, 2)).isInstanceOf(CancelledException.class);
        assertThat(Thread.interrupted()).isTrue();
        assertThat(session.position()).isZero();
    }

    @Test
    void chunksOutOfRangeAreRefused() {
        assertThatThrownBy(() -> new Session(model, ops, 0))
                .isInstanceOf(GenerateException.class)
                .hasMessage("a prompt cannot be read in chunks of 0 tokens, expected 1 to 65536");
    }

    @Test
    void aClosedSessionIsRefused() {
        session.prompt(1);
        session.close();
        session.close();
        assertThatThrownBy(session::logits).hasMessage("the session is closed; open a new one");
        assertThatThrownBy(() -> session.next(1)).isInstanceOf(GenerateException.class);
        assertThatThrownBy(session::snapshot).isInstanceOf(GenerateException.class);
    }
}
