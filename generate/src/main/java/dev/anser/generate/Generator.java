package dev.anser.generate;

import dev.anser.text.Tokenizer;
import dev.anser.text.TokenizerException;
import dev.anser.text.Utf8Stream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Writes text after a prompt: a session, a tokenizer and a sampler together.
///
/// ```java
/// Generator generator = new Generator(session, tokenizer);
/// Generation result = generator.generate("Once upon a time", options, System.out::print);
/// ```
///
/// The session goes on where it stands, so a conversation is one call of [#generate] a turn. After
/// a call it has read the prompt and exactly the text that was returned: not the stop sequence, nor
/// the token that ended it. To that end the session is set back to before the token in which the
/// stop sequence begins, and what that token has in front of it is encoded anew (left out, should
/// the vocabulary have no tokens for it alone). A prompt cancelled halfway leaves the session
/// between two of its chunks.
///
/// Ids that the model has and the tokenizer lacks are never drawn. Text reaches the consumer in
/// whole characters as soon as it cannot be part of a stop sequence, on the calling thread. Borrows
/// the session and the tokenizer. Not for concurrent use.
public final class Generator {
    private final Session session;
    private final Tokenizer tokenizer;
    private final int vocabulary;

    /// A generator that writes with `session`.
    ///
    /// @throws GenerateException when the tokenizer has ids that the model lacks
    public Generator(Session session, Tokenizer tokenizer) {
        this.session = session;
        this.tokenizer = tokenizer;
        this.vocabulary = session.model().config().vocabulary();
        if (tokenizer.vocabularySize() > vocabulary) {
            throw new GenerateException(
                    "the vocabulary does not fit the model: its ids go up to "
                            + (tokenizer.vocabularySize() - 1)
                            + ", the model has "
                            + vocabulary
                            + " tokens; take the vocabulary that the model was trained with");
        }
    }

    /// Reads `prompt` and writes on; see [#generate(byte[], GenerationOptions, Consumer)].
    ///
    /// @throws TokenizerException when no token covers a byte of the prompt
    public Generation generate(
            String prompt, GenerationOptions options, Consumer<String> consumer) {
        return generate(prompt.getBytes(StandardCharsets.UTF_8), options, consumer);
    }

    /// Reads the bytes `prompt` and writes on; see [#generate(int[], GenerationOptions, Consumer)].
    ///
    /// Where the tokenizer has a begin-of-text token, a session that has read nothing reads it
    /// first, unless the prompt begins with it.
    ///
    /// @throws TokenizerException when no token covers a byte of the prompt
    public Generation generate(
            byte[] prompt, GenerationOptions options, Consumer<String> consumer) {
        return generate(begun(tokenizer.encode(prompt)), options, consumer);
    }

    private int[] begun(int[] prompt) {
        int begin = tokenizer.beginOfText();
        if (begin < 0 || session.started() || (prompt.length > 0 && prompt[0] == begin)) {
            return prompt;
        }
        int[] all = new int[prompt.length + 1];
        all[0] = begin;
        System.arraycopy(prompt, 0, all, 1, prompt.length);
        return all;
    }

    /// Reads the tokens `prompt` and writes on until a stop, the budget or cancellation. The same
    /// prompt, options and state of the session give the same text.
    ///
    /// An empty prompt goes on from the session's last logits. A new session begins with the
    /// begin-of-text token instead, or as RWKV does with that for the end of a document; without
    /// either, an empty prompt is refused.
    ///
    /// @param consumer takes the text piece by piece; never an empty one
    /// @throws GenerateException when the prompt is empty and there is nothing to go on from, a
    ///   token is outside the vocabulary, or the model's logits are not finite
    public Generation generate(int[] prompt, GenerationOptions options, Consumer<String> consumer) {
        int[] stopTokens = options.stopTokens().stream().mapToInt(id -> id).toArray();
        for (int id : stopTokens) {
            if (id < 0 || id >= vocabulary) {
                throw new GenerateException(
                        "stop token "
                                + id
                                + " is outside the vocabulary of "
                                + vocabulary
                                + " tokens");
            }
        }
        int[] read = orBeginning(prompt);
        try (Run run = new Run(options, stopTokens, consumer)) {
            return run.all(read);
        }
    }

    private int[] orBeginning(int[] prompt) {
        if (prompt.length > 0 || session.hasLogits()) {
            return prompt;
        }
        int begin = tokenizer.beginOfText() < 0 ? tokenizer.endOfText() : tokenizer.beginOfText();
        if (!session.started() && begin >= 0) {
            return new int[] {begin};
        }
        throw new GenerateException(
                "the prompt is empty and there is nothing to go on from;"
                        + " give a text of at least one token");
    }

    /// One call of generate.
    private final class Run implements AutoCloseable {
        private final GenerationOptions options;
        private final int[] stopTokens;
        private final Consumer<String> consumer;
        private final Sampler sampler;
        private final StopMatcher matcher;
        private final Utf8Stream decoder = new Utf8Stream();
        private final StringBuilder text = new StringBuilder();
        private int[] tokens = new int[64];
        private int count;
        private int drawn;

        /// Before the token that the bytes held back begin in, and how many tokens precede it; the
        /// bytes are those since that token.
        private @Nullable Snapshot mark;

        private boolean marked;
        private int markCount;
        private int bytesSinceMark;

        Run(GenerationOptions options, int[] stopTokens, Consumer<String> consumer) {
            this.options = options;
            this.stopTokens = stopTokens;
            this.consumer = consumer;
            this.sampler = new Sampler(options.sampling(), vocabulary, tokenizer);
            this.matcher = new StopMatcher(options.stops());
        }

        Generation all(int[] prompt) {
            long begin = System.nanoTime();
            boolean cancelled = false;
            try {
                if (prompt.length > 0) {
                    session.prompt(prompt, options.cancelled());
                } else {
                    session.logits();
                }
            } catch (CancelledException e) {
                cancelled = true;
            }
            long read = System.nanoTime();
            FinishReason reason = cancelled ? FinishReason.CANCELLED : write();
            matcher.finish();
            emitFree();
            emit(decoder.flush());
            long end = System.nanoTime();
            return new Generation(
                    text.toString(),
                    Arrays.stream(tokens, 0, count).boxed().toList(),
                    prompt.length,
                    drawn,
                    reason,
                    (read - begin) * 1e-9,
                    (end - read) * 1e-9);
        }

        private FinishReason write() {
            while (true) {
                if (options.cancelled().getAsBoolean() || Thread.currentThread().isInterrupted()) {
                    return FinishReason.CANCELLED;
                }
                if (drawn == options.maxTokens()) {
                    return FinishReason.LENGTH;
                }
                int token = sampler.sample(session.logits());
                sampler.accept(token);
                drawn++;
                if (ends(token)) {
                    return FinishReason.STOP;
                }
                take(token, tokenizer.bytes(token));
                if (matcher.found()) {
                    return FinishReason.STOP;
                }
            }
        }

        private boolean ends(int token) {
            for (int id : stopTokens) {
                if (id == token) {
                    return true;
                }
            }
            return tokenizer.ends(token);
        }

        private void take(int token, byte[] bytes) {
            int heldBefore = matcher.heldCount();
            int taken = matcher.accept(bytes);
            boolean holds = matcher.heldCount() > 0 || matcher.found();
            if (heldBefore == 0 && holds) {
                mark();
            }
            add(token);
            bytesSinceMark += taken;
            session.defer(token);
            if (matcher.found()) {
                backTo(heldBefore + taken - matcher.freeCount());
            }
            marked = holds;
            emitFree();
        }

        private void mark() {
            if (mark == null) {
                mark = session.snapshot();
            } else {
                session.snapshotInto(mark);
            }
            marked = true;
            markCount = count;
            bytesSinceMark = 0;
        }

        /// Sets the session back so that it has not read the stop sequence, the last `stopLength`
        /// bytes.
        private void backTo(int stopLength) {
            Snapshot snapshot = mark;
            if (snapshot == null || !marked) {
                throw new IllegalStateException("a stop sequence was found that nothing held back");
            }
            session.restore(snapshot);
            int left = bytesSinceMark - stopLength;
            int seen = count;
            count = markCount;
            while (count < seen) {
                byte[] bytes = tokenizer.bytes(tokens[count]);
                if (bytes.length > left) {
                    addPart(Arrays.copyOf(bytes, left));
                    return;
                }
                left -= bytes.length;
                session.defer(tokens[count++]);
            }
        }

        private void addPart(byte[] bytes) {
            int[] part;
            try {
                part = tokenizer.encode(bytes);
            } catch (TokenizerException e) {
                return;
            }
            for (int token : part) {
                add(token);
                session.defer(token);
            }
        }

        private void add(int token) {
            if (count == tokens.length) {
                tokens = Arrays.copyOf(tokens, count * 2);
            }
            tokens[count++] = token;
        }

        private void emitFree() {
            if (matcher.freeCount() > 0) {
                emit(decoder.accept(matcher.free(), 0, matcher.freeCount()));
            }
        }

        private void emit(String piece) {
            if (!piece.isEmpty()) {
                text.append(piece);
                consumer.accept(piece);
            }
        }

        @Override
        public void close() {
            if (mark != null) {
                mark.close();
            }
        }
    }
}
