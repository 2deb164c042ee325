package dev.anser.train;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.tensor.AdamWUpdate;
import dev.anser.tensor.DType;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/// Adam with decoupled weight decay (arXiv 1711.05101, algorithm 2), bias-corrected, in the
/// parameter groups of the official RWKV trainers.
///
/// Per step t: `m = β₁ m + (1 - β₁) g`, `v = β₂ v + (1 - β₂) g²`, `p = p (1 - lr · decay)`, `p = p
/// - lr · m̂ / (√v̂ + ε)` with `m̂ = m / (1 - β₁ᵗ)` and `v̂ = v / (1 - β₂ᵗ)`.
public final class AdamW implements AutoCloseable {
    private static final int GRAIN = 1 << 14;

    /// The settings of an optimiser.
    ///
    /// @param learningRate lr, above 0
    /// @param beta1 how much of the mean gradient is kept, 0 to 1
    /// @param beta2 how much of the mean square is kept, 0 to 1
    /// @param epsilon ε; the official RWKV trainers use 1e-18
    /// @param weightDecay decay of the large matrices, 0 or more
    public record Settings(
            double learningRate, double beta1, double beta2, double epsilon, double weightDecay) {
        /// Checks the ranges.
        public Settings {
            require(learningRate > 0, "the learning rate", learningRate, "above 0");
            require(beta1 >= 0 && beta1 < 1, "beta 1", beta1, "from 0 up to, not including, 1");
            require(beta2 >= 0 && beta2 < 1, "beta 2", beta2, "from 0 up to, not including, 1");
            require(epsilon > 0, "epsilon", epsilon, "above 0");
            require(weightDecay >= 0, "the weight decay", weightDecay, "0 or more");
        }

        private static void require(boolean holds, String what, double value, String expected) {
            if (!holds || !Double.isFinite(value)) {
                throw new TrainingException(what + " is " + value + "; expected " + expected);
            }
        }
    }

    private record Slot(Parameter parameter, ParameterGroup group, Tensor mean, Tensor square) {}

    private final Settings settings;
    private final Threads threads;
    private final Arena arena = Arena.ofShared();
    private final List<Slot> slots = new ArrayList<>();
    private long steps;

    /// An optimiser of `parameters`, all moments zero. Both arguments are borrowed.
    public AdamW(List<Parameter> parameters, Settings settings, Threads threads) {
        this.settings = settings;
        this.threads = threads;
        for (Parameter parameter : parameters) {
            long elements = parameter.weight().elements();
            slots.add(
                    new Slot(
                            parameter,
                            ParameterGroup.of(
                                    parameter.architecture(),
                                    parameter.name(),
                                    parameter.weight().shape(),
                                    settings.weightDecay()),
                            Tensor.allocate(arena, DType.F32, elements),
                            Tensor.allocate(arena, DType.F32, elements)));
        }
    }

    /// Moves every weight against its gradient, at the learning rate of the settings.
    public void step() {
        step(settings.learningRate(), 1);
    }

    /// Moves every weight against `scale` times its gradient.
    ///
    /// @param learningRate of this step, for weights whose group scales it by 1
    /// @param scale what clipping multiplies every gradient by
    public void step(double learningRate, double scale) {
        steps++;
        double correction1 = 1 - Math.pow(settings.beta1(), (double) steps);
        double correction2 = 1 - Math.pow(settings.beta2(), (double) steps);
        for (Slot slot : slots) {
            int elements = Math.toIntExact(slot.mean().elements());
            double rate = learningRate * slot.group().rateScale();
            threads.run(
                    (part, worker) ->
                            update(
                                    slot,
                                    rate,
                                    scale,
                                    correction1,
                                    correction2,
                                    part * GRAIN,
                                    Math.min(elements, (part + 1) * GRAIN)),
                    (elements + GRAIN - 1) / GRAIN);
        }
    }

    private void update(
            Slot slot,
            double rate,
            double scale,
            double correction1,
            double correction2,
            int from,
            int to) {
        new AdamWUpdate(
                        rate,
                        1 - rate * slot.group().weightDecay(),
                        scale,
                        settings.beta1(),
                        settings.beta2(),
                        correction1,
                        correction2,
                        settings.epsilon())
                .run(
                        slot.parameter().weight(),
                        slot.parameter().gradient(),
                        slot.mean(),
                        slot.square(),
                        from,
                        to);
    }

    /// How many steps were taken.
    public long steps() {
        return steps;
    }

    /// The moments of every parameter, flat, under its name followed by `.mean` (m) or `.square`
    /// (v); borrowed.
    public SequencedMap<String, Tensor> moments() {
        SequencedMap<String, Tensor> moments = new LinkedHashMap<>();
        for (Slot slot : slots) {
            moments.put(slot.parameter().name() + ".mean", slot.mean());
            moments.put(slot.parameter().name() + ".square", slot.square());
        }
        return moments;
    }

    /// Goes on from `moments` as [#moments()] had them after `steps` steps; copies them.
    ///
    /// @throws TrainingException when they are those of other parameters
    public void resume(Checkpoint moments, long steps) {
        moments()
                .forEach((name, target) -> {
                    if (!moments.names().contains(name)
                            || moments.entry(name).dtype() != DType.F32
                            || moments.entry(name).shape().elements() != target.elements()) {
                        throw new TrainingException(
                                moments.source()
                                        + ": has no moments "
                                        + name
                                        + " of "
                                        + target.elements()
                                        + " numbers; it belongs to another model or"
                                        + " another choice of what learns");
                    }
                    Tensor source = moments.tensor(name);
                    MemorySegment.copy(source.segment(), 0, target.segment(), 0, target.bytes());
                });
        this.steps = steps;
    }

    @Override
    public void close() {
        arena.close();
    }
}
