package dev.anser.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.anser.base.AnserException;
import dev.anser.generate.SamplerSettings.Order;
import dev.anser.tensor.DType;
import dev.anser.tensor.Tensor;
import dev.anser.text.WorldTokenizer;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.BitSet;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SamplerTests {
    private static final double TOLERANCE = 2e-6;

    private static SamplerSettings.Builder all() {
        return SamplerSettings.builder().topP(1).seed(1);
    }

    private static float[] probabilities(SamplerSettings.Builder settings, float... logits) {
        return new Sampler(settings.build(), logits.length).probabilities(logits);
    }

    private static float[] logs(double... probabilities) {
        float[] logits = new float[probabilities.length];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) Math.log(probabilities[i]);
        }
        return logits;
    }

    private static void assertClose(float[] actual, double... expected) {
        assertThat(actual).hasSize(expected.length);
        for (int i = 0; i < expected.length; i++) {
            assertThat((double) actual[i]).as("token %d", i).isCloseTo(expected[i], within(1e-6));
        }
    }

    private static float[] goldenLogits(String name) {
        for (String[] fields : Goldens.lines("sampling.tsv.gz", "logits")) {
            if (fields[1].equals(name)) {
                return Goldens.floats(fields[2]);
            }
        }
        throw new IllegalArgumentException(name);
    }

    private static SamplerSettings goldenSettings(String[] fields, Order order) {
        return SamplerSettings.builder()
                .order(order)
                .temperature(Double.parseDouble(fields[3]))
                .topP(Double.parseDouble(fields[4]))
                .topK(Integer.parseInt(fields[5]))
                .build();
    }

    @Test
    void chatRwkvOrderHasTheProbabilitiesOfChatRwkv() {
        int compared = 0;
        for (String[] fields : Goldens.lines("sampling.tsv.gz", "case")) {
            if (!fields[6].equals("-")) {
                continue;
            }
            Sampler sampler = new Sampler(goldenSettings(fields, Order.CHAT_RWKV), 256);
            float[] actual = sampler.probabilities(goldenLogits(fields[2]));
            assertSame(fields, actual, Goldens.floats(fields[7]));
            compared++;
        }
        assertThat(compared).isGreaterThan(110);
    }

    @Test
    void demoOrderHasTheProbabilitiesOfTheDemo() {
        int compared = 0;
        for (String[] fields : Goldens.lines("sampling.tsv.gz", "case")) {
            if (!fields[8].equals("-")) {
                continue;
            }
            Sampler sampler = new Sampler(goldenSettings(fields, Order.RWKV7_DEMO), 256);
            float[] actual = sampler.probabilities(goldenLogits(fields[2]));
            float[] expected = Goldens.floats(fields[9]);
            double sum = 0;
            for (float weight : expected) {
                sum += weight;
            }
            for (int i = 0; i < expected.length; i++) {
                expected[i] = (float) (expected[i] / sum);
            }
            assertSame(fields, actual, expected);
            compared++;
        }
        assertThat(compared).isGreaterThan(110);
    }

    private static void assertSame(String[] fields, float[] actual, float[] expected) {
        String name = String.join(" ", Arrays.copyOfRange(fields, 1, 6));
        for (int i = 0; i < expected.length; i++) {
            assertThat((double) actual[i])
                    .as("case %s token %d", name, i)
                    .isCloseTo(expected[i], within(TOLERANCE));
            assertThat(actual[i] > 0).as("case %s keeps %d", name, i).isEqualTo(expected[i] > 0);
        }
    }

    @Test
    void topPOfOneKeepsEveryToken() {
        for (String[] fields : Goldens.lines("sampling.tsv.gz", "case")) {
            if (fields[6].contains("U") && fields[5].equals("0")) {
                float[] row = goldenLogits(fields[2]);
                float[] actual =
                        new Sampler(goldenSettings(fields, Order.CHAT_RWKV), 256)
                                .probabilities(row);
                for (int i = 0; i < row.length; i++) {
                    assertThat(actual[i] > 0).isEqualTo(row[i] > Float.NEGATIVE_INFINITY);
                }
            }
        }
    }

    @Test
    void penaltiesAreThoseOfChatRwkv() {
        Sampler sampler = new Sampler(SamplerSettings.greedy(), 1);
        int steps = 0;
        for (String[] fields : Goldens.lines("penalties.tsv.gz")) {
            if (fields[0].equals("trace")) {
                sampler = traceSampler(fields);
                continue;
            }
            float[] expected = Goldens.floats(fields[2]);
            float[] actual = sampler.adjusted(Goldens.floats(fields[1]));
            for (int i = 0; i < expected.length; i++) {
                if (Float.isInfinite(expected[i])) {
                    assertThat(actual[i]).isEqualTo(expected[i]);
                } else {
                    assertThat(actual[i])
                            .as("step %d", steps)
                            .isCloseTo(expected[i], within(1e-6f));
                }
            }
            sampler.accept(Integer.parseInt(fields[3]));
            steps++;
        }
        assertThat(steps).isEqualTo(61);
    }

    private static Sampler traceSampler(String[] fields) {
        int[] banned =
                fields[4].equals("-")
                        ? new int[0]
                        : Arrays.stream(fields[4].split(",", -1))
                                .mapToInt(Integer::parseInt)
                                .toArray();
        String[] texts = fields[5].split(",", -1);
        BitSet uncounted = new BitSet();
        for (int i = 0; i < texts.length; i++) {
            uncounted.set(i, Sampler.isUncounted(Base64.getDecoder().decode(texts[i])));
        }
        SamplerSettings settings =
                SamplerSettings.builder()
                        .presencePenalty(Double.parseDouble(fields[1]))
                        .frequencyPenalty(Double.parseDouble(fields[2]))
                        .penaltyDecay(Double.parseDouble(fields[3]))
                        .bannedTokens(banned)
                        .build();
        return new Sampler(settings, texts.length, new BitSet(), uncounted);
    }

    @Test
    void forgettingClearsThePenalties() {
        SamplerSettings settings = all().presencePenalty(1).frequencyPenalty(2).build();
        Sampler sampler = new Sampler(settings, 3);
        sampler.accept(1);
        assertThat(sampler.adjusted(new float[3])).containsExactly(0, -3, 0);
        sampler.forget();
        assertThat(sampler.adjusted(new float[3])).containsExactly(0, 0, 0);
        sampler.accept(1);
        assertThat(sampler.adjusted(new float[3])).containsExactly(0, -3, 0);
    }

    @Test
    void temperatureActsBeforeOrAfterTopPAsTheOrderSays() {
        float[] logits = logs(0.5, 0.3, 0.15, 0.05);
        // Squared and normalised: .685, .247, .062, .007; so a half is reached by one token.
        assertClose(
                probabilities(all().temperature(0.5).topP(0.6), logits), 25 / 34.0, 9 / 34.0, 0, 0);
        assertClose(
                probabilities(
                        all().order(Order.TEMPERATURE_FIRST).temperature(0.5).topP(0.6), logits),
                1,
                0,
                0,
                0);
    }

    @Test
    void topPMeasuresWhatTopKLeftInTheUsualOrderAlone() {
        float[] logits = logs(0.4, 0.3, 0.2, 0.1);
        // Of 0.4 + 0.3, the first has 0.57.
        assertClose(
                probabilities(all().order(Order.TEMPERATURE_FIRST).topK(2).topP(0.55), logits),
                1,
                0,
                0,
                0);
        assertClose(probabilities(all().topK(2).topP(0.55), logits), 4 / 7.0, 3 / 7.0, 0, 0);
    }

    @Test
    void demoOrderCutsTheLastTokenToTheExactMass() {
        float[] logits = logs(0.4, 0.3, 0.2, 0.1);
        assertClose(
                probabilities(all().order(Order.RWKV7_DEMO).topP(0.6), logits),
                0.4 / 0.6,
                0.2 / 0.6,
                0,
                0);
        assertClose(probabilities(all().order(Order.RWKV7_DEMO).topP(0.3), logits), 1, 0, 0, 0);
    }

    @ParameterizedTest
    @EnumSource(Order.class)
    void minPIsRelativeToTheMostProbable(Order order) {
        float[] logits = logs(0.5, 0.3, 0.15, 0.05);
        assertClose(
                probabilities(all().order(order).minP(0.25), logits),
                0.5 / 0.95,
                0.3 / 0.95,
                0.15 / 0.95,
                0);
        assertClose(probabilities(all().order(order).minP(1), logits), 1, 0, 0, 0);
    }

    @ParameterizedTest
    @EnumSource(Order.class)
    void lowestIdsStayOfEqualsAtTheEdgeOfTopK(Order order) {
        assertClose(
                probabilities(all().order(order).topK(3), 1, 0, 2, 1, 1, 2),
                weight(1),
                0,
                weight(2),
                0,
                0,
                weight(2));
    }

    private static double weight(int logit) {
        return Math.exp(logit) / (Math.exp(1) + 2 * Math.exp(2));
    }

    @ParameterizedTest
    @EnumSource(Order.class)
    void temperatureZeroTakesTheLowestIdOfTheMostProbable(Order order) {
        float[] logits = {1, 3, 2, 3};
        Sampler sampler = new Sampler(all().order(order).temperature(0).build(), 4);
        assertThat(sampler.sample(logits)).isEqualTo(1);
        assertThat(sampler.probabilities(logits)).containsExactly(0, 1, 0, 0);
    }

    @ParameterizedTest
    @EnumSource(Order.class)
    void extremeTemperaturesStayFinite(Order order) {
        float[] logits = {1, 3, -300, Float.NEGATIVE_INFINITY, 2.999f};
        assertClose(probabilities(all().order(order).temperature(1e-300), logits), 0, 1, 0, 0, 0);
        float[] hot = probabilities(all().order(order).temperature(100), logits);
        assertThat(hot[3]).isZero();
        assertThat(hot[0]).isBetween(0.2f, 0.4f);
    }

    @Test
    void samplesFollowTheProbabilities() {
        Sampler sampler = new Sampler(all().build(), 4);
        float[] logits = logs(0.5, 0.3, 0.15, 0.05);
        int[] seen = new int[4];
        for (int i = 0; i < 100_000; i++) {
            seen[sampler.sample(logits)]++;
        }
        // Four standard deviations of the widest are 632.
        assertThat(seen[0]).isCloseTo(50_000, within(650));
        assertThat(seen[1]).isCloseTo(30_000, within(650));
        assertThat(seen[2]).isCloseTo(15_000, within(650));
        assertThat(seen[3]).isCloseTo(5_000, within(650));
    }

    @ParameterizedTest
    @EnumSource(Order.class)
    void aSeedReproducesItsTokens(Order order) {
        int[] first = draw(order, 42);
        assertThat(draw(order, 42)).isEqualTo(first);
        assertThat(draw(order, 43)).isNotEqualTo(first);
    }

    private static int[] draw(Order order, long seed) {
        SamplerSettings settings =
                SamplerSettings.builder()
                        .order(order)
                        .temperature(0.9)
                        .topP(0.95)
                        .topK(500)
                        .presencePenalty(0.3)
                        .seed(seed)
                        .build();
        Sampler sampler = new Sampler(settings, 1000);
        Random random = new Random(8);
        return IntStream.range(0, 100)
                .map(_ -> {
                    int token = sampler.sample(gaussian(random, 1000));
                    sampler.accept(token);
                    return token;
                })
                .toArray();
    }

    private static float[] gaussian(Random random, int size) {
        float[] logits = new float[size];
        for (int i = 0; i < size; i++) {
            logits[i] = (float) random.nextGaussian() * 2;
        }
        return logits;
    }

    @Test
    void theTokensOfASeedAreFixed() {
        Sampler sampler = new Sampler(all().seed(2026).build(), 10);
        int[] tokens = IntStream.range(0, 12).map(_ -> sampler.sample(new float[10])).toArray();
        assertThat(tokens).containsExactly(4, 5, 0, 6, 0, 7, 1, 4, 1, 8, 4, 1);
    }

    @Test
    void aLargeVocabularyAgreesWithSortingIt() {
        Random random = new Random(21);
        for (int size : new int[] {1, 2, 1021, 65_536}) {
            for (int round = 0; round < 8; round++) {
                float[] logits = gaussian(random, size);
                if (round == 7) {
                    // Few values, many ties.
                    for (int i = 0; i < size; i++) {
                        logits[i] = Math.round(logits[i]);
                    }
                }
                double topP = random.nextDouble();
                int topK = 1 + random.nextInt(size);
                float[] actual = probabilities(all().topP(topP).topK(topK), logits);
                double[] expected = bySorting(logits, topP, topK);
                for (int i = 0; i < size; i++) {
                    assertThat((double) actual[i]).isCloseTo(expected[i], within(1e-6));
                }
            }
        }
    }

    private static double[] bySorting(float[] logits, double topP, int topK) {
        int[] order =
                IntStream.range(0, logits.length)
                        .boxed()
                        .sorted((a, b) -> Float.compare(logits[b], logits[a]))
                        .mapToInt(i -> i)
                        .toArray();
        double total = 0;
        for (float logit : logits) {
            total += Math.exp(logit);
        }
        double reached = 0;
        int last = 0;
        while (last < order.length) {
            reached += Math.exp(logits[order[last]]) / total;
            if (reached >= topP) {
                break;
            }
            last++;
        }
        float edge = logits[order[last]];
        double[] result = new double[logits.length];
        double sum = 0;
        for (int i = 0; i < Math.min(topK, order.length) && logits[order[i]] >= edge; i++) {
            result[order[i]] = Math.exp(logits[order[i]]);
            sum += result[order[i]];
        }
        for (int i = 0; i < result.length; i++) {
            result[i] /= sum;
        }
        return result;
    }

    @Test
    void tensorsAndArraysSampleTheSame() {
        try (Arena arena = Arena.ofConfined()) {
            float[] logits = gaussian(new Random(2), 50);
            Tensor row = Tensor.of(arena, logits, 1, 50);
            Sampler one = new Sampler(all().build(), 50);
            Sampler other = new Sampler(all().build(), 50);
            for (int i = 0; i < 20; i++) {
                assertThat(one.sample(row)).isEqualTo(other.sample(logits));
            }
            Tensor wrong = Tensor.allocate(arena, DType.F16, 1, 50);
            assertThatThrownBy(() -> one.sample(wrong))
                    .isInstanceOf(GenerateException.class)
                    .hasMessage("the logits are F16 [1, 50], expected 50 numbers of F32");
            assertThatThrownBy(() -> one.sample(new float[49]))
                    .hasMessage("there are 49 logits, expected 50");
        }
    }

    @Test
    void logitsThatAreNotFiniteAreRefused() {
        Sampler sampler = new Sampler(all().build(), 3);
        assertThatThrownBy(() -> sampler.sample(new float[] {0, Float.NaN, 0}))
                .isInstanceOf(AnserException.class)
                .hasMessageStartingWith("the logits of token 1 are not finite (NaN); ");
        assertThatThrownBy(() -> sampler.sample(new float[] {0, 0, Float.POSITIVE_INFINITY}))
                .hasMessageStartingWith("the logits of token 2 are not finite (Infinity); ");
        float[] none = new float[3];
        Arrays.fill(none, Float.NEGATIVE_INFINITY);
        assertThatThrownBy(() -> sampler.sample(none))
                .hasMessageStartingWith("every token is ruled");
    }

    @Test
    void bannedTokensAndTokensWithoutTextAreNeverDrawn() {
        WorldTokenizer tokenizer =
                WorldTokenizer.load(
                        "v.txt", "1 'a' 1\n2 '7' 1\n4 'b' 1".getBytes(StandardCharsets.UTF_8));
        Sampler sampler = new Sampler(all().bannedTokens(4).build(), 8, tokenizer);
        assertClose(sampler.probabilities(new float[8]), 1 / 3.0, 1 / 3.0, 1 / 3.0, 0, 0, 0, 0, 0);
        assertThatThrownBy(() -> new Sampler(all().bannedTokens(8).build(), 8))
                .hasMessage("banned token 8 is outside the vocabulary of 8 tokens");
    }

    @Test
    void digitsAndSpacesCountZeroAndAreStillPresent() {
        WorldTokenizer tokenizer =
                WorldTokenizer.load(
                        "v.txt", "1 'a' 1\n2 '67' 2\n3 '42' 2".getBytes(StandardCharsets.UTF_8));
        SamplerSettings settings = all().presencePenalty(1).frequencyPenalty(10).build();
        Sampler sampler = new Sampler(settings, 4, tokenizer);
        for (int token = 0; token < 4; token++) {
            sampler.accept(token);
        }
        float[] adjusted = sampler.adjusted(new float[4]);
        assertThat(adjusted[2]).isEqualTo(-1);
        assertThat(adjusted[0]).isEqualTo(-1);
        assertThat(adjusted[1]).isLessThan(-10);
        assertThat(adjusted[3]).isLessThan(-10);
    }

    @Test
    void settingsOutOfRangeAreRefusedByName() {
        assertThatThrownBy(() -> all().temperature(-1).build())
                .isInstanceOf(GenerateException.class)
                .hasMessage("temperature is -1, expected 0 to 100");
        assertThatThrownBy(() -> all().temperature(Double.NaN).build())
                .hasMessage("temperature is NaN, expected 0 to 100");
        assertThatThrownBy(() -> all().topK(-1).build())
                .hasMessage("top-k is -1, expected a number of at least 0");
        assertThatThrownBy(() -> all().topP(1.5).build())
                .hasMessage("top-p is 1.5, expected 0 to 1");
        assertThatThrownBy(() -> all().minP(-0.1).build())
                .hasMessage("min-p is -0.1, expected 0 to 1");
        assertThatThrownBy(() -> all().presencePenalty(Double.POSITIVE_INFINITY).build())
                .hasMessage("presence penalty is Infinity, expected -100 to 100");
        assertThatThrownBy(() -> all().frequencyPenalty(101).build())
                .hasMessage("frequency penalty is 101, expected -100 to 100");
        assertThatThrownBy(() -> all().penaltyDecay(2).build())
                .hasMessage("penalty decay is 2, expected 0 to 1");
        assertThatThrownBy(() -> all().bannedTokens(3, -2).build())
                .hasMessage("banned token is -2, expected a number of at least 0");
    }

    @Test
    void fastExpIsTheExponentialFunction() {
        for (float x = 0; x > -87; x -= 0.00137f) {
            double expected = Math.exp(x);
            assertThat((double) FastExp.ofNegative(x))
                    .isCloseTo(expected, within(expected * 2.5e-7));
        }
        assertThat(FastExp.ofNegative(0)).isEqualTo(1);
        assertThat(FastExp.ofNegative(-87.5f)).isZero();
        assertThat(FastExp.ofNegative(Float.NEGATIVE_INFINITY)).isZero();
    }
}
