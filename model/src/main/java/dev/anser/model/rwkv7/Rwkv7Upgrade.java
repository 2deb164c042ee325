package dev.anser.model.rwkv7;

import dev.anser.base.AnserException;
import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.CheckpointView;
import dev.anser.checkpoint.ModelFormatException;
import dev.anser.model.Architectures;
import dev.anser.model.InitialWeight;
import dev.anser.model.ModelConfig;
import dev.anser.tensor.DType;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.DoubleUnaryOperator;
import java.util.function.Function;

/// An RWKV-7 model to begin training with, made of the weights of an RWKV-6 model, by the rule with
/// which the authors of RWKV-7 went on from their earlier models (arXiv 2503.14456).
///
/// It computes something else than the old model and predicts worse until it has been trained: the
/// state evolves by another rule. What becomes of each weight of a layer:
///
/// | RWKV-7 | from RWKV-6 |
/// |---|---|
/// | `head`, `att.key`, `att.value` | kept |
/// | `emb`, `att.receptance`, `att.output` | half |
/// | weights of all normalisations | their square root, 0 for negative ones |
/// | biases of all normalisations | half |
/// | `att.x_r` `x_w` `x_k` `x_v` `x_g`, `ffn.x_k` | `time_maa_*`, what is the same for all tokens |
/// | `att.w0` | `time_decay`, so that the decays are equal (below) |
/// | `att.w1`, `att.w2` | `time_decay_w1`, `time_decay_w2`, made wider by numbers even in ±1e-4 |
/// | `att.g1`, `att.g2` | the pair that comes closest to `att.gate`, each half |
/// | `ffn.key`, `ffn.value` | kept, made wider (4C) by numbers even in ±1e-3 |
/// | `att.x_a`, `a*`, `v*`, `k_k`, `k_a`, `r_k` | new, as the official training begins |
///
/// The widths of new low-rank pairs are the official ones. Nothing takes over what made token shift
/// depend on the data (`time_maa_x`, `time_maa_w1`, `time_maa_w2`), the bonus `time_faaaa`, the
/// receptance of the channel mix, and a learned state.
///
/// Exact but for rounding: the decay of a token whose low-rank part is 0, where RWKV-7 can decay as
/// fast (0.545; what was faster than 0.561 becomes 0.561). Approximate: the low-rank part of the
/// decay, which acts on the exponent as it did where the decay is slow and less where it is fast,
/// and the gate, which has a sigmoid inside now.
public final class Rwkv7Upgrade {
    /// The largest bias of a decay: that of the official initial values. A decay of 0.561, where
    /// the fastest possible one is 0.545; beyond it hardly any gradient is left.
    private static final double LARGEST_DECAY_BIAS = 3;

    private static final float FEED_FORWARD_BOUND = 1e-3f;
    private static final float DECAY_BOUND = 1e-4f;
    private static final long SEED = 7;

    private final Checkpoint model;
    private final Threads threads;
    private final Rwkv7Initial.Sizes sizes;
    private final DType matrixType;
    private final CheckpointView.Builder view;
    private final Map<String, LowRankFit> fits = new HashMap<>();
    private final Set<String> lost;
    private final Set<String> approximate = new LinkedHashSet<>();
    private final Set<String> fresh = new LinkedHashSet<>();

    /// Plans to make `model`, an RWKV-6 with official names, an RWKV-7. `threads` is borrowed until
    /// the new model is closed.
    ///
    /// @throws AnserException when it is another model, or a quantised one
    public Rwkv7Upgrade(Checkpoint model, Threads threads) {
        this.model = model;
        this.threads = threads;
        ModelConfig config = Architectures.describe(model);
        if (!config.architecture().equals("rwkv6")) {
            throw new AnserException(
                    model.source()
                            + ": is of the family "
                            + config.architecture()
                            + "; expected RWKV-6, the one that an RWKV-7 is made of");
        }
        for (String name : model.names()) {
            DType type = model.entry(name).dtype();
            if (!type.computable() || type.quantised()) {
                throw new AnserException(
                        model.source()
                                + ": tensor "
                                + name
                                + " is "
                                + type
                                + "; expected F32, F16 or BF16, for the model is to be trained."
                                + " Take the file that it was quantised from");
            }
        }
        this.sizes = sizes(config);
        this.matrixType = model.entry("blocks.0.att.key.weight").dtype();
        this.view = CheckpointView.of(model).metadata(Map.of("architecture", "rwkv7"));
        this.lost = new LinkedHashSet<>(model.names());
        Rwkv7Initial.training(sizes, SEED).weights().forEach(this::add);
    }

    private Rwkv7Initial.Sizes sizes(ModelConfig config) {
        Rwkv7Initial.Sizes official =
                Rwkv7Initial.Sizes.of(
                        config.layers(), config.width(), config.headSize(), config.vocabulary());
        int decay = Math.toIntExact(model.entry("blocks.0.att.time_decay_w1").shape().size(-1));
        return new Rwkv7Initial.Sizes(
                config.layers(),
                config.width(),
                config.headSize(),
                config.vocabulary(),
                Math.max(decay, official.decayRank()),
                official.rateRank(),
                official.valueRank(),
                Math.min(config.width(), official.gateRank()));
    }

    /// The weights of the old model that the new one has no place for, with `#` for the layer.
    public List<String> lost() {
        return patterns(lost);
    }

    /// The weights of the new model that only come close to what the old one computes.
    public List<String> approximate() {
        return patterns(approximate);
    }

    /// The weights of the new model that begin as in a new model.
    public List<String> fresh() {
        return patterns(fresh);
    }

    private static List<String> patterns(Set<String> names) {
        return names.stream()
                .map(name -> name.replaceFirst("^blocks\\.\\d+\\.", "blocks.#."))
                .distinct()
                .toList();
    }

    /// The new model under official names. Owns the old one.
    public Checkpoint upgraded() {
        return view.build();
    }

    /// The bias of RWKV-7's decay `exp(-e^(-1/2) sigmoid(bias))` that equals RWKV-6's
    /// `exp(-exp(x))`: `ln(s / (1 - s))` of `s = e^(x + 1/2)`. Decays faster than 0.561 become
    /// 0.561, a bias of 3.
    static double decayBias(double x) {
        double logarithm = x + 0.5; // of s
        if (logarithm >= 0) {
            return LARGEST_DECAY_BIAS;
        }
        return Math.min(LARGEST_DECAY_BIAS, logarithm - Math.log1p(-Math.exp(logarithm)));
    }

    private void add(InitialWeight weight) {
        String name = weight.name();
        int part = name.startsWith("blocks.") ? name.indexOf('.', "blocks.".length()) + 1 : 0;
        String block = name.substring(0, part);
        String own = name.substring(part);
        switch (own) {
            case "head.weight", "att.key.weight", "att.value.weight" -> each(weight, name, x -> x);
            case "emb.weight", "att.receptance.weight", "att.output.weight" ->
                    each(weight, name, x -> x / 2);
            case "att.x_r", "att.x_w", "att.x_k", "att.x_v", "att.x_g", "ffn.x_k" ->
                    each(weight, block + own.replace("x_", "time_maa_"), x -> x);
            case "att.w0" -> each(weight, block + "att.time_decay", Rwkv7Upgrade::decayBias);
            case "att.w1", "att.w2" -> {
                approximate.add(name);
                int axis = own.equals("att.w1") ? 1 : 0;
                wider(weight, axis, block + own.replace("w", "time_decay_w"), DECAY_BOUND);
            }
            case "att.g1" -> gate(weight, block + "att.gate.weight", LowRankFit::down);
            case "att.g2" -> gate(weight, block + "att.gate.weight", LowRankFit::up);
            case "ffn.key.weight" -> wider(weight, 0, name, FEED_FORWARD_BOUND);
            case "ffn.value.weight" -> wider(weight, 1, name, FEED_FORWARD_BOUND);
            default -> {
                if (own.endsWith(".weight")) {
                    each(weight, name, x -> Math.sqrt(Math.max(0, x)));
                } else if (own.endsWith(".bias")) {
                    each(weight, name, x -> x / 2);
                } else {
                    fresh.add(name);
                    put(weight, weight.shape(), (_, _, target) -> weight.fill(target, threads));
                }
            }
        }
    }

    /// Fills a tensor of the new model with numbers; `arena` lives as long as the model.
    private interface Filling {
        void fill(Checkpoint old, Arena arena, Tensor target);
    }

    /// Matrices have the type of the old model, vectors F32.
    private void put(InitialWeight weight, Shape shape, Filling filling) {
        DType type = shape.squeeze().rank() < 2 ? DType.F32 : matrixType;
        view.add(
                new Checkpoint.Entry(weight.name(), type, shape),
                (old, arena) -> {
                    Tensor target = Tensor.allocate(arena, type, shape.sizes());
                    filling.fill(old, arena, target);
                    return target;
                });
    }

    /// Each number of the old tensor `from`, changed.
    private void each(InitialWeight weight, String from, DoubleUnaryOperator change) {
        Shape shape = take(from);
        if (!shape.squeeze().equals(weight.shape().squeeze())) {
            throw wrong(from, weight.shape().squeeze());
        }
        put(
                weight,
                weight.shape(),
                (old, _, target) -> {
                    Tensor source = old.tensor(from);
                    int columns = target.columns();
                    threads.run(
                            (row, _) -> {
                                long end = (long) (row + 1) * columns;
                                for (long i = (long) row * columns; i < end; i++) {
                                    target.set(i, (float) change.applyAsDouble(source.get(i)));
                                }
                            },
                            target.rows());
                });
    }

    /// The old matrix `from`, and behind it along `axis` small random numbers.
    private void wider(InitialWeight weight, int axis, String from, float bound) {
        Shape old = take(from);
        long[] sizes = weight.shape().sizes();
        if (old.rank() != 2 || old.size(1 - axis) != sizes[1 - axis]) {
            throw wrong(from, weight.shape());
        }
        sizes[axis] = Math.max(old.size(axis), sizes[axis]);
        Shape shape = Shape.of(sizes);
        InitialWeight.Rule rule =
                new InitialWeight.Rule.Uniform(bound, InitialWeight.key(SEED, weight.name()));
        put(
                weight,
                shape,
                (source, _, target) -> {
                    new InitialWeight(weight.name(), shape, rule).fill(target, threads);
                    Tensor tensor = source.tensor(from);
                    int columns = tensor.columns();
                    threads.run(
                            (row, _) -> {
                                for (long c = 0; c < columns; c++) {
                                    target.set(
                                            row * shape.size(1) + c,
                                            tensor.get((long) row * columns + c));
                                }
                            },
                            tensor.rows());
                });
    }

    /// One side of the pair that is fitted to the old gate `from`.
    private void gate(InitialWeight weight, String from, Function<LowRankFit, Tensor> side) {
        int width = sizes.width();
        Shape square = Shape.of(width, width);
        if (!take(from).equals(square)) {
            throw wrong(from, square);
        }
        approximate.add(weight.name());
        put(
                weight,
                weight.shape(),
                (old, arena, target) -> {
                    Tensor half =
                            side.apply(fits.computeIfAbsent(from, _ -> fit(old, from, arena)));
                    for (long i = 0; i < target.elements(); i++) {
                        target.set(i, half.get(i) / 2);
                    }
                });
    }

    private LowRankFit fit(Checkpoint old, String gate, Arena arena) {
        int rank = sizes.gateRank();
        return LowRankFit.of(old.tensor(gate), rank, InitialWeight.key(SEED, gate), arena, threads);
    }

    private Shape take(String from) {
        lost.remove(from);
        return model.entry(from).shape();
    }

    private ModelFormatException wrong(String name, Shape expected) {
        return new ModelFormatException(
                model.source()
                        + ": tensor "
                        + name
                        + " is "
                        + model.entry(name).shape()
                        + "; expected "
                        + expected);
    }
}
