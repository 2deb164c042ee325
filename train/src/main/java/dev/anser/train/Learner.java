package dev.anser.train;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.Safetensors;
import dev.anser.checkpoint.TensorCheckpoint;
import dev.anser.model.Architectures;
import dev.anser.model.Batch;
import dev.anser.model.LanguageModel;
import dev.anser.model.State;
import dev.anser.model.Weight;
import dev.anser.tensor.Backend;
import dev.anser.tensor.CrossEntropy;
import dev.anser.tensor.DType;
import dev.anser.tensor.EagerOps;
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

/// A model whose weights can change: F32 copies of a checkpoint's tensors, each with its gradient.
///
/// ```java
/// try (Learner learner = new Learner(checkpoint, backend, threads)) {
///     double loss = learner.addGradients(tokens, false);
///     optimiser.step(learner.parameters());
///     learner.save(Path.of("model.safetensors"));
/// }
/// ```
///
/// For one thread, which uses the whole team.
public final class Learner implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final EagerOps eager;
    private final Tape tape = new Tape();
    private final RecordingOps ops;
    private final LanguageModel model;
    private final SequencedMap<String, Shape> shapes = new LinkedHashMap<>();
    private final SequencedMap<String, Tensor> untrained = new LinkedHashMap<>();
    private final List<Parameter> parameters = new ArrayList<>();
    private final Map<String, String> metadata;

    /// Copies the tensors of `checkpoint`, which may be closed afterwards. `threads` is borrowed.
    ///
    /// @throws dev.anser.checkpoint.ModelFormatException when it holds no model
    public Learner(Checkpoint checkpoint, Backend backend, Threads threads) {
        this.eager = backend.newOps(threads);
        this.ops = new RecordingOps(eager, threads, tape);
        this.metadata = checkpoint.metadata();
        try {
            SequencedMap<String, Tensor> copies = new LinkedHashMap<>();
            for (String name : checkpoint.names()) {
                Tensor tensor = checkpoint.tensor(name);
                Tensor copy = Tensor.allocate(arena, DType.F32, tensor.shape().sizes());
                copy.set(tensor.toFloats());
                copies.put(name, copy);
                shapes.put(name, tensor.shape());
            }
            model =
                    Architectures.load(
                            new TensorCheckpoint(
                                    checkpoint.source(),
                                    checkpoint.format(),
                                    copies,
                                    checkpoint.metadata()));
            untrained.putAll(copies);
            for (Weight weight : model.weights()) {
                Tensor gradient =
                        Tensor.allocate(arena, DType.F32, weight.tensor().shape().sizes());
                tape.watch(weight.tensor(), gradient);
                parameters.add(new Parameter(weight.name(), weight.tensor(), gradient));
                untrained.remove(weight.name());
            }
        } catch (RuntimeException e) {
            tape.close();
            eager.close();
            arena.close();
            throw e;
        }
    }

    /// The weights that the model uses, with their gradients. A tensor that has no effect (the
    /// value residual of RWKV-7's layer 0) is none of them.
    public List<Parameter> parameters() {
        return List.copyOf(parameters);
    }

    /// The model, for generating while it learns.
    public LanguageModel model() {
        return model;
    }

    /// Sets every gradient to zero.
    public void clearGradients() {
        for (Parameter parameter : parameters) {
            parameter.gradient().clear();
        }
    }

    /// Runs a batch forwards and backwards from empty states, and adds the gradient of its mean
    /// cross entropy.
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

    /// Runs a batch forwards and backwards from empty states, and adds `scale` times the gradient
    /// of its summed cross entropy.
    ///
    /// A step of several batches gives each the `scale` 1 over the number of targets of all.
    ///
    /// @param l2Wrap whether the gradient has the official trainers' pull on the largest logit
    /// @return the sum of the cross entropies of the targets that count, in nats
    public double addGradients(LabelledTokens batch, double scale, boolean l2Wrap) {
        List<State> states = new ArrayList<>();
        try {
            Batch.Builder builder = Batch.builder();
            for (int b = 0; b < batch.sequences(); b++) {
                State state = model.newState();
                states.add(state);
                builder.add(state, Batch.Logits.ALL, batch.input(b));
            }
            Tensor logits = model.forward(ops, builder.build());
            double loss = CrossEntropy.sum(eager, logits, batch.targetIds(), scale, logits, l2Wrap);
            tape.setGradient(logits, logits);
            tape.backward();
            return loss;
        } finally {
            states.forEach(State::close);
        }
    }

    /// Writes the weights as F32 under the checkpoint's names and shapes, whole or not at all.
    public void save(Path file) {
        write(file, false);
    }

    /// Writes the gradients as F32 under the checkpoint's names and shapes, whole or not at all;
    /// zeros where a tensor has no effect.
    public void saveGradients(Path file) {
        write(file, true);
    }

    private void write(Path file, boolean gradients) {
        try (Arena temporary = Arena.ofConfined()) {
            SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
            for (Map.Entry<String, Shape> shape : shapes.entrySet()) {
                Tensor fixed = untrained.get(shape.getKey());
                if (fixed != null) {
                    tensors.put(
                            shape.getKey(),
                            gradients
                                    ? Tensor.allocate(
                                            temporary, DType.F32, shape.getValue().sizes())
                                    : fixed);
                } else {
                    tensors.put(shape.getKey(), shape(shape.getKey(), gradients, shape.getValue()));
                }
            }
            Safetensors.write(file, tensors, gradients ? Map.of() : metadata);
        }
    }

    private Tensor shape(String name, boolean gradient, Shape shape) {
        for (Parameter parameter : parameters) {
            if (parameter.name().equals(name)) {
                Tensor tensor = gradient ? parameter.gradient() : parameter.weight();
                return tensor.reshape(shape.sizes());
            }
        }
        throw new IllegalStateException(name);
    }

    @Override
    public void close() {
        model.close();
        tape.close();
        eager.close();
        arena.close();
    }
}
