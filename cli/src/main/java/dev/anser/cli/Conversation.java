package dev.anser.cli;

import dev.anser.generate.FinishReason;
import dev.anser.generate.Generation;
import dev.anser.generate.GenerationOptions;
import dev.anser.generate.Generator;
import dev.anser.generate.Session;
import dev.anser.generate.Snapshot;
import dev.anser.text.ReplyMode;
import dev.anser.text.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.Consumer;

/// A conversation as a list of states: one from before each turn, so that turns can be taken back.
final class Conversation implements AutoCloseable {
    /// How many turns can be taken back. Each costs one state of memory.
    private static final int MAX_TURNS = 100;

    private final Session session;
    private final Generator generator;
    private final ChatStyle style;
    private final Deque<Snapshot> before = new ArrayDeque<>();

    /// A conversation on `session`, borrowed.
    Conversation(Session session, Tokenizer tokenizer, ChatStyle style) {
        this.session = session;
        this.generator = new Generator(session, tokenizer);
        this.style = style;
    }

    /// Says `message` and passes the answer on piece by piece. When the message itself could not be
    /// read, by an error or cancellation, the conversation is as before.
    Generation say(
            String message, ReplyMode mode, GenerationOptions options, Consumer<String> consumer) {
        String text = style.prompt(message, mode, session.started());
        Snapshot snapshot = session.snapshot();
        boolean answered = false;
        try {
            Generation answer = generator.generate(text, options, consumer);
            answered =
                    answer.finishReason() != FinishReason.CANCELLED || answer.generatedTokens() > 0;
            return answer;
        } finally {
            if (answered) {
                remember(snapshot);
            } else {
                session.restore(snapshot);
                snapshot.close();
            }
        }
    }

    ChatStyle style() {
        return style;
    }

    private void remember(Snapshot snapshot) {
        before.addLast(snapshot);
        if (before.size() > MAX_TURNS) {
            before.removeFirst().close();
        }
    }

    /// How many turns can be taken back.
    int turns() {
        return before.size();
    }

    /// Takes the last `count` turns back, at most [#turns()].
    void rewind(int count) {
        for (int i = 0; i < count; i++) {
            try (Snapshot snapshot = before.removeLast()) {
                if (i == count - 1) {
                    session.restore(snapshot);
                }
            }
        }
    }

    /// Begins anew.
    void reset() {
        session.reset();
        forget();
    }

    /// Writes the state to `file`.
    void save(Path file) {
        session.save(file);
    }

    /// Goes on from the state in `file`, or changes nothing when it does not fit.
    void load(Path file) {
        session.load(file);
        forget();
    }

    private void forget() {
        before.forEach(Snapshot::close);
        before.clear();
    }

    @Override
    public void close() {
        forget();
    }
}
