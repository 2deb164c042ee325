package dev.anser.model.rwkv7;

import dev.anser.base.AnserException;
import dev.anser.tensor.DType;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/// The weights of a new RWKV-7 model: names, shapes and first values, as the official training code
/// names and shapes them.
///
/// [#training(Sizes, long)] has the official values, from which a model learns (RWKV-LM,
/// `RWKV-v7/train_temp/src/model.py`, `generate_init_weight`). [#of(Sizes, long)] has the same
/// vectors, but even random numbers of the same spread in all matrices, also in those that training
/// starts at zero (`att.output`, `ffn.value`, the first halves of the low-rank pairs): so every
/// weight has an effect on the logits, and the largest model takes seconds.
///
/// Values depend on the seed, the tensor's name and the position alone: the same seed gives the
/// same weights, whatever the number of threads; those of training on the same kind of processor.
public final class Rwkv7Initial {
    /// How far from zero the official embeddings begin.
    public static final double EMBEDDING_BOUND = 1e-4;

    private static final int HEAD_SIZE = 64;
    private static final int WORLD_VOCABULARY = 65536;

    /// Elements that are filled in at a time.
    private static final int PART = 1 << 16;

    /// The sizes of the official models.
    private static final Map<String, Sizes> PRESETS = presetSizes();

    private final Sizes sizes;
    private final long seed;
    private final boolean official;
    private final double embeddingBound;
    private final List<Weight> weights = new ArrayList<>();

    /// The sizes that a new model has.
    ///
    /// @param layers number of blocks, L
    /// @param width channels of the residual stream, C, a multiple of `headSize`
    /// @param headSize channels of a head, N
    /// @param vocabulary number of token ids, V
    /// @param decayRank width of the decay's low-rank pair (w1, w2)
    /// @param rateRank width of the in-context learning rate's pair (a1, a2)
    /// @param valueRank width of the value residual's pair (v1, v2)
    /// @param gateRank width of the gate's pair (g1, g2)
    public record Sizes(
            int layers,
            int width,
            int headSize,
            int vocabulary,
            int decayRank,
            int rateRank,
            int valueRank,
            int gateRank) {
        /// Sizes with the low-rank widths of the official training code: a multiple of 32 near 2.5
        /// √C for the decay and the rate, 1.7 √C for the values, 5 √C for the gate.
        public static Sizes of(int layers, int width, int headSize, int vocabulary) {
            int rate = rank(2.5, width);
            return new Sizes(
                    layers,
                    width,
                    headSize,
                    vocabulary,
                    rate,
                    rate,
                    rank(1.7, width),
                    rank(5, width));
        }

        private static int rank(double factor, int width) {
            return Math.max(32, 32 * (int) Math.rint(factor * Math.sqrt(width) / 32));
        }
    }

    /// One tensor and the rule for its values.
    ///
    /// @param name the official name
    /// @param shape the official shape
    /// @param rule the values
    public record Weight(String name, Shape shape, Rule rule) {
        /// Sets all elements of `target`, of this shape in F32, F16 or BF16.
        public void fill(Tensor target, Threads threads) {
            if (rule instanceof Rule.Orthogonal orthogonal) {
                fillOrthogonal(orthogonal, target, threads);
                return;
            }
            long elements = shape.elements();
            threads.run(
                    (part, worker) -> {
                        long from = (long) part * PART;
                        int count = (int) Math.min(PART, elements - from);
                        float[] values = new float[count];
                        values(from, values);
                        for (int i = 0; i < count; i++) {
                            target.set(from + i, values[i]);
                        }
                    },
                    Math.toIntExact((elements + PART - 1) / PART));
        }

        private void values(long offset, float[] into) {
            switch (rule) {
                case Rule.Listed listed ->
                        System.arraycopy(
                                listed.values(), Math.toIntExact(offset), into, 0, into.length);
                case Rule.Uniform even -> {
                    float scale = even.bound() * 0x1p-23f;
                    for (int i = 0; i < into.length; i++) {
                        // 24 random bits as an odd number of 2^-24ths: symmetric, and never zero.
                        into[i] = (bits(even.key(), offset + i) - 0x7fffff.8p0f) * scale;
                    }
                }
                case Rule.Zero _, Rule.Orthogonal _ -> java.util.Arrays.fill(into, 0f);
            }
        }

        private static void fillOrthogonal(
                Rule.Orthogonal orthogonal, Tensor target, Threads threads) {
            if (target.dtype() == DType.F32) {
                OrthogonalMatrix.fill(target, orthogonal.gain(), orthogonal.key(), threads);
                return;
            }
            try (Arena arena = Arena.ofShared()) {
                Tensor exact = Tensor.allocate(arena, DType.F32, target.shape().sizes());
                OrthogonalMatrix.fill(exact, orthogonal.gain(), orthogonal.key(), threads);
                threads.run(
                        (row, worker) -> {
                            int columns = target.columns();
                            for (long i = 0; i < columns; i++) {
                                long place = (long) row * columns + i;
                                target.set(place, exact.get(place));
                            }
                        },
                        target.rows());
            }
        }
    }

    /// How the values of a tensor come about.
    public sealed interface Rule {
        /// These values; owned by the rule, not to be changed.
        record Listed(float[] values) implements Rule {}

        /// Independent, even between -`bound` and `bound`; `key` tells the tensors of a model
        /// apart.
        record Uniform(float bound, long key) implements Rule {}

        /// Zeros.
        record Zero() implements Rule {}

        /// Orthogonal rows or columns, whichever are fewer, of length `gain`; `key` tells the
        /// tensors of a model apart.
        record Orthogonal(float gain, long key) implements Rule {}
    }

    private Rwkv7Initial(Sizes sizes, long seed, boolean official, double embeddingBound) {
        this.sizes = sizes;
        this.seed = seed;
        this.official = official;
        this.embeddingBound = embeddingBound;
        collect();
    }

    private static Map<String, Sizes> presetSizes() {
        Map<String, Sizes> presets = new LinkedHashMap<>();
        presets.put("0.1b", new Sizes(12, 768, HEAD_SIZE, WORLD_VOCABULARY, 64, 64, 32, 128));
        presets.put("0.4b", new Sizes(24, 1024, HEAD_SIZE, WORLD_VOCABULARY, 64, 64, 32, 128));
        presets.put("1.5b", new Sizes(24, 2048, HEAD_SIZE, WORLD_VOCABULARY, 96, 96, 64, 256));
        presets.put("2.9b", new Sizes(32, 2560, HEAD_SIZE, WORLD_VOCABULARY, 96, 96, 64, 320));
        return presets;
    }

    /// The names that [#preset(String)] knows.
    public static List<String> presets() {
        return List.copyOf(PRESETS.keySet());
    }

    /// The official sizes called `name`, such as `0.4b`.
    ///
    /// @throws AnserException when there are none of that name
    public static Sizes preset(String name) {
        Sizes sizes = PRESETS.get(name);
        if (sizes == null) {
            throw new AnserException(
                    "there is no preset '" + name + "'; expected one of " + presets());
        }
        return sizes;
    }

    /// A model whose every weight is random, for measuring and testing.
    ///
    /// @throws AnserException when the sizes do not fit together
    public static Rwkv7Initial of(Sizes sizes, long seed) {
        return new Rwkv7Initial(check(sizes), seed, false, EMBEDDING_BOUND);
    }

    /// A model as the official training begins with it.
    ///
    /// @throws AnserException when the sizes do not fit together
    public static Rwkv7Initial training(Sizes sizes, long seed) {
        return training(sizes, seed, EMBEDDING_BOUND);
    }

    /// The same, with embeddings even between plus and minus `embeddingBound`. The official 1e-4 is
    /// less than one step of the optimiser, which moves all tokens alike at first: good for a large
    /// vocabulary, but a dozen tokens then take long to become different.
    ///
    /// @throws AnserException when the sizes do not fit together
    public static Rwkv7Initial training(Sizes sizes, long seed, double embeddingBound) {
        return new Rwkv7Initial(check(sizes), seed, true, embeddingBound);
    }

    private static Sizes check(Sizes sizes) {
        if (sizes.layers() < 1
                || sizes.headSize() < 2
                || sizes.width() < sizes.headSize()
                || sizes.width() % sizes.headSize() != 0
                || sizes.vocabulary() < 1
                || sizes.decayRank() < 1
                || sizes.rateRank() < 1
                || sizes.valueRank() < 1
                || sizes.gateRank() < 1) {
            throw new AnserException(
                    sizes
                            + " is not possible; expected at least one layer, token and rank, and heads that fill the width");
        }
        return sizes;
    }

    /// All tensors in F32 under their official names, in new memory of `arena`.
    public SequencedMap<String, Tensor> tensors(Arena arena, Threads threads) {
        SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
        for (Weight weight : weights) {
            Tensor tensor = Tensor.allocate(arena, DType.F32, weight.shape().sizes());
            weight.fill(tensor, threads);
            tensors.put(weight.name(), tensor);
        }
        return tensors;
    }

    /// The sizes.
    public Sizes sizes() {
        return sizes;
    }

    /// All tensors, in the official order.
    public List<Weight> weights() {
        return List.copyOf(weights);
    }

    /// Number of weights.
    public long parameters() {
        return weights.stream().mapToLong(weight -> weight.shape().elements()).sum();
    }

    private void collect() {
        int width = sizes.width();
        evenly("emb.weight", embeddingBound, sizes.vocabulary(), width);
        for (int layer = 0; layer < sizes.layers(); layer++) {
            String block = "blocks." + layer + ".";
            if (layer == 0) {
                norm(block + "ln0");
            }
            norm(block + "ln1");
            norm(block + "ln2");
            timeMix(block + "att.", layer);
            channelMix(block + "ffn.", layer);
        }
        norm("ln_out");
        double tall = (double) sizes.vocabulary() / width;
        orthogonal("head.weight", 0.5 * Math.sqrt(Math.max(1, tall)), sizes.vocabulary(), width);
    }

    private void timeMix(String att, int layer) {
        int width = sizes.width();
        double depth = sizes.layers() == 1 ? 0 : (double) layer / (sizes.layers() - 1); // 0 to 1
        double rest = 1 - (double) layer / sizes.layers(); // 1 to almost 0
        tokenShift(att + "x_r", 0.2 * rest);
        tokenShift(att + "x_w", 0.9 * rest);
        tokenShift(att + "x_k", 0.7 * rest);
        tokenShift(att + "x_v", 0.7 * rest);
        tokenShift(att + "x_a", 0.9 * rest);
        tokenShift(att + "x_g", 0.2 * rest);

        float[] decay = new float[width];
        float[] rate = new float[width];
        float[] value = new float[width];
        float[] keyScale = new float[width];
        for (int n = 0; n < width; n++) {
            double along = n / Math.max(1.0, width - 1);
            double centre = (sizes.headSize() - 1) / 2.0;
            double inHead = (n % sizes.headSize() - centre) / centre;
            double zigzag = inHead * Math.abs(inHead);
            double linear = along - 0.5;
            double slope = -6 + 6 * Math.pow(along, 1 + Math.pow(depth, 0.3));
            decay[n] = (float) (slope + 0.5 + 2.5 * zigzag);
            rate[n] = (float) (-0.19 + 0.3 * zigzag + 0.4 * linear);
            value[n] = (float) (0.73 - 0.4 * linear);
            keyScale[n] = (float) (0.71 - 0.1 * linear);
        }
        lowRank(att, "w", sizes.decayRank(), decay);
        lowRank(att, "a", sizes.rateRank(), rate);
        lowRank(att, "v", sizes.valueRank(), value);
        lowRankPair(att, "g", sizes.gateRank());
        channels(att + "k_k", keyScale);
        channels(att + "k_a", constant(width, 1.02));
        int heads = width / sizes.headSize();
        listed(att + "r_k", constant(width, -0.04), heads, sizes.headSize());

        orthogonal(att + "receptance.weight", 1, width, width);
        orthogonal(att + "key.weight", 0.1, width, width);
        orthogonal(att + "value.weight", 1, width, width);
        zero(att + "output.weight", width, width);
        listed(
                att + "ln_x.weight",
                constant(width, Math.pow((1.0 + layer) / sizes.layers(), 0.7)),
                width);
        listed(att + "ln_x.bias", constant(width, 0), width);
    }

    private void channelMix(String ffn, int layer) {
        int width = sizes.width();
        tokenShift(ffn + "x_k", Math.pow(1 - (double) layer / sizes.layers(), 4));
        orthogonal(ffn + "key.weight", 1, 4L * width, width);
        zero(ffn + "value.weight", width, 4L * width);
    }

    private void tokenShift(String name, double power) {
        float[] values = new float[sizes.width()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (1 - Math.pow((double) i / values.length, power));
        }
        channels(name, values);
    }

    private void lowRank(String att, String letter, int rank, float[] bias) {
        lowRankPair(att, letter, rank);
        channels(att + letter + "0", bias);
    }

    private void lowRankPair(String att, String letter, int rank) {
        zero(att + letter + "1", sizes.width(), rank);
        double tall = Math.sqrt(Math.max(1, (double) rank / sizes.width()));
        orthogonal(att + letter + "2", 0.1 * tall, rank, sizes.width());
    }

    private void norm(String name) {
        listed(name + ".weight", constant(sizes.width(), 1), sizes.width());
        listed(name + ".bias", constant(sizes.width(), 0), sizes.width());
    }

    private void channels(String name, float[] values) {
        listed(name, values, 1, 1, values.length);
    }

    private void listed(String name, float[] values, long... shape) {
        weights.add(new Weight(name, Shape.of(shape), new Rule.Listed(values)));
    }

    private void evenly(String name, double bound, long... shape) {
        weights.add(new Weight(name, Shape.of(shape), new Rule.Uniform((float) bound, key(name))));
    }

    /// A matrix (out, in) with orthogonal rows or columns of length `gain`; for measuring, one as
    /// spread.
    private void orthogonal(String name, double gain, long out, long in) {
        if (official) {
            Rule rule = new Rule.Orthogonal((float) gain, key(name));
            weights.add(new Weight(name, Shape.of(out, in), rule));
        } else {
            evenly(name, Math.sqrt(3) * gain / Math.sqrt((double) Math.max(out, in)), out, in);
        }
    }

    /// A matrix (out, in) that training starts at zero; for measuring, a random one of moderate
    /// spread.
    private void zero(String name, long out, long in) {
        if (official) {
            weights.add(new Weight(name, Shape.of(out, in), new Rule.Zero()));
        } else {
            evenly(name, 0.5 / Math.sqrt((double) Math.max(out, in)), out, in);
        }
    }

    private long key(String name) {
        return mix(seed ^ mix(hash(name)));
    }

    /// 24 random bits.
    private static long bits(long key, long place) {
        return mix(key + place * 0x9e3779b97f4a7c15L) >>> 40;
    }

    /// A random number between 0 and 1, both excluded.
    static double uniform(long key, long place) {
        return (bits(key, place) + 0.5) * 0x1p-24;
    }

    private static float[] constant(int count, double value) {
        float[] values = new float[count];
        java.util.Arrays.fill(values, (float) value);
        return values;
    }

    /// FNV-1a over the characters of `name`.
    private static long hash(String name) {
        long hash = 0xcbf29ce484222325L;
        for (int i = 0; i < name.length(); i++) {
            hash = (hash ^ name.charAt(i)) * 0x100000001b3L;
        }
        return hash;
    }

    /// The output function of SplitMix64 (Steele, Lea and Flood 2014).
    private static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }
}
