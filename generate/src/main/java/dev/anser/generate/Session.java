package dev.anser.generate;

import dev.anser.model.Batch;
import dev.anser.model.LanguageModel;
import dev.anser.model.State;
import dev.anser.tensor.DType;
import dev.anser.tensor.Ops;
import dev.anser.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// One sequence on one model: tokens in, the logits of the next token out.
///
/// ```java
/// try (Session session = new Session(model, ops)) {
///     Tensor logits = session.prompt(tokenizer.encode("Once"));
///     while (…) {
///         logits = session.next(sampler.sample(logits));
///     }
/// }
/// ```
///
/// Owns its state and a copy of the last logits; borrows the model and the ops, which must stay
/// open. Sessions may share ops, by turns and on one thread. Not for concurrent use. Decoding a
/// token allocates nothing on the Java heap.
public final class Session implements AutoCloseable {
    /// How many tokens of a prompt run at once unless told.
    public static final int DEFAULT_CHUNK = 256;

    private static final int MAX_CHUNK = 1 << 16;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final LanguageModel model;
    private final Ops ops;
    private final int chunk;
    private final int vocabulary;
    private final Arena arena = Arena.ofShared();
    private final State state;
    private final Tensor logits;
    private final Batch decode;
    private @Nullable Batch fullChunk;

    /// Where [#reset()] goes back to, when it is not the model's own new state.
    private @Nullable State beginning;

    private int[] deferred = new int[8];
    private int deferredCount;
    private boolean hasLogits;
    private boolean started;
    private boolean closed;
    private long position;

    /// A session before its first token, which reads prompts in chunks of [#DEFAULT_CHUNK].
    public Session(LanguageModel model, Ops ops) {
        this(model, ops, DEFAULT_CHUNK);
    }

    /// A session before its first token, which reads prompts in chunks of `chunk` tokens, 1 to
    /// 65536. The result does not depend on it; speed, memory and how soon a prompt can be
    /// cancelled do.
    ///
    /// @throws GenerateException when `chunk` is out of range
    public Session(LanguageModel model, Ops ops, int chunk) {
        if (chunk < 1 || chunk > MAX_CHUNK) {
            throw new GenerateException(
                    "a prompt cannot be read in chunks of "
                            + chunk
                            + " tokens, expected 1 to "
                            + MAX_CHUNK);
        }
        this.model = model;
        this.ops = ops;
        this.chunk = chunk;
        this.vocabulary = model.config().vocabulary();
        this.state = model.newState();
        this.logits = Tensor.allocate(arena, DType.F32, 1, vocabulary);
        this.decode = Batch.of(state, Batch.Logits.LAST, 0);
    }

    /// The model that this session runs.
    public LanguageModel model() {
        return model;
    }

    /// Reads `tokens`, at least one, and returns the logits of the token after them.
    ///
    /// @return F32 (1, V), borrowed: overwritten by the next call that runs tokens
    /// @throws GenerateException when there is no token, or one is outside the vocabulary; nothing
    ///   has run then
    /// @throws CancelledException when the thread is interrupted, see [#prompt(int[],
    ///   BooleanSupplier)]
    public Tensor prompt(int... tokens) {
        return prompt(tokens, () -> false);
    }

    /// Reads `tokens` as [#prompt(int...)] does, until `cancelled` says so; it is asked before
    /// every chunk, as is whether the thread is interrupted.
    ///
    /// @throws CancelledException when cancelled. The session stands after the last whole chunk,
    ///   see [#position()], without logits; the rest of the tokens is dropped.
    public Tensor prompt(int[] tokens, BooleanSupplier cancelled) {
        requireOpen();
        if (tokens.length == 0) {
            throw new GenerateException("the prompt has no tokens, expected at least one");
        }
        for (int i = 0; i < tokens.length; i++) {
            requireToken(tokens[i], i);
        }
        int[] all = tokens;
        if (deferredCount > 0) {
            all = Arrays.copyOf(deferred, deferredCount + tokens.length);
            System.arraycopy(tokens, 0, all, deferredCount, tokens.length);
            deferredCount = 0;
        }
        run(all, cancelled);
        return logits;
    }

    /// Reads one token and returns the logits of the token after it.
    ///
    /// @return F32 (1, V), borrowed: overwritten by the next call that runs tokens
    /// @throws GenerateException when `token` is outside the vocabulary; nothing has run then
    public Tensor next(int token) {
        defer(token);
        return logits();
    }

    /// Adds `token` without running it yet: it runs together with what comes after it, or when the
    /// logits or the state are asked for.
    ///
    /// @throws GenerateException when `token` is outside the vocabulary
    public void defer(int token) {
        requireOpen();
        requireToken(token, 0);
        if (deferredCount == deferred.length) {
            deferred = Arrays.copyOf(deferred, deferredCount * 2);
        }
        deferred[deferredCount++] = token;
    }

    /// The logits of the next token.
    ///
    /// @return F32 (1, V), borrowed: overwritten by the next call that runs tokens
    /// @throws GenerateException when no token was read since the state was new, loaded or
    ///   cancelled
    public Tensor logits() {
        requireOpen();
        settle();
        if (!hasLogits) {
            throw new GenerateException("there are no logits yet; read at least one token first");
        }
        return logits;
    }

    /// Whether there are logits to draw the next token from.
    public boolean hasLogits() {
        return hasLogits || deferredCount > 0;
    }

    /// Whether this session has read a token or loaded a state.
    public boolean started() {
        return started || deferredCount > 0;
    }

    /// Number of tokens read since the state was new or loaded, deferred ones included.
    public long position() {
        return position + deferredCount;
    }

    /// The state after all tokens; borrowed. Whoever writes it should [#prompt(int...)] before
    /// drawing.
    public State state() {
        requireOpen();
        settle();
        return state;
    }

    /// A new session at the same point of the same sequence, on `ops`, which may be this session's
    /// when both are used by turns. The caller closes it.
    public Session fork(Ops ops) {
        Session fork = new Session(model, ops, chunk);
        try (Snapshot snapshot = snapshot()) {
            fork.restore(snapshot);
            return fork;
        }
    }

    /// This moment, to come back to. The caller closes it.
    public Snapshot snapshot() {
        requireOpen();
        Snapshot snapshot = new Snapshot(state.copy(), vocabulary);
        snapshotInto(snapshot);
        return snapshot;
    }

    /// Overwrites `snapshot`, taken from a session on this model, with this moment.
    public void snapshotInto(Snapshot snapshot) {
        requireOpen();
        snapshot.state.set(state);
        if (hasLogits) {
            MemorySegment.copy(logits.segment(), FLOAT, 0, snapshot.logits, 0, vocabulary);
        }
        snapshot.hasLogits = hasLogits;
        snapshot.started = started;
        snapshot.position = position;
        if (snapshot.deferred.length != deferredCount) {
            snapshot.deferred = new int[deferredCount];
        }
        System.arraycopy(deferred, 0, snapshot.deferred, 0, deferredCount);
    }

    /// Goes to the moment of `snapshot`, taken from a session on this model. It can be used again.
    public void restore(Snapshot snapshot) {
        requireOpen();
        state.set(snapshot.state);
        if (snapshot.hasLogits) {
            MemorySegment.copy(snapshot.logits, 0, logits.segment(), FLOAT, 0, vocabulary);
        }
        hasLogits = snapshot.hasLogits;
        started = snapshot.started;
        position = snapshot.position;
        deferred = Arrays.copyOf(snapshot.deferred, Math.max(8, snapshot.deferred.length));
        deferredCount = snapshot.deferred.length;
    }

    /// Goes back to before the first token.
    public void reset() {
        requireOpen();
        if (beginning != null) {
            state.set(beginning);
        } else {
            try (State fresh = model.newState()) {
                state.set(fresh);
            }
        }
        forget(false);
    }

    /// Writes the state after all tokens to `file`, whole or not at all. Logits are not in it: a
    /// session that loads it reads at least one token before it draws.
    public void save(Path file) {
        state().save(file);
    }

    /// Takes over the state in `file`, or changes nothing when it does not fit. [#position()]
    /// counts from there.
    ///
    /// A state that state tuning learned is that of a session before its first token, and
    /// [#reset()] goes back to it from now on.
    public void load(Path file) {
        requireOpen();
        State.Origin origin = state.load(file);
        if (origin == State.Origin.BEGINNING) {
            if (beginning != null) {
                beginning.close();
            }
            beginning = state.copy();
        }
        forget(origin == State.Origin.TEXT);
    }

    private void forget(boolean startedNow) {
        deferredCount = 0;
        hasLogits = false;
        started = startedNow;
        position = 0;
    }

    private void settle() {
        if (deferredCount == 1) {
            deferredCount = 0;
            decode.token(0, deferred[0]);
            forward(decode);
        } else if (deferredCount > 1) {
            int[] tokens = Arrays.copyOf(deferred, deferredCount);
            deferredCount = 0;
            run(tokens, () -> false);
        }
    }

    private void run(int[] tokens, BooleanSupplier cancelled) {
        for (int from = 0; from < tokens.length; from += chunk) {
            if (cancelled.getAsBoolean() || Thread.currentThread().isInterrupted()) {
                throw new CancelledException(
                        "cancelled after "
                                + from
                                + " of "
                                + tokens.length
                                + " tokens of the prompt");
            }
            int to = Math.min(tokens.length, from + chunk);
            if (to - from == 1) {
                decode.token(0, tokens[from]);
                forward(decode);
            } else if (to < tokens.length) {
                forward(fullChunk(tokens, from));
            } else {
                forward(Batch.of(state, Batch.Logits.LAST, Arrays.copyOfRange(tokens, from, to)));
            }
        }
    }

    private Batch fullChunk(int[] tokens, int from) {
        Batch batch = fullChunk;
        if (batch == null) {
            batch =
                    Batch.of(
                            state,
                            Batch.Logits.NONE,
                            Arrays.copyOfRange(tokens, from, from + chunk));
            fullChunk = batch;
        } else {
            for (int i = 0; i < chunk; i++) {
                batch.token(i, tokens[from + i]);
            }
        }
        return batch;
    }

    private void forward(Batch batch) {
        // Should the pass fail halfway, the state belongs to no position.
        hasLogits = false;
        started = true;
        Tensor result = model.forward(ops, batch);
        if (batch.wantedRows().length > 0) {
            logits.copyFrom(result);
            hasLogits = true;
        }
        position += batch.rows();
    }

    private void requireToken(int token, int at) {
        if (token < 0 || token >= vocabulary) {
            throw new GenerateException(
                    "token id "
                            + token
                            + " at position "
                            + at
                            + " of the prompt is outside the vocabulary of "
                            + vocabulary
                            + " tokens");
        }
    }

    private void requireOpen() {
        // Kernels work on raw addresses: a closed state must never reach them.
        if (closed) {
            throw new GenerateException("the session is closed; open a new one");
        }
    }

    /// Frees the state and the logits.
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            state.close();
            if (beginning != null) {
                beginning.close();
            }
            arena.close();
        }
    }
}
