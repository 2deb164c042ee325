package dev.anser.model.rwkv7;

import dev.anser.base.AnserException;
import dev.anser.tensor.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The weights of a new RWKV-7 model: names, shapes and first values, as the official training code
/// names and shapes them.
///
/// Vectors have the official values. Matrices are uniform with the spread of the official rules;
/// those that training starts at zero (`att.output`, `ffn.value`, the first halves of the low-rank
/// pairs) get small random values here, so that every weight has an effect on the logits. Values
/// depend on the seed, the tensor's name and the position alone: the same seed gives the same
/// bytes, whoever fills in which part.
public final class Rwkv7Initial {
    private static final int HEAD_SIZE = 64;
    private static final int WORLD_VOCABULARY = 65536;

    /// The sizes of the official models.
    private static final Map<String, Sizes> PRESETS = presetSizes();

    private final Sizes sizes;
    private final long seed;
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
            int gateRank) {}

    /// One tensor and the rule for its values.
    ///
    /// @param name the official name
    /// @param shape the official shape
    /// @param rule the values
    public record Weight(String name, Shape shape, Rule rule) {
        /// Sets the first `count` elements of `into` to the elements from `offset` of the flattened
        /// tensor.
        public void fill(long offset, float[] into, int count) {
            switch (rule) {
                case Rule.Listed listed ->
                        System.arraycopy(listed.values(), Math.toIntExact(offset), into, 0, count);
                case Rule.Uniform uniform -> {
                    float scale = uniform.bound() * 0x1p-23f;
                    for (int i = 0; i < count; i++) {
                        // 24 random bits as an odd number of 2^-24ths: symmetric, and never zero.
                        long bits = mix(uniform.key() + (offset + i) * 0x9e3779b97f4a7c15L) >>> 40;
                        into[i] = (bits - 0x7fffff.8p0f) * scale;
                    }
                }
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
    }

    private Rwkv7Initial(Sizes sizes, long seed) {
        this.sizes = sizes;
        this.seed = seed;
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

    /// The names that [#preset(String, long)] knows.
    public static List<String> presets() {
        return List.copyOf(PRESETS.keySet());
    }

    /// A model of the official sizes called `name`, such as `0.4b`.
    ///
    /// @throws AnserException when there are none of that name
    public static Rwkv7Initial preset(String name, long seed) {
        Sizes sizes = PRESETS.get(name);
        if (sizes == null) {
            throw new AnserException(
                    "there is no preset '" + name + "'; expected one of " + presets());
        }
        return of(sizes, seed);
    }

    /// A model of any sizes.
    ///
    /// @throws AnserException when they do not fit together
    public static Rwkv7Initial of(Sizes sizes, long seed) {
        if (sizes.layers() < 1
                || sizes.headSize() < 2
                || sizes.width() < sizes.headSize()
                || sizes.width() % sizes.headSize() != 0
                || sizes.vocabulary() < 1) {
            throw new AnserException(
                    sizes
                            + " is not possible; expected at least one layer, and heads that fill the width");
        }
        return new Rwkv7Initial(sizes, seed);
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
        uniform("emb.weight", 1e-4, sizes.vocabulary(), width);
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
        // As spread as orthogonal columns of gain 0.5 √(V/C).
        uniform("head.weight", Math.sqrt(3) * 0.5 / Math.sqrt(width), sizes.vocabulary(), width);
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

        double spread = 0.5 / Math.sqrt(width);
        uniform(att + "receptance.weight", spread, width, width);
        uniform(att + "key.weight", 0.1 * spread, width, width);
        uniform(att + "value.weight", spread, width, width);
        uniform(att + "output.weight", spread, width, width); // official: 0
        listed(
                att + "ln_x.weight",
                constant(width, Math.pow((1.0 + layer) / sizes.layers(), 0.7)),
                width);
        listed(att + "ln_x.bias", constant(width, 0), width);
    }

    private void channelMix(String ffn, int layer) {
        int width = sizes.width();
        tokenShift(ffn + "x_k", Math.pow(1 - (double) layer / sizes.layers(), 4));
        uniform(ffn + "key.weight", 0.5 / Math.sqrt(width), 4L * width, width);
        uniform(
                ffn + "value.weight",
                0.5 / Math.sqrt(4.0 * width),
                width,
                4L * width); // official: 0
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
        double spread = 0.1 / Math.sqrt(sizes.width());
        uniform(att + letter + "1", spread, sizes.width(), rank); // official: 0
        // As spread as orthogonal rows of gain 0.1.
        uniform(att + letter + "2", Math.sqrt(3) * spread, rank, sizes.width());
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

    private void uniform(String name, double bound, long... shape) {
        long key = mix(seed ^ mix(hash(name)));
        weights.add(new Weight(name, Shape.of(shape), new Rule.Uniform((float) bound, key)));
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
