package dev.anser.model;

import dev.anser.base.AnserException;
import dev.anser.tensor.DType;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/// The weights of a new model: names, shapes and first values, as the official training code of its
/// architecture names and shapes them.
///
/// Values depend on the seed, the tensor's name and the position alone: the same seed gives the
/// same weights, whatever the number of threads; those of training on the same kind of processor.
///
/// @param architecture the family, as [ModelConfig#architecture()] says it
/// @param weights all tensors, in the official order, the embedding first
/// @param configuration what `config.json` says beside them; empty for a family that needs none
public record InitialWeights(
        String architecture, List<InitialWeight> weights, Map<String, Object> configuration) {
    /// Copies list and map.
    public InitialWeights {
        weights = List.copyOf(weights);
        configuration = Collections.unmodifiableMap(new LinkedHashMap<>(configuration));
    }

    /// The same with an embedding that lies evenly between plus and minus `bound`. The 1e-4 of RWKV
    /// is less than one step of the optimiser, which moves all tokens alike at first: good for a
    /// large vocabulary, but a dozen tokens then take long to become different.
    ///
    /// @throws AnserException when the embeddings of this family do not begin evenly distributed
    public InitialWeights withEmbeddingBound(double bound) {
        InitialWeight embedding = weights.getFirst();
        if (!(embedding.rule() instanceof InitialWeight.Rule.Uniform even)) {
            throw new AnserException(
                    embedding.name()
                            + " of "
                            + architecture
                            + " models does not begin evenly distributed, so it has no bound");
        }
        List<InitialWeight> changed = new ArrayList<>(weights);
        changed.set(
                0,
                new InitialWeight(
                        embedding.name(),
                        embedding.shape(),
                        new InitialWeight.Rule.Uniform((float) bound, even.key())));
        return new InitialWeights(architecture, changed, configuration);
    }

    /// All tensors in F32 under their official names, in new memory of `arena`.
    public SequencedMap<String, Tensor> tensors(Arena arena, Threads threads) {
        SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
        for (InitialWeight weight : weights) {
            Tensor tensor = Tensor.allocate(arena, DType.F32, weight.shape().sizes());
            weight.fill(tensor, threads);
            tensors.put(weight.name(), tensor);
        }
        return tensors;
    }

    /// Number of weights.
    public long parameters() {
        return weights.stream().mapToLong(weight -> weight.shape().elements()).sum();
    }

    /// Collects the weights of one model.
    ///
    /// Official ones are those that training begins with. The others have the same vectors, but
    /// even random numbers of the same spread in all matrices, also in those that training starts
    /// at zero: so every weight has an effect on the logits, and the largest model takes seconds.
    public static final class Builder {
        private final long seed;
        private final boolean official;
        private final List<InitialWeight> weights = new ArrayList<>();

        /// Starts a model without weights.
        public Builder(long seed, boolean official) {
            this.seed = seed;
            this.official = official;
        }

        /// All weights so far, of a model of this architecture.
        public InitialWeights build(String architecture) {
            return build(architecture, Map.of());
        }

        /// All weights so far, of a model of this architecture with this `config.json`.
        public InitialWeights build(String architecture, Map<String, Object> configuration) {
            return new InitialWeights(architecture, weights, configuration);
        }

        /// Weight 1 and bias 0 of a normalisation over `width` channels.
        public Builder norm(String name, int width) {
            return scale(name, width).bias(name, width);
        }

        /// Weight 1 of a normalisation over `width` channels.
        public Builder scale(String name, int width) {
            return listed(name + ".weight", constant(width, 1), width);
        }

        /// A bias of zeros.
        public Builder bias(String name, int width) {
            return listed(name + ".bias", constant(width, 0), width);
        }

        /// A vector in the form (1, 1, C).
        public Builder channels(String name, float[] values) {
            return listed(name, values, 1, 1, values.length);
        }

        /// These values, which the model then owns.
        public Builder listed(String name, float[] values, long... shape) {
            return add(name, new InitialWeight.Rule.Listed(values), shape);
        }

        /// Random numbers, even between plus and minus `bound`.
        public Builder evenly(String name, double bound, long... shape) {
            return add(
                    name,
                    new InitialWeight.Rule.Uniform((float) bound, InitialWeight.key(seed, name)),
                    shape);
        }

        /// A matrix (out, in) of normally distributed numbers; for measuring, one as spread.
        public Builder normal(String name, double deviation, long out, long in) {
            return official
                    ? add(
                            name,
                            new InitialWeight.Rule.Normal(
                                    (float) deviation, InitialWeight.key(seed, name)),
                            out,
                            in)
                    : evenly(name, Math.sqrt(3) * deviation, out, in);
        }

        /// A matrix (out, in) by the rule of Glorot and Bengio (2010), which keeps the size of
        /// activations and of gradients alike, times `gain`.
        public Builder xavier(String name, double gain, long out, long in) {
            return evenly(name, gain * Math.sqrt(6.0 / (out + in)), out, in);
        }

        /// A matrix (out, in) with orthogonal rows or columns of length `gain`; for measuring, one
        /// as spread.
        public Builder orthogonal(String name, double gain, long out, long in) {
            return official
                    ? add(
                            name,
                            new InitialWeight.Rule.Orthogonal(
                                    (float) gain, InitialWeight.key(seed, name)),
                            out,
                            in)
                    : evenly(
                            name,
                            Math.sqrt(3) * gain / Math.sqrt((double) Math.max(out, in)),
                            out,
                            in);
        }

        /// A matrix (out, in) that training starts at zero; for measuring, a random one of moderate
        /// spread.
        public Builder zero(String name, long out, long in) {
            return official
                    ? add(name, new InitialWeight.Rule.Zero(), out, in)
                    : evenly(name, 0.5 / Math.sqrt((double) Math.max(out, in)), out, in);
        }

        private Builder add(String name, InitialWeight.Rule rule, long... shape) {
            weights.add(new InitialWeight(name, Shape.of(shape), rule));
            return this;
        }
    }

    /// `count` times `value`.
    public static float[] constant(int count, double value) {
        float[] values = new float[count];
        Arrays.fill(values, (float) value);
        return values;
    }
}
