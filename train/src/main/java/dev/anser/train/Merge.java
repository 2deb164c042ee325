package dev.anser.train;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.ConfigurationFile;
import dev.anser.checkpoint.Safetensors;
import dev.anser.model.Architectures;
import dev.anser.model.InitialState;
import dev.anser.tensor.DType;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeMap;

/// Puts an adapter into the model that it was made for.
///
/// A low-rank pair is added to its matrix, `W + alpha / r · B A`, in F32 and rounded to the type of
/// W. A learned initial state joins the tensors as it is. A tensor with the name and shape of one
/// of the model's takes its place, as trainers write that learn norms or biases beside the pairs.
///
/// Everything is checked when a merge is made, before anything is written.
public final class Merge {
    static final String RANK = "lora_rank";
    static final String ALPHA = "lora_alpha";

    private record Pair(Tensor down, Tensor up, float scale) {}

    private final Checkpoint base;
    private final Threads threads;
    private final Map<String, Pair> pairs = new LinkedHashMap<>();
    private final SequencedMap<String, Tensor> replaced = new LinkedHashMap<>();
    private final SequencedMap<String, Tensor> added = new LinkedHashMap<>();

    /// Checks that `adapter` fits `base`; both are borrowed and must stay open, as must `threads`.
    ///
    /// @param alpha LoRA's alpha, when given; else the adapter's own
    /// @throws TrainingException when it does not fit, or there is no alpha
    /// @throws dev.anser.checkpoint.ModelFormatException when `base` is no model
    public Merge(Checkpoint base, Checkpoint adapter, OptionalDouble alpha, Threads threads) {
        this.base = base;
        this.threads = threads;
        Architectures.describe(base);
        Fingerprint.requireSame(adapter, base, Fingerprint.of(base));
        Set<String> rest = new LinkedHashSet<>(adapter.names());
        if (rest.stream().anyMatch(InitialState::isName)) {
            InitialState.requireFits(adapter, Architectures.stateLayout(base));
        }
        for (String name : adapter.names()) {
            Tensor tensor = adapter.tensor(name);
            requireFloating(adapter, name, tensor);
            if (name.endsWith(LowRankPairs.DOWN) || name.endsWith(LowRankPairs.UP)) {
                addPair(adapter, name, alpha);
            } else if (InitialState.isName(name)) {
                (base.names().contains(name) ? replaced : added).put(name, tensor);
            } else if (base.names().contains(name)
                    && base.entry(name).shape().equals(tensor.shape())) {
                replaced.put(name, tensor);
            } else {
                throw new TrainingException(
                        adapter.source()
                                + ": tensor "
                                + name
                                + " "
                                + tensor.shape()
                                + " is neither of a low-rank pair nor a learned state, and "
                                + base.source()
                                + " has none such; expected an adapter for that model");
            }
        }
        if (adapter.names().isEmpty()) {
            throw new TrainingException(adapter.source() + ": has no tensors; expected an adapter");
        }
        if (alpha.isPresent() && pairs.isEmpty()) {
            throw new TrainingException(
                    adapter.source()
                            + ": has no low-rank pairs, so an alpha of "
                            + alpha.getAsDouble()
                            + " has no meaning; leave it out");
        }
    }

    private void addPair(Checkpoint adapter, String name, OptionalDouble alpha) {
        String stem = name.substring(0, name.lastIndexOf('.'));
        String weight = stem + LowRankPairs.WEIGHT;
        if (pairs.containsKey(weight)) {
            return;
        }
        Tensor down = half(adapter, stem + LowRankPairs.DOWN, name);
        Tensor up = half(adapter, stem + LowRankPairs.UP, name);
        if (!base.names().contains(weight)) {
            throw new TrainingException(
                    adapter.source()
                            + ": has "
                            + name
                            + ", but "
                            + base.source()
                            + " has no "
                            + weight
                            + "; expected an adapter for that model");
        }
        Checkpoint.Entry entry = base.entry(weight);
        Shape shape = entry.shape();
        if (shape.rank() != 2
                || down.shape().rank() != 2
                || up.shape().rank() != 2
                || down.columns() != shape.size(1)
                || up.rows() != shape.size(0)
                || down.rows() != up.columns()) {
            throw new TrainingException(
                    adapter.source()
                            + ": "
                            + stem
                            + " has lora_A "
                            + down.shape()
                            + " and lora_B "
                            + up.shape()
                            + "; expected [r, in] and [out, r] for "
                            + weight
                            + " "
                            + shape
                            + " of "
                            + base.source());
        }
        requireFloating(base, weight, base.tensor(weight));
        double scale = alpha(adapter, alpha) / down.rows();
        pairs.put(weight, new Pair(down, up, (float) scale));
    }

    private static Tensor half(Checkpoint adapter, String half, String other) {
        if (!adapter.names().contains(half)) {
            throw new TrainingException(
                    adapter.source()
                            + ": has "
                            + other
                            + " without "
                            + half
                            + "; a low-rank pair needs both");
        }
        return adapter.tensor(half);
    }

    private static double alpha(Checkpoint adapter, OptionalDouble given) {
        String stored = adapter.metadata().get(ALPHA);
        double alpha;
        if (given.isPresent()) {
            alpha = given.getAsDouble();
        } else if (stored == null) {
            throw new TrainingException(
                    adapter.source()
                            + ": does not say its alpha; give the one that it was trained with"
                            + " (--alpha)");
        } else {
            alpha = number(adapter, stored);
        }
        if (!(alpha > 0) || Double.isInfinite(alpha)) {
            throw new TrainingException("the alpha of LoRA is " + alpha + "; expected above 0");
        }
        return alpha;
    }

    private static double number(Checkpoint adapter, String text) {
        try {
            return Double.parseDouble(text);
        } catch (NumberFormatException e) {
            throw new TrainingException(
                    adapter.source() + ": its " + ALPHA + " is " + text + "; expected a number");
        }
    }

    private static void requireFloating(Checkpoint checkpoint, String name, Tensor tensor) {
        if (!tensor.dtype().floating()) {
            throw new TrainingException(
                    checkpoint.source()
                            + ": tensor "
                            + name
                            + " is "
                            + tensor.dtype()
                            + "; expected F32, F16 or BF16");
        }
        for (long i = 0; i < tensor.elements(); i++) {
            if (!Float.isFinite(tensor.get(i))) {
                throw new TrainingException(
                        checkpoint.source()
                                + ": element "
                                + i
                                + " of tensor "
                                + name
                                + " is "
                                + tensor.get(i)
                                + "; expected finite numbers");
            }
        }
    }

    /// How many tensors of the model change or join it.
    public int tensors() {
        return pairs.size() + replaced.size() + added.size();
    }

    /// Writes the merged model as safetensors, under the base's names and in its types, whole or
    /// not at all, with the `config.json` beside it that a Transformer or a RetNet needs.
    ///
    /// @throws dev.anser.base.AnserException when it cannot be written, or the `config.json` of
    ///   another model stands in its folder
    public void write(Path out) {
        ConfigurationFile configuration = new ConfigurationFile(Architectures.configuration(base));
        configuration.requireRoom(out);
        List<Checkpoint.Entry> entries = new ArrayList<>();
        base.names().forEach(name -> entries.add(base.entry(name)));
        added.forEach((name, tensor) ->
                entries.add(new Checkpoint.Entry(name, tensor.dtype(), tensor.shape())));
        Map<String, String> metadata = new TreeMap<>(base.metadata());
        try (Arena arena = Arena.ofShared()) {
            long largest = entries.stream().mapToLong(Merge::bytes).max().orElse(0);
            Tensor memory = Tensor.allocate(arena, DType.U8, Math.max(largest, 1));
            Safetensors.write(out, entries, metadata, entry -> tensor(entry, memory));
            configuration.write(out);
        }
    }

    private static long bytes(Checkpoint.Entry entry) {
        return entry.dtype().bytes(entry.shape().elements());
    }

    private Tensor tensor(Checkpoint.Entry entry, Tensor memory) {
        Tensor joined = added.get(entry.name());
        if (joined != null) {
            return joined;
        }
        Pair pair = pairs.get(entry.name());
        Tensor other = replaced.get(entry.name());
        if (pair == null && other == null) {
            return base.tensor(entry.name());
        }
        Tensor result =
                new Tensor(memory.segment().asSlice(0, bytes(entry)), entry.dtype(), entry.shape());
        Tensor source = other == null ? base.tensor(entry.name()) : other;
        if (pair == null) {
            for (long i = 0; i < result.elements(); i++) {
                result.set(i, source.get(i));
            }
        } else {
            threads.run((row, _) -> addRow(source, pair, result, row), result.rows());
        }
        return result;
    }

    /// Row `row` of `W + scale · B A`.
    private static void addRow(Tensor weight, Pair pair, Tensor result, int row) {
        int columns = weight.columns();
        int rank = pair.down().rows();
        float[] sum = new float[columns];
        for (int i = 0; i < rank; i++) {
            float up = pair.up().get((long) row * rank + i);
            for (int c = 0; c < columns; c++) {
                sum[c] = Math.fma(up, pair.down().get((long) i * columns + c), sum[c]);
            }
        }
        long start = (long) row * columns;
        for (int c = 0; c < columns; c++) {
            result.set(start + c, Math.fma(pair.scale(), sum[c], weight.get(start + c)));
        }
    }
}
