package dev.anser.generate;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ThreadLocalRandom;

/// How the next token is drawn from logits. Immutable; see [Sampler] for what each step does.
///
/// @param order in which order the steps run
/// @param temperature 0 (always the most probable token) to 100; 1 leaves the probabilities alone
/// @param topK how many of the most probable tokens stay; 0 for all
/// @param topP how much probability the tokens that stay have together, 0 to 1; 1 for all
/// @param minP the least probability of a token that stays, relative to the most probable; 0 to 1
/// @param presencePenalty taken from the logit of every token drawn before; -100 to 100
/// @param frequencyPenalty taken from the logit of a token for each time it was drawn; -100 to 100
/// @param penaltyDecay what earlier times count for after each token, 0 to 1; 1 never forgets
/// @param bannedTokens ids that are never drawn
/// @param seed what the draws follow from
public record SamplerSettings(
        Order order,
        double temperature,
        int topK,
        double topP,
        double minP,
        double presencePenalty,
        double frequencyPenalty,
        double penaltyDecay,
        List<Integer> bannedTokens,
        long seed) {
    /// In which order the steps of a [Sampler] run.
    public enum Order {
        /// ChatRWKV's: top-p, min-p and top-k on the probabilities as the model gave them,
        /// temperature after that.
        CHAT_RWKV,
        /// The usual one: temperature, top-k, top-p of what is left, min-p.
        TEMPERATURE_FIRST,
        /// The one of the RWKV-7 demo: as ChatRWKV's, and the least probable token that stays gets
        /// just so much that all together have top-p.
        RWKV7_DEMO
    }

    /// Checks every range.
    ///
    /// @throws GenerateException when a value is out of its range; the message names it
    public SamplerSettings {
        check("temperature", temperature, 0, 100);
        check("top-k", topK, 0, Integer.MAX_VALUE);
        check("top-p", topP, 0, 1);
        check("min-p", minP, 0, 1);
        check("presence penalty", presencePenalty, -100, 100);
        check("frequency penalty", frequencyPenalty, -100, 100);
        check("penalty decay", penaltyDecay, 0, 1);
        bannedTokens = List.copyOf(bannedTokens);
        for (int id : bannedTokens) {
            check("banned token", id, 0, Integer.MAX_VALUE);
        }
    }

    private static void check(String name, double value, double least, double most) {
        if (!(value >= least && value <= most)) {
            String range =
                    most == Integer.MAX_VALUE
                            ? "a number of at least " + shown(least)
                            : shown(least) + " to " + shown(most);
            throw new GenerateException(name + " is " + shown(value) + ", expected " + range);
        }
    }

    private static String shown(double value) {
        return value == Math.rint(value) && Math.abs(value) < 1e15
                ? String.format(Locale.ROOT, "%.0f", value)
                : Double.toString(value);
    }

    /// Always the most probable token.
    public static SamplerSettings greedy() {
        return builder().temperature(0).build();
    }

    /// Starts settings of ChatRWKV's order, temperature 1, top-p 0.85, without penalties, and with
    /// a seed of chance.
    public static Builder builder() {
        return new Builder();
    }

    /// Whether the sampler has to remember the tokens drawn.
    boolean penalises() {
        return presencePenalty != 0 || frequencyPenalty != 0;
    }

    /// Collects settings; each has a default.
    public static final class Builder {
        private Order order = Order.CHAT_RWKV;
        private double temperature = 1;
        private int topK;
        private double topP = 0.85;
        private double minP;
        private double presencePenalty;
        private double frequencyPenalty;
        private double penaltyDecay = 0.996;
        private List<Integer> bannedTokens = List.of();
        private long seed = ThreadLocalRandom.current().nextLong();

        private Builder() {}

        /// The order of the steps; ChatRWKV's unless told.
        public Builder order(Order order) {
            this.order = order;
            return this;
        }

        /// 0 (always the most probable token) to 100; 1 unless told.
        public Builder temperature(double temperature) {
            this.temperature = temperature;
            return this;
        }

        /// How many of the most probable tokens stay; 0, all, unless told.
        public Builder topK(int topK) {
            this.topK = topK;
            return this;
        }

        /// How much probability stays, 0 to 1; 0.85 unless told.
        public Builder topP(double topP) {
            this.topP = topP;
            return this;
        }

        /// The least probability that stays relative to the highest, 0 to 1; 0 unless told.
        public Builder minP(double minP) {
            this.minP = minP;
            return this;
        }

        /// Taken from the logit of every token drawn before, -100 to 100; 0 unless told.
        public Builder presencePenalty(double presencePenalty) {
            this.presencePenalty = presencePenalty;
            return this;
        }

        /// Taken from a token's logit for each time it was drawn, -100 to 100; 0 unless told.
        public Builder frequencyPenalty(double frequencyPenalty) {
            this.frequencyPenalty = frequencyPenalty;
            return this;
        }

        /// What earlier times count for after each token, 0 to 1; 0.996 unless told, as in
        /// ChatRWKV.
        public Builder penaltyDecay(double penaltyDecay) {
            this.penaltyDecay = penaltyDecay;
            return this;
        }

        /// Ids that are never drawn; none unless told.
        public Builder bannedTokens(int... ids) {
            this.bannedTokens = Arrays.stream(ids).boxed().toList();
            return this;
        }

        /// What the draws follow from; a number of chance unless told.
        public Builder seed(long seed) {
            this.seed = seed;
            return this;
        }

        /// The settings.
        ///
        /// @throws GenerateException when a value is out of its range; the message names it
        public SamplerSettings build() {
            return new SamplerSettings(
                    order,
                    temperature,
                    topK,
                    topP,
                    minP,
                    presencePenalty,
                    frequencyPenalty,
                    penaltyDecay,
                    bannedTokens,
                    seed);
        }
    }
}
