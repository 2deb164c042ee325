package dev.anser.model;

import dev.anser.base.AnserException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// The weights of a new RWKV-4, 5.2 or 6 model.
///
/// [#training(Sizes, long)] has the official values, from which a model learns (RWKV-LM,
/// `RWKV-v4neo/src/model.py` and `RWKV-v5/src/model.py`, the constructors and
/// `generate_init_weight`); [#of(Sizes, long)] has random numbers in all matrices, see
/// [InitialWeights.Builder]. The embeddings of RWKV-4, which officially begin as large as the
/// learning rate, begin as those of the later versions do.
public final class RwkvInitial {
    private static final double EMBEDDING_BOUND = 1e-4;
    private static final double LOW_RANK_BOUND = 0.01;
    private static final int HEAD_SIZE = 64;
    private static final int PILE_VOCABULARY = 50277;
    private static final int WORLD_VOCABULARY = 65536;

    /// The sizes of the official models.
    private static final Map<String, Sizes> PRESETS = presetSizes();

    private final Sizes sizes;
    private final InitialWeights.Builder weights;

    /// The versions that have such weights.
    public enum Version {
        /// RWKV-4: a channel is a head of its own.
        RWKV4,
        /// RWKV-5.2: a state of matrices, a decay for each channel, a gate.
        RWKV5,
        /// RWKV-6: token shift and decay that follow from the input.
        RWKV6;

        String architecture() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /// The sizes that a new model has.
    ///
    /// @param version which RWKV it is
    /// @param layers number of blocks, L
    /// @param width channels of the residual stream, C, a multiple of `headSize`
    /// @param headSize channels of a head, N; without meaning to RWKV-4
    /// @param vocabulary number of token ids, V
    /// @param mixRank width of each of the five low-rank pairs of RWKV-6's token shift
    /// @param decayRank width of the low-rank pair of RWKV-6's decay
    /// @param feedForward channels inside the channel mix
    public record Sizes(
            Version version,
            int layers,
            int width,
            int headSize,
            int vocabulary,
            int mixRank,
            int decayRank,
            int feedForward)
            implements NewModel {
        /// Sizes with the channel mix of official models: 4 C, or 3.5 C from RWKV-5 on.
        public Sizes(
                Version version,
                int layers,
                int width,
                int headSize,
                int vocabulary,
                int mixRank,
                int decayRank) {
            this(
                    version,
                    layers,
                    width,
                    headSize,
                    vocabulary,
                    mixRank,
                    decayRank,
                    version == Version.RWKV4 ? 4 * width : width * 7 / 2 / 32 * 32);
        }

        /// Sizes with heads of 64 and the low-rank widths of the official code: 32 and 64, twice as
        /// many from a width of 4096.
        public static Sizes of(Version version, int layers, int width, int vocabulary) {
            int wide = width >= 4096 ? 2 : 1;
            return new Sizes(version, layers, width, HEAD_SIZE, vocabulary, 32 * wide, 64 * wide);
        }

        /// The sizes `given`; those that are not given are as official models have them.
        public static Sizes of(Version version, NamedSizes given) {
            int layers = given.count("layers");
            int width = given.count("width");
            int headSize = version == Version.RWKV4 ? HEAD_SIZE : given.headSize(width, 1, 1);
            boolean ranks = version == Version.RWKV6;
            Sizes usual = of(version, layers, width, given.vocabulary());
            return new Sizes(
                    version,
                    layers,
                    width,
                    headSize,
                    usual.vocabulary(),
                    ranks ? given.count("mixRank", usual.mixRank()) : usual.mixRank(),
                    ranks ? given.count("decayRank", usual.decayRank()) : usual.decayRank(),
                    given.count("feedForward", usual.feedForward()));
        }

        @Override
        public String architecture() {
            return version.architecture();
        }

        @Override
        public Sizes withVocabulary(int vocabulary) {
            return new Sizes(
                    version, layers, width, headSize, vocabulary, mixRank, decayRank, feedForward);
        }

        @Override
        public InitialWeights weights(InitialWeights.Builder builder) {
            return new RwkvInitial(check(this), builder).collect();
        }
    }

    private RwkvInitial(Sizes sizes, InitialWeights.Builder weights) {
        this.sizes = sizes;
        this.weights = weights;
    }

    private static Map<String, Sizes> presetSizes() {
        Map<String, Sizes> presets = new LinkedHashMap<>();
        presets.put("rwkv4-0.1b", Sizes.of(Version.RWKV4, 12, 768, PILE_VOCABULARY));
        presets.put("rwkv4-0.4b", Sizes.of(Version.RWKV4, 24, 1024, PILE_VOCABULARY));
        presets.put("rwkv4-1.5b", Sizes.of(Version.RWKV4, 24, 2048, PILE_VOCABULARY));
        presets.put("rwkv4-3b", Sizes.of(Version.RWKV4, 32, 2560, PILE_VOCABULARY));
        presets.put("rwkv4-7b", Sizes.of(Version.RWKV4, 32, 4096, PILE_VOCABULARY));
        presets.put("rwkv4-14b", Sizes.of(Version.RWKV4, 40, 5120, PILE_VOCABULARY));
        presets.put("rwkv5-0.4b", Sizes.of(Version.RWKV5, 24, 1024, WORLD_VOCABULARY));
        presets.put("rwkv5-1.5b", Sizes.of(Version.RWKV5, 24, 2048, WORLD_VOCABULARY));
        presets.put("rwkv5-3b", Sizes.of(Version.RWKV5, 32, 2560, WORLD_VOCABULARY));
        presets.put("rwkv5-7b", Sizes.of(Version.RWKV5, 32, 4096, WORLD_VOCABULARY));
        presets.put("rwkv6-1.6b", Sizes.of(Version.RWKV6, 24, 2048, WORLD_VOCABULARY));
        presets.put("rwkv6-3b", Sizes.of(Version.RWKV6, 32, 2560, WORLD_VOCABULARY));
        presets.put("rwkv6-7b", Sizes.of(Version.RWKV6, 32, 4096, WORLD_VOCABULARY));
        presets.put("rwkv6-14b", Sizes.of(Version.RWKV6, 61, 4096, WORLD_VOCABULARY));
        return presets;
    }

    /// The names that [#preset(String)] knows.
    public static List<String> presets() {
        return List.copyOf(PRESETS.keySet());
    }

    /// The official sizes called `name`, such as `rwkv4-14b`.
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
        List<String> wrong = new ArrayList<>();
        if (sizes.layers() < 1 || sizes.vocabulary() < 1) {
            wrong.add("at least one layer and token");
        }
        if (sizes.version() != Version.RWKV4
                && (sizes.headSize() < 1
                        || sizes.width() < sizes.headSize()
                        || sizes.width() % sizes.headSize() != 0)) {
            wrong.add("heads that fill the width");
        }
        if (sizes.mixRank() < 1 || sizes.decayRank() < 1 || sizes.feedForward() < 1) {
            wrong.add("ranks of at least 1, and a width of at least 10");
        }
        if (!wrong.isEmpty()) {
            throw new AnserException(
                    sizes + " is not possible; expected " + String.join("; ", wrong));
        }
        return sizes;
    }

    private InitialWeights collect() {
        int width = sizes.width();
        int vocabulary = sizes.vocabulary();
        weights.evenly("emb.weight", EMBEDDING_BOUND, vocabulary, width);
        for (int layer = 0; layer < sizes.layers(); layer++) {
            String block = "blocks." + layer + ".";
            if (layer == 0) {
                weights.norm(block + "ln0", width);
            }
            weights.norm(block + "ln1", width).norm(block + "ln2", width);
            timeMix(block + "att.", layer);
            channelMix(block + "ffn.", layer);
        }
        double tall = (double) vocabulary / width;
        return weights.norm("ln_out", width)
                .orthogonal("head.weight", 0.5 * Math.sqrt(Math.max(1, tall)), vocabulary, width)
                .build(sizes.version().architecture());
    }

    /// 0 in the first layer, 1 in the last.
    private double depth(int layer) {
        return sizes.layers() == 1 ? 0 : (double) layer / (sizes.layers() - 1);
    }

    /// 1 in the first layer, almost 0 in the last.
    private double rest(int layer) {
        return 1 - (double) layer / sizes.layers();
    }

    private void timeMix(String att, int layer) {
        int width = sizes.width();
        switch (sizes.version()) {
            case RWKV4 -> {
                weights.listed(att + "time_decay", decay(layer, -5, 8), width);
                weights.listed(att + "time_first", firstBonus(), width);
                tokenShifts(att + "time_mix_", layer, "k", "v", "r");
            }
            case RWKV5 -> {
                tokenShifts(att + "time_mix_", layer, "k", "v", "r", "g");
                heads(att + "time_decay", decay(layer, -6, 5));
                heads(att + "time_faaaa", bonus(layer));
            }
            case RWKV6 -> {
                tokenShifts(att + "time_maa_", layer, "x", "w", "k", "v", "r", "g");
                int ranks = 5 * sizes.mixRank();
                weights.zero(att + "time_maa_w1", width, ranks)
                        .evenly(att + "time_maa_w2", LOW_RANK_BOUND, 5, sizes.mixRank(), width)
                        .channels(att + "time_decay", decay(layer, -6, 5))
                        .zero(att + "time_decay_w1", width, sizes.decayRank())
                        .evenly(att + "time_decay_w2", LOW_RANK_BOUND, sizes.decayRank(), width);
                heads(att + "time_faaaa", bonus(layer));
            }
        }
        if (sizes.version() == Version.RWKV4) {
            weights.zero(att + "key.weight", width, width)
                    .orthogonal(att + "value.weight", 1, width, width)
                    .zero(att + "receptance.weight", width, width)
                    .zero(att + "output.weight", width, width);
            return;
        }
        weights.orthogonal(att + "receptance.weight", 1, width, width)
                .orthogonal(att + "key.weight", 0.1, width, width)
                .orthogonal(att + "value.weight", 1, width, width)
                .zero(att + "output.weight", width, width)
                .orthogonal(att + "gate.weight", 0.1, width, width)
                .listed(
                        att + "ln_x.weight",
                        InitialWeights.constant(
                                width, Math.pow((1.0 + layer) / sizes.layers(), 0.7)),
                        width)
                .listed(att + "ln_x.bias", InitialWeights.constant(width, 0), width);
    }

    private void channelMix(String ffn, int layer) {
        int width = sizes.width();
        double rest = rest(layer);
        boolean six = sizes.version() == Version.RWKV6;
        for (String name : List.of("k", "r")) {
            tokenShift(
                    ffn + (six ? "time_maa_" : "time_mix_") + name,
                    six ? rest * rest * rest : rest,
                    0);
        }
        // Only RWKV-4 scales tall matrices up.
        double gain =
                sizes.version() == Version.RWKV4
                        ? Math.sqrt((double) sizes.feedForward() / width)
                        : 1;
        weights.orthogonal(ffn + "key.weight", gain, sizes.feedForward(), width)
                .zero(ffn + "receptance.weight", width, width)
                .zero(ffn + "value.weight", width, sizes.feedForward());
    }

    private void tokenShifts(String prefix, int layer, String... names) {
        double rest = rest(layer);
        for (String name : names) {
            boolean late = name.equals("r") || name.equals("g");
            double raised = name.equals("v") ? 0.3 * depth(layer) : 0;
            tokenShift(prefix + name, late ? 0.5 * rest : rest, raised);
        }
    }

    /// Channel i of C has a share (i/C)^`power` + `raised` of the token itself. RWKV-6 stores the
    /// share of the token before, which is the rest.
    private void tokenShift(String name, double power, double raised) {
        float[] values = new float[sizes.width()];
        for (int i = 0; i < values.length; i++) {
            double own = Math.pow((double) i / values.length, power) + raised;
            values[i] = (float) (sizes.version() == Version.RWKV6 ? 1 - own : own);
        }
        weights.channels(name, values);
    }

    private void heads(String name, float[] values) {
        weights.listed(name, values, sizes.width() / sizes.headSize(), sizes.headSize());
    }

    private float[] decay(int layer, double first, double range) {
        float[] values = new float[sizes.width()];
        double power = 0.7 + 1.3 * depth(layer);
        for (int n = 0; n < values.length; n++) {
            values[n] = (float) (first + range * Math.pow(along(n), power));
        }
        return values;
    }

    private float[] firstBonus() {
        float[] values = new float[sizes.width()];
        for (int n = 0; n < values.length; n++) {
            values[n] = (float) (Math.log(0.3) + 0.5 * zigzag(n));
        }
        return values;
    }

    private float[] bonus(int layer) {
        float[] values = new float[sizes.width()];
        for (int n = 0; n < values.length; n++) {
            values[n] = (float) (depth(layer) * (1 - along(n)) + 0.1 * zigzag(n));
        }
        return values;
    }

    private double along(int channel) {
        return channel / Math.max(1.0, sizes.width() - 1);
    }

    private static int zigzag(int channel) {
        return (channel + 1) % 3 - 1;
    }
}
