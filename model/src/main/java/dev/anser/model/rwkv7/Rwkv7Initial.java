package dev.anser.model.rwkv7;

import dev.anser.base.AnserException;
import dev.anser.model.InitialWeights;
import dev.anser.model.NamedSizes;
import dev.anser.model.NewModel;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The weights of a new RWKV-7 model.
///
/// [#training(Sizes, long)] has the official values, from which a model learns (RWKV-LM,
/// `RWKV-v7/train_temp/src/model.py`, `generate_init_weight`); [#of(Sizes, long)] has random
/// numbers in all matrices, see [InitialWeights.Builder].
public final class Rwkv7Initial {
    /// How far from zero the official embeddings begin.
    public static final double EMBEDDING_BOUND = 1e-4;

    private static final int HEAD_SIZE = 64;
    private static final int WORLD_VOCABULARY = 65536;

    /// The sizes of the official models.
    private static final Map<String, Sizes> PRESETS = presetSizes();

    private final Sizes sizes;
    private final InitialWeights.Builder weights;

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
    /// @param feedForward channels inside the channel mix, 4 C in official models
    public record Sizes(
            int layers,
            int width,
            int headSize,
            int vocabulary,
            int decayRank,
            int rateRank,
            int valueRank,
            int gateRank,
            int feedForward)
            implements NewModel {
        /// The names of the sizes that this version has beside [NamedSizes#COMMON].
        static final List<String> NAMES =
                List.of(
                        "headSize",
                        "decayRank",
                        "rateRank",
                        "valueRank",
                        "gateRank",
                        "feedForward");

        /// Sizes with the channel mix of official models.
        public Sizes(
                int layers,
                int width,
                int headSize,
                int vocabulary,
                int decayRank,
                int rateRank,
                int valueRank,
                int gateRank) {
            this(
                    layers,
                    width,
                    headSize,
                    vocabulary,
                    decayRank,
                    rateRank,
                    valueRank,
                    gateRank,
                    4 * width);
        }

        /// The sizes `given`; those that are not given are as official models have them.
        static Sizes of(NamedSizes given) {
            int layers = given.count("layers");
            int width = given.count("width");
            Sizes usual = of(layers, width, given.headSize(width, 2, 1), given.vocabulary());
            return new Sizes(
                    layers,
                    width,
                    usual.headSize(),
                    usual.vocabulary(),
                    given.count("decayRank", usual.decayRank()),
                    given.count("rateRank", usual.rateRank()),
                    given.count("valueRank", usual.valueRank()),
                    given.count("gateRank", usual.gateRank()),
                    given.count("feedForward", usual.feedForward()));
        }

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

        @Override
        public String architecture() {
            return Rwkv7Weights.ARCHITECTURE;
        }

        @Override
        public Sizes withVocabulary(int vocabulary) {
            return new Sizes(
                    layers,
                    width,
                    headSize,
                    vocabulary,
                    decayRank,
                    rateRank,
                    valueRank,
                    gateRank,
                    feedForward);
        }

        @Override
        public InitialWeights weights(InitialWeights.Builder builder) {
            return new Rwkv7Initial(check(this), builder).collect();
        }
    }

    private Rwkv7Initial(Sizes sizes, InitialWeights.Builder weights) {
        this.sizes = sizes;
        this.weights = weights;
    }

    private static Map<String, Sizes> presetSizes() {
        Map<String, Sizes> presets = new LinkedHashMap<>();
        presets.put("0.1b", new Sizes(12, 768, HEAD_SIZE, WORLD_VOCABULARY, 64, 64, 32, 128));
        presets.put("0.4b", new Sizes(24, 1024, HEAD_SIZE, WORLD_VOCABULARY, 64, 64, 32, 128));
        presets.put("1.5b", new Sizes(24, 2048, HEAD_SIZE, WORLD_VOCABULARY, 96, 96, 64, 256));
        presets.put("2.9b", new Sizes(32, 2560, HEAD_SIZE, WORLD_VOCABULARY, 96, 96, 64, 320));
        presets.put("7.2b", Sizes.of(32, 4096, HEAD_SIZE, WORLD_VOCABULARY));
        presets.put("13.3b", Sizes.of(61, 4096, HEAD_SIZE, WORLD_VOCABULARY));
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
    public static InitialWeights of(Sizes sizes, long seed) {
        return sizes.random(seed);
    }

    /// A model as the official training begins with it.
    ///
    /// @throws AnserException when the sizes do not fit together
    public static InitialWeights training(Sizes sizes, long seed) {
        return sizes.training(seed);
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
                || sizes.gateRank() < 1
                || sizes.feedForward() < 1) {
            throw new AnserException(
                    sizes
                            + " is not possible; expected at least one layer, token and rank, and heads that fill the width");
        }
        return sizes;
    }

    private InitialWeights collect() {
        int width = sizes.width();
        weights.evenly("emb.weight", EMBEDDING_BOUND, sizes.vocabulary(), width);
        for (int layer = 0; layer < sizes.layers(); layer++) {
            String block = "blocks." + layer + ".";
            if (layer == 0) {
                weights.norm(block + "ln0", width);
            }
            weights.norm(block + "ln1", width).norm(block + "ln2", width);
            timeMix(block + "att.", layer);
            channelMix(block + "ffn.", layer);
        }
        double tall = (double) sizes.vocabulary() / width;
        return weights.norm("ln_out", width)
                .orthogonal(
                        "head.weight",
                        0.5 * Math.sqrt(Math.max(1, tall)),
                        sizes.vocabulary(),
                        width)
                .build(Rwkv7Weights.ARCHITECTURE);
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
        weights.channels(att + "k_k", keyScale);
        weights.channels(att + "k_a", InitialWeights.constant(width, 1.02));
        int heads = width / sizes.headSize();
        weights.listed(att + "r_k", InitialWeights.constant(width, -0.04), heads, sizes.headSize());

        weights.orthogonal(att + "receptance.weight", 1, width, width);
        weights.orthogonal(att + "key.weight", 0.1, width, width);
        weights.orthogonal(att + "value.weight", 1, width, width);
        weights.zero(att + "output.weight", width, width);
        weights.listed(
                att + "ln_x.weight",
                InitialWeights.constant(width, Math.pow((1.0 + layer) / sizes.layers(), 0.7)),
                width);
        weights.listed(att + "ln_x.bias", InitialWeights.constant(width, 0), width);
    }

    private void channelMix(String ffn, int layer) {
        int width = sizes.width();
        tokenShift(ffn + "x_k", Math.pow(1 - (double) layer / sizes.layers(), 4));
        weights.orthogonal(ffn + "key.weight", 1, sizes.feedForward(), width);
        weights.zero(ffn + "value.weight", width, sizes.feedForward());
    }

    private void tokenShift(String name, double power) {
        float[] values = new float[sizes.width()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (1 - Math.pow((double) i / values.length, power));
        }
        weights.channels(name, values);
    }

    private void lowRank(String att, String letter, int rank, float[] bias) {
        lowRankPair(att, letter, rank);
        weights.channels(att + letter + "0", bias);
    }

    private void lowRankPair(String att, String letter, int rank) {
        weights.zero(att + letter + "1", sizes.width(), rank);
        double tall = Math.sqrt(Math.max(1, (double) rank / sizes.width()));
        weights.orthogonal(att + letter + "2", 0.1 * tall, rank, sizes.width());
    }
}
