package dev.anser.generate;

import dev.anser.tensor.DType;
import dev.anser.tensor.Tensor;
import dev.anser.text.Tokenizer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/// Draws tokens from logits, one after the other, as [SamplerSettings] say.
///
/// ```java
/// Sampler sampler = new Sampler(settings, model.config().vocabulary(), tokenizer);
/// int token = sampler.sample(logits);
/// sampler.accept(token);
/// ```
///
/// Every order begins with penalties and banned tokens on the logits, and a softmax. Then
/// - [CHAT_RWKV][SamplerSettings.Order#CHAT_RWKV]: top-p, min-p, top-k, all measured on that
///   softmax; what stays is raised to 1 / temperature;
/// - [TEMPERATURE_FIRST][SamplerSettings.Order#TEMPERATURE_FIRST]: the logits are divided by the
///   temperature before the softmax; top-k, top-p of the mass that top-k left, min-p;
/// - [RWKV7_DEMO][SamplerSettings.Order#RWKV7_DEMO]: as CHAT_RWKV, and unless one token alone has
///   top-p, the weight of the last token that top-p keeps is set so that the kept mass is exactly
///   top-p.
///
/// Then one number is drawn. With temperature 0 every order takes the most probable token, of
/// equals the one with the lowest id, and draws nothing.
///
/// Top-p keeps the fewest tokens that reach it, and all that are as probable as the last of them.
/// Of tokens equally probable at the edge of top-k the lowest ids stay. A top-p of 1 keeps every
/// token: ChatRWKV's own code keeps only the most probable one when the rounded sum stays below 1.
/// A logit of minus infinity rules its token out; NaN and plus infinity are refused.
///
/// The draws come from `L64X128MixRandom` of `java.util.random`, seeded with the settings' seed,
/// one `nextDouble` a token: the same seed and logits give the same tokens. Not for concurrent use.
/// Allocates nothing after construction.
public final class Sampler {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    /// Beyond any use, and small enough that 0 times it is 0.
    private static final double HIGHEST_POWER = 1e30;

    /// A token whose text stands in here may repeat freely.
    private static final String UNCOUNTED = " \t0123456789";

    private final SamplerSettings settings;
    private final int vocabulary;
    private final BitSet masked;
    private final Penalties penalties;
    private final Threshold threshold;
    private final RandomGenerator random;
    private final float[] logits;
    private final float[] weights;
    private final int[] kept;
    private int keptCount;

    /// A sampler for logits of `vocabulary` tokens whose texts are unknown: each may be drawn, and
    /// each counts in the penalties.
    ///
    /// @throws GenerateException when a banned token is outside the vocabulary
    public Sampler(SamplerSettings settings, int vocabulary) {
        this(settings, vocabulary, new BitSet(), new BitSet());
    }

    /// A sampler for logits of `vocabulary` tokens whose texts are those of `tokenizer`. Ids that
    /// the tokenizer lacks are never drawn. Tokens whose text is a part of ` \t0123456789` count
    /// zero in the frequency penalty, as RWKV has it.
    ///
    /// @throws GenerateException when a banned token is outside the vocabulary
    public Sampler(SamplerSettings settings, int vocabulary, Tokenizer tokenizer) {
        this(
                settings,
                vocabulary,
                without(tokenizer, vocabulary),
                settings.penalises() ? uncounted(tokenizer, vocabulary) : new BitSet());
    }

    Sampler(SamplerSettings settings, int vocabulary, BitSet masked, BitSet uncounted) {
        this.settings = settings;
        this.vocabulary = vocabulary;
        this.masked = masked;
        for (int id : settings.bannedTokens()) {
            if (id >= vocabulary) {
                throw new GenerateException(
                        "banned token "
                                + id
                                + " is outside the vocabulary of "
                                + vocabulary
                                + " tokens");
            }
            masked.set(id);
        }
        this.penalties = new Penalties(settings, settings.penalises() ? vocabulary : 0, uncounted);
        this.threshold = new Threshold(vocabulary);
        this.random = RandomGeneratorFactory.of("L64X128MixRandom").create(settings.seed());
        this.logits = new float[vocabulary];
        this.weights = new float[vocabulary];
        this.kept = new int[vocabulary];
    }

    private static BitSet without(Tokenizer tokenizer, int vocabulary) {
        BitSet ids = new BitSet();
        for (int id = 0; id < vocabulary; id++) {
            ids.set(id, !tokenizer.contains(id));
        }
        return ids;
    }

    private static BitSet uncounted(Tokenizer tokenizer, int vocabulary) {
        BitSet ids = new BitSet();
        int known = Math.min(vocabulary, tokenizer.vocabularySize());
        for (int id = 0; id < known; id++) {
            ids.set(id, tokenizer.contains(id) && isUncounted(tokenizer.bytes(id)));
        }
        return ids;
    }

    static boolean isUncounted(byte[] token) {
        return UNCOUNTED.contains(new String(token, StandardCharsets.UTF_8));
    }

    /// What this sampler was made with.
    public SamplerSettings settings() {
        return settings;
    }

    /// Draws a token. It is not counted in the penalties until it is [accepted][#accept(int)].
    ///
    /// @param row the logits, F32, one for each token of the vocabulary
    /// @throws GenerateException when a logit is NaN or plus infinity, or all are minus infinity
    public int sample(Tensor row) {
        if (row.dtype() != DType.F32 || row.elements() != vocabulary) {
            throw new GenerateException(
                    "the logits are " + row + ", expected " + vocabulary + " numbers of F32");
        }
        MemorySegment.copy(row.segment(), FLOAT, 0, logits, 0, vocabulary);
        return draw();
    }

    /// Draws a token as [#sample(Tensor)] does; `row` is left as it is.
    public int sample(float[] row) {
        copy(row);
        return draw();
    }

    /// The probability that each token has to be drawn next from `row`; draws nothing.
    public float[] probabilities(float[] row) {
        copy(row);
        int best = prepare();
        float[] result = new float[vocabulary];
        if (settings.temperature() == 0) {
            result[best] = 1;
            return result;
        }
        double total = distribute(logits[best]);
        for (int i = 0; i < keptCount; i++) {
            result[kept[i]] = (float) (weights[i] / total);
        }
        return result;
    }

    /// Counts `token`, drawn or given, for the penalties of the tokens after it.
    ///
    /// @throws GenerateException when it is outside the vocabulary
    public void accept(int token) {
        if (token < 0 || token >= vocabulary) {
            throw new GenerateException(
                    "token " + token + " is outside the vocabulary of " + vocabulary + " tokens");
        }
        if (settings.penalises()) {
            penalties.add(token);
        }
    }

    /// Forgets the tokens counted; the draws go on where they are.
    public void forget() {
        penalties.clear();
    }

    /// The logits of `row` with penalties and without the tokens ruled out.
    float[] adjusted(float[] row) {
        copy(row);
        prepare();
        return logits.clone();
    }

    private void copy(float[] row) {
        if (row.length != vocabulary) {
            throw new GenerateException(
                    "there are " + row.length + " logits, expected " + vocabulary);
        }
        System.arraycopy(row, 0, logits, 0, vocabulary);
    }

    private int draw() {
        int best = prepare();
        if (settings.temperature() == 0) {
            return best;
        }
        double left = random.nextDouble() * distribute(logits[best]);
        for (int i = 0; i < keptCount; i++) {
            left -= weights[i];
            if (left < 0) {
                return kept[i];
            }
        }
        return kept[keptCount - 1];
    }

    /// Checks and adjusts the logits, and returns the id of the largest.
    private int prepare() {
        for (int i = 0; i < vocabulary; i++) {
            // Also false for NaN.
            if (!(logits[i] < Float.POSITIVE_INFINITY)) {
                throw new GenerateException(
                        "the logits of token "
                                + i
                                + " are not finite ("
                                + logits[i]
                                + "); the model's weights or its state are damaged");
            }
        }
        penalties.applyTo(logits);
        for (int i = masked.nextSetBit(0); i >= 0; i = masked.nextSetBit(i + 1)) {
            logits[i] = Float.NEGATIVE_INFINITY;
        }
        int best = 0;
        for (int i = 1; i < vocabulary; i++) {
            if (logits[i] > logits[best]) {
                best = i;
            }
        }
        if (logits[best] == Float.NEGATIVE_INFINITY) {
            throw new GenerateException(
                    "every token is ruled out: banned, without text, or with a"
                            + " logit of minus infinity; allow one");
        }
        return best;
    }

    /// Fills `kept` with the ids that may be drawn, ascending, and `weights` with their weights,
    /// and returns the sum of these.
    private double distribute(float highest) {
        boolean temperatureFirst = settings.order() == SamplerSettings.Order.TEMPERATURE_FIRST;
        float inverse = (float) Math.min(1 / settings.temperature(), HIGHEST_POWER);
        double total = 0;
        for (int i = 0; i < vocabulary; i++) {
            float below = logits[i] - highest;
            float weight = FastExp.ofNegative(temperatureFirst ? below * inverse : below);
            weights[i] = weight;
            total += weight;
        }

        float edgeOfCount = 0;
        int edgeLeft = Integer.MAX_VALUE;
        double mass = total;
        if (settings.topK() > 0 && settings.topK() < vocabulary) {
            edgeOfCount = threshold.byCount(weights, vocabulary, settings.topK());
            edgeLeft = settings.topK() - threshold.countAbove();
            if (temperatureFirst) {
                mass = threshold.massAbove() + (double) edgeLeft * edgeOfCount;
            }
        }
        float edgeOfMass = 0;
        double massAbove = 0;
        boolean cut = settings.topP() < 1;
        if (cut) {
            edgeOfMass = threshold.byMass(weights, vocabulary, settings.topP() * mass);
            massAbove = threshold.massAbove();
        }
        // The largest weight is 1.
        float least = Math.max(edgeOfMass, (float) settings.minP());

        keptCount = 0;
        int atEdgeOfMass = 0;
        for (int i = 0; i < vocabulary; i++) {
            float weight = weights[i];
            if (weight < least || weight < edgeOfCount || weight == 0) {
                continue;
            }
            if (weight == edgeOfCount && edgeLeft-- <= 0) {
                continue;
            }
            if (weight == edgeOfMass) {
                atEdgeOfMass++;
            }
            kept[keptCount] = i;
            weights[keptCount++] = weight;
        }

        boolean fillsUp =
                settings.order() == SamplerSettings.Order.RWKV7_DEMO && cut && massAbove > 0;
        double missing = (settings.topP() * total - massAbove) / Math.max(1, atEdgeOfMass);
        double sum = 0;
        for (int i = 0; i < keptCount; i++) {
            if (fillsUp && weights[i] == edgeOfMass) {
                weights[i] = (float) Math.pow(missing, inverse);
            } else if (!temperatureFirst && inverse != 1) {
                weights[i] = FastExp.ofNegative((logits[kept[i]] - highest) * inverse);
            }
            sum += weights[i];
        }
        return sum;
    }
}
