package dev.anser.train;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.ConfigurationFile;
import dev.anser.checkpoint.Safetensors;
import dev.anser.checkpoint.TensorCheckpoint;
import dev.anser.model.Architectures;
import dev.anser.model.Batch;
import dev.anser.model.InitialState;
import dev.anser.model.InitialWeights;
import dev.anser.model.LanguageModel;
import dev.anser.model.State;
import dev.anser.model.Weight;
import dev.anser.tensor.Backend;
import dev.anser.tensor.CrossEntropy;
import dev.anser.tensor.DType;
import dev.anser.tensor.EagerOps;
import dev.anser.tensor.OperationTimes;
import dev.anser.tensor.Precision;
import dev.anser.tensor.RecordingOps;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tape;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// A model that learns: all of its weights, or what an adapter adds to them.
///
/// ```java
/// try (Learner learner = new Learner(checkpoint, backend, threads);
///         AdamW optimiser = new AdamW(learner.parameters(), settings, threads)) {
///     learner.clearGradients();
///     double loss = learner.addGradients(tokens, true);
///     optimiser.step();
///     learner.save(Path.of("model.safetensors"));
/// }
/// ```
///
/// Weights that learn are F32 copies with a gradient each; frozen ones are copies in the type of
/// the file and never change.
///
/// For one thread, which uses the whole team.
public final class Learner implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final EagerOps eager;
    private final Tape tape = new Tape();
    private final RecordingOps ops;
    private final AdapterSettings adapter;
    private final AdaptedModel model;
    private final SequencedMap<String, Tensor> stored = new LinkedHashMap<>();
    private final SequencedMap<String, Parameter> parameters = new LinkedHashMap<>();
    private final List<LearningState> states = new ArrayList<>();
    private final Map<String, String> metadata = new TreeMap<>();
    private final ConfigurationFile configuration;
    private @Nullable State beginning;

    /// Every weight learns. Copies the tensors of `checkpoint`, which may be closed afterwards.
    /// `threads` is borrowed.
    ///
    /// @throws dev.anser.checkpoint.ModelFormatException when it holds no model
    public Learner(Checkpoint checkpoint, Backend backend, Threads threads) {
        this(checkpoint, AdapterSettings.NONE, 0, backend, threads);
    }

    /// A new model, with the weights that `initial` has. `threads` is borrowed.
    ///
    /// @param seed what the low-rank pairs of LoRA begin with follows from it
    /// @throws TrainingException when the adapter does not fit the model, or nothing learns
    public static Learner of(
            InitialWeights initial,
            AdapterSettings adapter,
            long seed,
            Backend backend,
            Threads threads) {
        try (Arena temporary = Arena.ofShared()) {
            return new Learner(
                    new TensorCheckpoint(
                            "the new model",
                            "safetensors",
                            initial.tensors(temporary, threads),
                            Map.of("architecture", initial.architecture()),
                            initial.configuration()),
                    adapter,
                    seed,
                    backend,
                    threads);
        }
    }

    /// What `adapter` says learns. Copies the tensors of `checkpoint`, which may be closed
    /// afterwards. `threads` is borrowed.
    ///
    /// @param seed what the low-rank pairs of LoRA begin with follows from it
    /// @throws dev.anser.checkpoint.ModelFormatException when it holds no model
    /// @throws TrainingException when the adapter does not fit the model, or nothing learns
    public Learner(
            Checkpoint checkpoint,
            AdapterSettings adapter,
            long seed,
            Backend backend,
            Threads threads) {
        this.adapter = adapter;
        this.eager = backend.newOps(threads);
        this.ops = new RecordingOps(eager, threads, tape);
        this.metadata.putAll(checkpoint.metadata());
        LanguageModel base = null;
        try {
            requireFound(checkpoint, adapter.frozen());
            for (String name : checkpoint.names()) {
                requireNotQuantised(checkpoint, name);
                stored.put(name, copy(checkpoint.tensor(name), learns(name)));
            }
            TensorCheckpoint copies =
                    new TensorCheckpoint(
                            checkpoint.source(),
                            checkpoint.format(),
                            stored,
                            checkpoint.metadata(),
                            checkpoint.configuration());
            base = Architectures.load(copies);
            this.configuration = new ConfigurationFile(written(copies, adapter));
            this.model = adapt(base, copies, seed);
            requireParameters(checkpoint);
        } catch (RuntimeException e) {
            if (base != null) {
                base.close();
            }
            tape.close();
            eager.close();
            arena.close();
            throw e;
        }
    }

    /// A model keeps the `config.json` that it came with; an adapter goes back into that model.
    private static Map<String, Object> written(Checkpoint checkpoint, AdapterSettings adapter) {
        return adapter.kind() == AdapterSettings.Kind.FULL
                ? Architectures.configuration(checkpoint)
                : Map.of();
    }

    private boolean learns(String name) {
        return adapter.kind() == AdapterSettings.Kind.FULL
                && adapter.frozen().stream().noneMatch(name::contains);
    }

    /// Quantised weights neither learn nor can be saved beside those that do. Under an adapter they
    /// stay as they are.
    private void requireNotQuantised(Checkpoint checkpoint, String name) {
        DType dtype = checkpoint.entry(name).dtype();
        if (adapter.kind() == AdapterSettings.Kind.FULL && dtype.quantised()) {
            throw new TrainingException(
                    checkpoint.source()
                            + ": tensor "
                            + name
                            + " is "
                            + dtype
                            + ", and quantised weights cannot learn; convert the model to BF16 or"
                            + " F32 first, or train an adapter (lora or state)");
        }
    }

    private Tensor copy(Tensor tensor, boolean learns) {
        DType dtype = learns ? DType.F32 : tensor.dtype();
        Tensor copy = Tensor.allocate(arena, dtype, tensor.shape().sizes());
        if (dtype == tensor.dtype()) {
            copy.copyFrom(tensor);
        } else {
            copy.set(tensor.toFloats());
        }
        return copy;
    }

    /// Makes the parameters and the model that has them.
    private AdaptedModel adapt(LanguageModel base, Checkpoint copies, long seed) {
        LowRankPairs pairs = LowRankPairs.NONE;
        TunedState initial = new TunedState(List.of());
        switch (adapter.kind()) {
            case FULL -> {
                for (Weight weight : base.weights()) {
                    if (learns(weight.name())) {
                        long[] sizes = weight.tensor().shape().sizes();
                        Tensor gradient = Tensor.allocate(arena, DType.F32, sizes);
                        add(
                                new Parameter(
                                        base.config().architecture(),
                                        weight.name(),
                                        weight.tensor(),
                                        gradient));
                    }
                }
                if (InitialState.isIn(copies)) {
                    initial = TunedState.of(base, arena, this::learns);
                }
            }
            case LORA ->
                    pairs =
                            LowRankPairs.of(
                                    base.config().architecture(),
                                    base.weights(),
                                    adapter,
                                    seed,
                                    arena);
            case STATE -> initial = TunedState.of(base, arena, _ -> true);
        }
        pairs.parameters().forEach(this::add);
        initial.parameters().forEach(this::add);
        if (adapter.kind() != AdapterSettings.Kind.FULL) {
            metadata.clear();
            metadata.putAll(adapter.metadata());
            metadata.put("architecture", base.config().architecture());
            metadata.put(Fingerprint.KEY, Fingerprint.of(copies));
        }
        return new AdaptedModel(base, pairs.pairs(), initial);
    }

    private void add(Parameter parameter) {
        tape.watch(parameter.weight(), parameter.gradient());
        parameters.put(parameter.name(), parameter);
    }

    private static void requireFound(Checkpoint checkpoint, List<String> frozen) {
        for (String part : frozen) {
            if (checkpoint.names().stream().noneMatch(name -> name.contains(part))) {
                throw new TrainingException(
                        "frozen has "
                                + part
                                + ", which is part of no tensor's name in "
                                + checkpoint.source()
                                + "; expected parts such as emb. or blocks.0.");
            }
        }
    }

    private void requireParameters(Checkpoint checkpoint) {
        if (parameters.isEmpty()) {
            throw new TrainingException(
                    "all of "
                            + checkpoint.source()
                            + " is frozen, nothing learns; leave something out of "
                            + String.join(", ", adapter.frozen()));
        }
    }

    /// What learns, with its gradients. A tensor that has no effect (the value residual of RWKV-7's
    /// layer 0) is none of them, nor is what is frozen.
    public List<Parameter> parameters() {
        return List.copyOf(parameters.values());
    }

    /// The model with what it has learned so far, for generating while it learns: its adapter has
    /// effect whatever ops it is given, and its new states begin with the learned one.
    public LanguageModel model() {
        return model;
    }

    /// From now on every sequence begins with the state in `file`, whole or learned.
    ///
    /// @throws TrainingException when the state before the first token is what learns
    public void beginWith(Path file) {
        if (adapter.kind() == AdapterSettings.Kind.STATE) {
            throw new TrainingException(
                    file + ": the state to begin with is what learns; it cannot be given as well");
        }
        State state = model.newState();
        try {
            state.load(file);
        } catch (RuntimeException e) {
            state.close();
            throw e;
        }
        if (beginning != null) {
            beginning.close();
        }
        beginning = state;
    }

    /// The precision of matrix products, from the next batch on. F32 at first.
    public void precision(Precision precision) {
        eager.precision(precision);
    }

    /// Whether the layers' activations are computed again in the backward pass instead of kept; see
    /// [RecordingOps#recomputeBlocks(boolean)]. Not at first.
    public void recomputeBlocks(boolean recompute) {
        ops.recomputeBlocks(recompute);
    }

    /// Adds to `times` what each operation takes, from the next batch on.
    public void time(OperationTimes times) {
        tape.time(times);
    }

    /// Sets every gradient to zero, at the start of a step. Call it after every change of the
    /// weights from outside.
    public void clearGradients() {
        eager.weightsChanged();
        parameters.values().forEach(parameter -> parameter.gradient().clear());
    }

    /// Runs a batch forwards and backwards from new states, and adds the gradient of its mean cross
    /// entropy.
    ///
    /// @param tokens for each sequence T + 1 ids: all but the last are the input, all but the first
    ///   the targets
    /// @param l2Wrap whether the gradient has the official trainers' pull on the largest logit
    /// @return the mean cross entropy in nats
    /// @throws TrainingException when the sequences are too short or of different lengths
    public double addGradients(int[][] tokens, boolean l2Wrap) {
        LabelledTokens batch = LabelledTokens.all(tokens);
        return addGradients(batch, 1.0 / batch.targets(), l2Wrap) / batch.targets();
    }

    /// Runs a batch forwards and backwards from new states, and adds `scale` times the gradient of
    /// its summed cross entropy.
    ///
    /// A step of several batches gives each the `scale` 1 over the number of targets of all.
    ///
    /// @param l2Wrap whether the gradient has the official trainers' pull on the largest logit
    /// @return the sum of the cross entropies of the targets that count, in nats
    public double addGradients(LabelledTokens batch, double scale, boolean l2Wrap) {
        return addDocuments(batch, batch.length(), Carry.NONE, scale, l2Wrap);
    }

    /// Runs one document of T + 1 tokens, see [#addDocuments].
    public double addDocument(int[] tokens, int chunk, Carry carry, double scale, boolean l2Wrap) {
        LabelledTokens document = LabelledTokens.all(new int[][] {tokens});
        return addDocuments(document, chunk, carry, scale, l2Wrap);
    }

    /// Runs documents side by side, `chunk` tokens at a time, so that memory for activations is
    /// that of one chunk; adds `scale` times the gradient of their summed cross entropy.
    ///
    /// @param chunk inputs of a chunk, 1 or more; the last one may be shorter
    /// @param carry how the chunks hang together
    /// @param l2Wrap whether the gradient has the official trainers' pull on the largest logit
    /// @return the sum of the cross entropies of the targets that count, in nats
    /// @throws TrainingException when `chunk` is below 1, or the model is a Transformer or RetNet,
    ///   which have no gradient to a state, and `carry` is exact
    public double addDocuments(
            LabelledTokens batch, int chunk, Carry carry, double scale, boolean l2Wrap) {
        if (chunk < 1) {
            throw new TrainingException("a chunk has " + chunk + " tokens; expected 1 or more");
        }
        List<LabelledTokens> chunks = new ArrayList<>();
        for (int from = 0; from < batch.length(); from += chunk) {
            chunks.add(batch.slice(from, Math.min(from + chunk, batch.length())));
        }
        while (states.size() < batch.sequences()) {
            states.add(new LearningState(model.newState(), tape));
        }
        List<LearningState> used = states.subList(0, batch.sequences());
        boolean exact = carry == Carry.EXACT && chunks.size() > 1;
        if (exact && model.stateLayout().counts()) {
            throw new TrainingException(
                    "carry is exact; a "
                            + model.config().architecture()
                            + " model has no gradient to the state between chunks, expected"
                            + " truncated or none");
        }
        return exact
                ? addExact(chunks, used, scale, l2Wrap)
                : addInOrder(chunks, used, carry, scale, l2Wrap);
    }

    private double addInOrder(
            List<LabelledTokens> chunks,
            List<LearningState> used,
            Carry carry,
            double scale,
            boolean l2Wrap) {
        double loss = 0;
        for (int c = 0; c < chunks.size(); c++) {
            boolean first = c == 0 || carry == Carry.NONE;
            if (first) {
                begin(used);
            }
            loss += run(chunks.get(c), used, new Pass(first, false, false), scale, l2Wrap);
        }
        return loss;
    }

    private double addExact(
            List<LabelledTokens> chunks, List<LearningState> used, double scale, boolean l2Wrap) {
        List<List<State>> starts = new ArrayList<>();
        try {
            begin(used);
            for (int c = 0; c < chunks.size(); c++) {
                starts.add(used.stream().map(state -> state.state().copy()).toList());
                if (c < chunks.size() - 1) {
                    model.forward(eager, batchOf(chunks.get(c), used, Batch.Logits.NONE));
                }
            }
            double[] losses = new double[chunks.size()];
            for (int c = chunks.size() - 1; c >= 0; c--) {
                for (int b = 0; b < used.size(); b++) {
                    used.get(b).state().set(starts.get(c).get(b));
                }
                Pass pass = new Pass(c == 0, c < chunks.size() - 1, c > 0);
                losses[c] = run(chunks.get(c), used, pass, scale, l2Wrap);
            }
            double sum = 0;
            for (double loss : losses) {
                sum += loss;
            }
            return sum;
        } finally {
            starts.forEach(start -> start.forEach(State::close));
        }
    }

    private boolean beginningLearns() {
        return beginning == null && !model.initial().parts().isEmpty();
    }

    private void begin(List<LearningState> used) {
        State given = beginning;
        try (State fresh = given == null ? model.newState() : given.copy()) {
            used.forEach(state -> state.state().set(fresh));
        }
    }

    private static Batch batchOf(
            LabelledTokens batch, List<LearningState> used, Batch.Logits wanted) {
        Batch.Builder builder = Batch.builder();
        for (int b = 0; b < batch.sequences(); b++) {
            builder.add(used.get(b).state(), wanted, batch.input(b));
        }
        return builder.build();
    }

    /// One forward and backward pass from the states as they are.
    private double run(
            LabelledTokens batch,
            List<LearningState> used,
            Pass pass,
            double scale,
            boolean l2Wrap) {
        boolean learns = pass.first() && beginningLearns();
        if (learns || pass.handsBack()) {
            used.forEach(LearningState::expectGradient);
        }
        Tensor logits = model.forward(ops, batchOf(batch, used, Batch.Logits.ALL));
        if (pass.carries()) {
            used.forEach(LearningState::carry);
        }
        double loss = CrossEntropy.sum(eager, logits, batch.targetIds(), scale, logits, l2Wrap);
        tape.setGradient(logits, logits);
        tape.backward();
        if (learns) {
            used.forEach(state -> model.initial().addGradient(state.gradient()));
        }
        if (pass.handsBack()) {
            used.forEach(LearningState::handBack);
        }
        return loss;
    }

    /// Runs a batch forwards from new states.
    ///
    /// @return the sum of the cross entropies of the targets that count, in nats
    public double loss(LabelledTokens batch) {
        while (states.size() < batch.sequences()) {
            states.add(new LearningState(model.newState(), tape));
        }
        List<LearningState> used = states.subList(0, batch.sequences());
        eager.weightsChanged();
        begin(used);
        Tensor logits = model.forward(eager, batchOf(batch, used, Batch.Logits.ALL));
        return CrossEntropy.sum(eager, logits, batch.targetIds(), 1, logits, false);
    }

    /// Sets everything that learns to what `checkpoint` has, as [#save(Path)] wrote it.
    ///
    /// @throws TrainingException when it is of another model or adapter; nothing has changed then
    public void restore(Checkpoint checkpoint) {
        if (adapter.kind() != AdapterSettings.Kind.FULL) {
            requireOwn(checkpoint);
        }
        for (Parameter parameter : parameters.values()) {
            Shape shape = shape(parameter);
            if (!checkpoint.names().contains(parameter.name())
                    || !checkpoint.entry(parameter.name()).dtype().floating()
                    || !checkpoint.entry(parameter.name()).shape().equals(shape)) {
                throw new TrainingException(
                        checkpoint.source()
                                + ": has no tensor "
                                + parameter.name()
                                + " "
                                + shape
                                + "; it is of another model or adapter");
            }
        }
        for (Parameter parameter : parameters.values()) {
            parameter.weight().set(checkpoint.tensor(parameter.name()).toFloats());
        }
    }

    private void requireOwn(Checkpoint checkpoint) {
        for (String name : checkpoint.names()) {
            if (!parameters.containsKey(name)) {
                throw new TrainingException(
                        checkpoint.source()
                                + ": has a tensor "
                                + name
                                + ", which does not learn here; it is of another model or adapter");
            }
        }
        for (Map.Entry<String, String> expected : metadata.entrySet()) {
            String value = checkpoint.metadata().get(expected.getKey());
            if (value != null && !value.equals(expected.getValue())) {
                throw new TrainingException(
                        checkpoint.source()
                                + ": its "
                                + expected.getKey()
                                + " is "
                                + value
                                + "; expected "
                                + expected.getValue());
            }
        }
    }

    /// Checks that what [#save(Path)] writes has room at `file`.
    ///
    /// @throws dev.anser.base.AnserException when the `config.json` of another model stands in its
    ///   folder
    public void requireRoom(Path file) {
        configuration.requireRoom(file);
    }

    /// Writes what was learned, whole or not at all: after full training the model under the
    /// checkpoint's names and shapes, F32 where it learned and as it was where frozen, with the
    /// `config.json` beside it that a Transformer or a RetNet needs; else the adapter alone, which
    /// `anser merge` puts into the model.
    public void save(Path file) {
        SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
        if (adapter.kind() == AdapterSettings.Kind.FULL) {
            tensors.putAll(stored);
        }
        for (Parameter parameter : parameters.values()) {
            tensors.put(parameter.name(), parameter.weight().reshape(shape(parameter).sizes()));
        }
        configuration.write(file);
        Safetensors.write(file, tensors, metadata);
    }

    /// Writes the gradients as F32, whole or not at all: after full training under the checkpoint's
    /// names and shapes, zeros where a tensor has no effect or is frozen; else those of the
    /// adapter.
    public void saveGradients(Path file) {
        try (Arena temporary = Arena.ofConfined()) {
            SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
            if (adapter.kind() == AdapterSettings.Kind.FULL) {
                stored.forEach((name, tensor) -> {
                    if (!parameters.containsKey(name)) {
                        long[] sizes = tensor.shape().sizes();
                        tensors.put(name, Tensor.allocate(temporary, DType.F32, sizes));
                    } else {
                        tensors.put(name, tensor);
                    }
                });
            }
            for (Parameter parameter : parameters.values()) {
                long[] sizes = shape(parameter).sizes();
                tensors.put(parameter.name(), parameter.gradient().reshape(sizes));
            }
            Safetensors.write(file, tensors, Map.of());
        }
    }

    /// The shape that the checkpoint has for it.
    private Shape shape(Parameter parameter) {
        Tensor tensor = stored.get(parameter.name());
        return tensor == null ? parameter.weight().shape() : tensor.shape();
    }

    @Override
    public void close() {
        states.forEach(LearningState::close);
        if (beginning != null) {
            beginning.close();
        }
        model.close();
        tape.close();
        eager.close();
        arena.close();
    }

    /// Where a chunk stands in its document.
    ///
    /// @param first whether it begins with a new state, which may learn
    /// @param carries whether the chunk after it has handed back the gradient to the states
    /// @param handsBack whether the chunk before it wants the gradient to the states
    private record Pass(boolean first, boolean carries, boolean handsBack) {}
}
